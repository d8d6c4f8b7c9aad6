//! The keys of labels and annotations that flare-kube writes or selects by, each with its value if that is always the same.
//!
//! Changing one is a change of a format: objects in clusters have the old one. The charts' templates write [`NAME`], [`MANAGED_BY`] (there
//! it is Helm that manages) and [`KIT_FINGERPRINT`] too; `charts-src` is the only other place where a key stands.

use std::collections::BTreeMap;

/// Label with its value: flare-kube made the object.
///
/// On job pods and their Secrets, staged objects, claims and their Leases, helper pods, Secrets with registry credentials; written by what
/// creates each. Read by whatever lists, replaces or deletes them: nothing without it is taken for flare-kube's.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "flare-kube");

/// Label with its value: what the object belongs to. On job pods and their Secrets, written by the launcher, for people (defect 18).
pub const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", "nvflare");

/// Label with the name of the parent's Deployment.
///
/// On everything that a chart creates, written by its templates, which select the parent's pods by it. Read to find these pods.
pub const NAME: &str = "app.kubernetes.io/name";

/// Label: what the object is for, one of [`component`]. On all objects that [`MANAGED_BY`] lists, except for claims and Leases.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// The values of [`COMPONENT`].
pub mod component {
    /// A job pod, or a Secret of only that job. Written by the launcher; read by launchers, sweeps and `uninstall`.
    pub const JOB: &str = "job";

    /// The Secret with a site's startup kit, which all its jobs share. Written by the launcher; read by sweeps and `uninstall`.
    pub const STARTUP_KIT: &str = "startup-kit";

    /// A `ConfigMap` or Secret with a part of a staged kit. Written and read by `stage` and `unstage`.
    pub const STAGED_KIT: &str = "staged-kit";

    /// A pod that mounts a workspace claim for `stage`, `backup` and other verbs about volumes. Written by these verbs, for people.
    pub const STAGE: &str = "stage";

    /// A Secret with registry credentials. Written by `install --create-pull-secret`, read by `uninstall`.
    pub const REGISTRY_CREDENTIALS: &str = "registry-credentials";
}

/// Label with the name of the participant's Deployment, which is a valid Kubernetes name.
///
/// On staged objects, written and read by `stage`; on Secrets with registry credentials, written by `install`, read by `install` and
/// `uninstall`.
pub const PARTICIPANT: &str = "flare-kube/participant";

/// Annotation with the raw name of a job's site; the label of this name has it as a valid label value.
///
/// On job pods and their Secrets, written by the launcher. The annotation is read by launchers, sweeps and `uninstall` (defect 18).
pub const SITE: &str = "flare-kube/site";

/// Annotation with the raw job id; the label of this name has it as a valid label value. On job pods and their Secrets, as [`SITE`].
pub const JOB_ID: &str = "flare-kube/job-id";

/// Annotation with the raw name of a job's study; the label of this name has it as a valid label value. As [`SITE`], where there is one.
pub const STUDY: &str = "flare-kube/study";

/// Annotation with the owner of a kit (participant, role and project), as JSON.
///
/// On workspace claims, for the kit on the volume, and on staged objects; written by `stage`. Read by everything that stages, removes or
/// checks a kit, and by `verify`, `status` and `install`.
pub const KIT_OWNER: &str = "flare-kube/kit-owner";

/// Annotation with the fingerprint of a kit.
///
/// On workspace claims and staged objects, written and read as [`KIT_OWNER`]. On the parent's pods, written by the charts' templates: of the
/// kit for which the pod was created; read by `verify` and `status`.
pub const KIT_FINGERPRINT: &str = "flare-kube/kit-fingerprint";

/// Label with the version in the names of both staged objects of a kit, which is the beginning of its fingerprint. Written by `stage`; read
/// by `unstage`, which so finds all versions.
pub const KIT_VERSION: &str = "flare-kube/kit-version";

/// Annotation with the claim of the parent that mounts staged objects. Written by `stage`, which refuses a second participant on one claim.
pub const WORKSPACE_CLAIM: &str = "flare-kube/workspace-claim";

/// Label with the claim that a helper pod mounts. Written by the verbs about volumes, which find the pods of killed runs by it.
pub const STAGES_CLAIM: &str = "flare-kube/stages-claim";

/// Annotation with the number of renewals of a claim's Lease, so that each renewal changes it. Written by its holder, for people.
pub const RENEWALS: &str = "flare-kube/renewals";

/// Annotation with the number of replicas that a Deployment had before a staging. Written by `stage --restart`; read by the next run after
/// one that was killed.
pub const REPLICAS_BEFORE_STAGE: &str = "flare-kube/replicas-before-stage";

/// Annotation with the revision of a release that was proven to work, as JSON. On the parent's Deployment, written and read by `install`,
/// read by `verify` and `status`.
pub const PROVEN: &str = "flare-kube/proven";

/// The label selector of the objects that have all these labels.
///
/// ```
/// use flare_names::labels::{COMPONENT, MANAGED_BY, component, selector};
///
/// let job_pods = selector(&[MANAGED_BY, (COMPONENT, component::JOB)]);
/// assert_eq!(job_pods, "app.kubernetes.io/managed-by=flare-kube,app.kubernetes.io/component=job");
/// ```
pub fn selector(labels: &[(&str, &str)]) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Whether an object whose labels are `found` has all the `wanted` ones.
pub fn carries(found: Option<&BTreeMap<String, String>>, wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(key, value)| found.and_then(|found| found.get(*key)).is_some_and(|found| found == value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_carries_labels_if_each_has_the_wanted_value() {
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let wanted = [MANAGED_BY, (COMPONENT, component::JOB)];
        for (found, expected) in [
            (&[MANAGED_BY, (COMPONENT, component::JOB), ("team", "a")][..], true),
            (&[MANAGED_BY, (COMPONENT, component::STAGED_KIT)][..], false),
            (&[(MANAGED_BY.0, "Helm"), (COMPONENT, component::JOB)][..], false),
            (&[MANAGED_BY][..], false),
        ] {
            assert_eq!(carries(Some(&labels(found)), &wanted), expected, "{found:?}");
        }
        assert!(!carries(None, &wanted));
        assert!(carries(None, &[]), "nothing is wanted");
    }
}
