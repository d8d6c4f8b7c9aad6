//! The user's values, in addition to the chart's. They are read before Helm reads them, so that a missing or invalid file is reported,
//! and so that values can be removed from Helm's messages.

use std::path::PathBuf;

use flare_diagnostic::{Collector, Faults};
use flare_helm::{Setting, Values};
use serde_json::Value;

use crate::pipeline::values_file::values_of_file;

/// The minimum length of hidden texts. Shorter ones are words and numbers that messages need, such as `true` or `80`, not secrets.
const SHORTEST_SECRET: usize = 4;

/// Values files and settings, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    /// Absolute paths of values files.
    pub(crate) files: Vec<PathBuf>,
    /// Single settings.
    pub(crate) settings: Vec<Setting>,
}

impl Given {
    /// These values, and others on top of them. In Helm each setting takes precedence over all files.
    pub(crate) fn and(mut self, top: &Self) -> Self {
        self.files.extend(top.files.iter().cloned());
        self.settings.extend(top.settings.iter().cloned());
        self
    }
}

/// Reads the values. `own` are settings that take precedence over all others.
pub(super) fn read(given: &Given, own: impl IntoIterator<Item = Setting>) -> Result<Values, Faults> {
    let mut found = Collector::new();
    let mut hidden = Vec::new();
    for file in &given.files {
        if let Some(values) = found.keep(values_of_file(file)) {
            values.values().for_each(|value| hide(value, &mut hidden));
        }
    }
    for Setting::Guessed(text) | Setting::Text(text) in &given.settings {
        hide_setting(text, &mut hidden);
    }
    hidden.retain(|text| text.chars().count() >= SHORTEST_SECRET);
    let settings = given.settings.iter().cloned().chain(own).collect();
    found.finish(|| Values { files: given.files.clone(), settings, hidden }).map(|checked| checked.value)
}

/// Every string in a tree of values, and each line of a string with several lines.
fn hide(value: &Value, hidden: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            hidden.push(text.clone());
            hidden.extend(text.lines().map(|line| line.trim().to_owned()));
        }
        Value::Number(number) => hidden.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| hide(item, hidden)),
        Value::Object(entries) => entries.values().for_each(|value| hide(value, hidden)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The text after each `=` of a setting, as a whole and split at commas and braces, which separate values in Helm unless a backslash
/// precedes them. Helm's messages show values without these backslashes.
fn hide_setting(text: &str, hidden: &mut Vec<String>) {
    let Some((_, value)) = text.split_once('=') else { return };
    hidden.extend([value.to_owned(), unescaped(value)]);
    for part in value.split([',', '{', '}']).map(str::to_owned).chain(parts(value)) {
        hidden.extend(part.split_once('=').map(|(_, value)| value.to_owned()));
        hidden.push(part);
    }
}

/// The parts of a value between separators, unescaped.
fn parts(value: &str) -> Vec<String> {
    let (mut parts, mut escaped) = (vec![String::new()], false);
    for character in value.chars() {
        match character {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            ',' | '{' | '}' if !escaped => parts.push(String::new()),
            _ => parts.iter_mut().last().into_iter().for_each(|last| last.push(character)),
        }
        escaped = false;
    }
    parts
}

/// A value without the backslashes that escape its characters.
fn unescaped(value: &str) -> String {
    let mut characters = value.chars();
    std::iter::from_fn(|| match characters.next()? {
        '\\' => characters.next(),
        other => Some(other),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_that_may_be_a_secret_is_hidden() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("v.yaml");
        let text = "a: {b: [hunter22, 80, true]}\nc: |\n  line one\n  line two\nport: 12345678\n";
        flare_file_tree::write_file(&file, text.as_bytes(), 0o600, false).unwrap();
        let settings = vec![
            Setting::Guessed("x.y=pass=word,z=secret1,w={list1,list2}".into()),
            Setting::Text("k=abcd".into()),
            Setting::Guessed(r"p=one1\,two2,q=a\=b\\c".into()),
        ];
        let values = read(&Given { files: vec![file.clone()], settings }, [Setting::Text("own=value".into())]).unwrap();
        let escaped = ["one1,two2", r"a=b\c"];
        let plain = ["hunter22", "line one", "line two", "12345678", "pass=word", "secret1", "list1", "list2", "abcd"];
        for secret in plain.into_iter().chain(escaped) {
            assert!(values.hidden.iter().any(|hidden| hidden == secret), "{secret} of {:?}", values.hidden);
        }
        assert!(!values.hidden.iter().any(|hidden| hidden == "80" || hidden == "true"));
        assert_eq!((values.files, values.settings.len()), (vec![file], 4));
    }
}
