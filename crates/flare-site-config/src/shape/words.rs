//! Strings that are one of a few words.

use flare_names::Target;
use flare_yaml::{Node, shown};
use schemars::{Schema, json_schema};

use super::{ConfigReader, Shape};
use crate::choices::{InternalSecurity, JobPullPolicy};

impl ConfigReader {
    /// One of a few words.
    pub(super) fn one_of<'node>(&mut self, node: &'node Node, path: &str, words: &[&'static str]) -> Option<&'node str> {
        let choice = match words {
            [others @ .., last] if !others.is_empty() => format!("`{}` or `{last}`", others.join("`, `")),
            words => format!("`{}`", words.join("")),
        };
        let text = self.text(node, path, |_| format!("use {choice}"))?;
        if words.contains(&text) {
            return Some(text);
        }
        let hint = flare_diagnostic::did_you_mean(text, words.iter().copied());
        self.refuse(node, format!("`{path}` must be {choice}, not `{}`", shown(text)), hint)
    }
}

/// `parent.internal_connection_security`.
pub(crate) struct Security;

impl Shape for Security {
    type Output = InternalSecurity;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<InternalSecurity> {
        let words = [InternalSecurity::Clear, InternalSecurity::Mtls];
        let text = reader.one_of(node, path, &words.map(InternalSecurity::as_str))?;
        words.into_iter().find(|word| word.as_str() == text)
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "string", "enum": ["clear", "mtls"]})
    }
}

/// `job_launcher.image_pull_policy`.
pub(crate) struct PullPolicy;

impl Shape for PullPolicy {
    type Output = JobPullPolicy;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<JobPullPolicy> {
        let text = reader.one_of(node, path, &JobPullPolicy::ALL.map(JobPullPolicy::as_str))?;
        JobPullPolicy::ALL.into_iter().find(|policy| policy.as_str() == text)
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "string", "enum": JobPullPolicy::ALL.map(JobPullPolicy::as_str)})
    }
}
