//! The job's `meta.json`: its id and study, and the two specs resolved for one site.

use flare_names::{PodName, job_container, job_pod};

use super::{
    k8s_block::K8sBlock,
    portable::{self, Portable},
    read, site_defaults,
    specs::{ReadContext, Specs},
    unmatched,
};
use crate::{
    document::{Findings, Node, join},
    origin::{Origin, Sourced},
    warnings::Warnings,
};

/// A job for one site.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Raw.
    pub(crate) id: String,
    pub(crate) pod_name: PodName,
    pub(crate) container_name: String,
    pub(crate) study: Option<String>,
    pub(crate) k8s: K8sBlock,
    pub(crate) portable: Portable,
    /// Places of images that are ignored, for the error that there is no image.
    pub(crate) unmatched_images: Vec<String>,
}

impl Job {
    pub(super) fn read(
        meta: &Node,
        view: ReadContext<'_>,
        findings: &mut Findings<'_>,
        warnings: &mut Warnings<'_>,
    ) -> Option<Self> {
        let ReadContext { path, site, target, .. } = view;
        let id = job_id(meta, path, findings);
        let study = study(meta, path, findings);
        let launcher_spec = read::optional_object(meta, path, "launcher_spec", findings);
        let resource_spec = read::optional_object(meta, path, "resource_spec", findings);
        let site = site?;
        let specs = Specs { launcher: launcher_spec, resource: resource_spec, site, path };
        let mut k8s = K8sBlock::read(&specs, target, findings, warnings);
        let portable = portable::read(&specs, target, findings, warnings);
        if let Some(defaults) = view.pod_defaults {
            site_defaults::fill(&mut k8s, &portable, defaults, findings);
        }
        let unmatched_images = unmatched::check(meta, &specs, view, warnings);
        let id = id?;
        let Some(pod_name) = job_pod(&id, site) else {
            let node = meta.get("job_id")?;
            findings.at(
                node.offset,
                format!("`{}` leaves no name for a pod", join(path, "job_id")),
                Some("FLARE's job ids are UUIDs"),
            );
            return None;
        };
        Some(Self { container_name: job_container(&id), pod_name, id, study, k8s, portable, unmatched_images })
    }

    /// `num_of_gpus` of the k8s block if the key is present, even if null; otherwise that of the resources.
    pub(crate) fn gpus(&self) -> Sourced<Option<serde_json::Value>> {
        match &self.k8s.gpus {
            Some(gpus) => gpus.clone(),
            None => self.portable.gpus.clone().map_or(Sourced::new(None, Origin::LauncherDefault), |gpus| gpus),
        }
    }
}

fn job_id(meta: &Node, path: &str, findings: &mut Findings<'_>) -> Option<String> {
    read::required(meta, path, "job_id", findings)?;
    read::nonempty_string(meta, path, "job_id", findings)
}

fn study(meta: &Node, path: &str, findings: &mut Findings<'_>) -> Option<String> {
    meta.get_non_null("study")?;
    read::string(meta, path, "study", findings).filter(|study| !study.is_empty())
}
