//! The two specs of a job, `launcher_spec` and `resource_spec`, as one site reads them.

use flare_names::Target;
use flare_site_config::JobPodDefaults;

use super::read;
use crate::document::{Findings, Node, join};

/// The context in which a job's meta data is read.
#[derive(Clone, Copy)]
pub(super) struct ReadContext<'view> {
    /// The path of the object, for messages; empty for a separate file.
    pub(super) path: &'view str,
    pub(super) site: Option<&'view str>,
    /// The name of the server in the project, if known: no key of a job uses it.
    pub(super) server_name: Option<&'view str>,
    /// The site's defaults for flare-kube's launcher.
    pub(super) pod_defaults: Option<&'view JobPodDefaults>,
    pub(super) target: Target,
}

/// Both specs of a job and the site for which they are read.
pub(super) struct Specs<'node> {
    pub(super) launcher: Option<&'node Node>,
    pub(super) resource: Option<&'node Node>,
    pub(super) site: &'node str,
    pub(super) path: &'node str,
}

impl<'node> Specs<'node> {
    /// `resource_spec[key]` with its path, if present and not null.
    pub(super) fn resource(&self, key: &str, findings: &mut Findings<'_>) -> Option<(&'node Node, String)> {
        Self::block(self.resource?, &join(self.path, "resource_spec"), key, findings)
    }

    /// `launcher_spec[key]` with its path, if present and not null.
    pub(super) fn launcher(&self, key: &str, findings: &mut Findings<'_>) -> Option<(&'node Node, String)> {
        Self::block(self.launcher?, &join(self.path, "launcher_spec"), key, findings)
    }

    /// The path of one of the two specs.
    pub(super) fn path_of(&self, spec: &str) -> String {
        join(self.path, spec)
    }

    /// Whether `resource_spec[site].k8s` counts: if `launcher_spec` has no k8s block, neither the site's nor a default
    /// that is not empty.
    pub(super) fn reads_older_place(&self) -> bool {
        let block = |key: &str| self.launcher.and_then(|spec| spec.get_non_null(key)?.get_non_null("k8s"));
        block(self.site).is_none() && block("default").is_none_or(|block| block.entries().is_empty())
    }

    fn block(spec: &'node Node, path: &str, key: &str, findings: &mut Findings<'_>) -> Option<(&'node Node, String)> {
        let block = spec.get_non_null(key)?;
        let path = join(path, key);
        read::is_object(block, &path, findings).then_some((block, path))
    }
}
