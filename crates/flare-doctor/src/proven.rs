//! The note on a Deployment that a revision of its release was proven to work: its parent had joined.

use flare_names::labels::PROVEN;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use serde::{Deserialize, Serialize};

use crate::rollout::{RunningParent, is_start};

/// The content of the annotation [`PROVEN`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// The revision of the release.
    pub revision: u64,
    /// The uid of the parent's pod that had joined; empty if it was replaced since.
    pub pod: String,
    /// The number of restarts of its container.
    pub restarts: i32,
}

impl Proven {
    /// Reads the annotation. One in another format is ignored.
    pub fn read(deployment: &Deployment) -> Option<Self> {
        serde_json::from_str(deployment.metadata.annotations.as_ref()?.get(PROVEN)?).ok()
    }

    /// Whether that parent still runs, and so has joined whatever its log still shows: kubelets rotate logs.
    pub fn is_of(&self, running: &RunningParent) -> bool {
        self.pod == running.uid && self.restarts == running.restarts
    }

    /// As [`Self::is_of`], for a pod.
    pub(crate) fn is_of_pod(&self, pod: &Pod, container: &str) -> bool {
        is_start(pod, &self.pod, container, self.restarts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_parent_that_had_joined_is_known() {
        let noted =
            |note: &str| -> Deployment { serde_json::from_value(json!({"metadata": {"annotations": {PROVEN: note}}})).unwrap() };
        let proven = Proven::read(&noted(r#"{"revision": 3, "pod": "u", "restarts": 1}"#)).unwrap();
        assert_eq!((proven.revision, Proven::read(&noted("3")), Proven::read(&Deployment::default())), (3, None, None));
        for (uid, restarts, is_known) in [("u", 1, true), ("u", 2, false), ("v", 1, false)] {
            let text = || "x".to_owned();
            let running = RunningParent { pod: text(), uid: uid.into(), container: text(), node: text(), restarts };
            let status = |name: &str, restarts: i32| json!({"name": name, "image": "i", "imageID": "", "ready": true, "restartCount": restarts});
            let statuses = [status("injected", 7), status("c", restarts)];
            let pod: Pod =
                serde_json::from_value(json!({"metadata": {"uid": uid}, "status": {"containerStatuses": statuses}})).unwrap();
            assert_eq!(
                RunningParent { uid: "u".into(), restarts: 1, container: "c".into(), ..running.clone() }.still_is(&pod),
                is_known
            );
            assert_eq!((proven.is_of(&running), proven.is_of_pod(&pod, "c")), (is_known, is_known), "{uid} {restarts}");
        }
    }
}
