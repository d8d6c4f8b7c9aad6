//! Decides from a claim's state and access modes whether job pods can use it.

use flare_cluster::{
    claim_state::{self, ClaimPhase},
    k8s_openapi::api::{core::v1::PersistentVolumeClaim, storage::v1::StorageClass},
};
use flare_diagnostic::{Code, Collector, Diagnostic, Place};

/// A use of a claim by a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimUse {
    /// The study.
    pub study: String,
    /// The claim, a valid name.
    pub claim: String,
    /// Whether job pods can only read it.
    pub read_only: bool,
    /// Its place in the study file.
    pub place: Place,
}

/// When the cluster gives a claim its volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// When the first pod mounts it.
    WithFirstPod,
    /// As soon as the claim exists.
    AtOnce,
    /// Unknown, since the user may not read storage classes.
    Unknown,
    /// No volume was requested: the claim was only tried.
    NotAsked,
}

impl Binding {
    /// The binding mode of a storage class. `Immediate` is Kubernetes' default, also for volumes that were created by hand.
    pub(super) fn of(class: Option<&StorageClass>) -> Self {
        let mode = class.and_then(|class| class.volume_binding_mode.as_deref());
        if mode == Some("WaitForFirstConsumer") { Self::WithFirstPod } else { Self::AtOnce }
    }
}

/// The facts about a claim's namespace and cluster that decide whether it can be used.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClaimContext<'run> {
    pub(super) namespace: &'run str,
    /// The claim that the parent mounts.
    pub(super) workspace: &'run str,
    pub(super) several_nodes: bool,
}

/// A claim's state in one word, as in kubectl's output.
pub(super) fn state(claim: Option<&PersistentVolumeClaim>) -> &'static str {
    let Some(claim) = claim else { return "missing" };
    if claim.metadata.deletion_timestamp.is_some() {
        return "Terminating";
    }
    match claim_state::phase(claim) {
        ClaimPhase::Bound => "Bound",
        ClaimPhase::Lost => "Lost",
        ClaimPhase::Pending => "Pending",
    }
}

/// Whether a claim has no volume yet.
pub(super) fn is_pending(claim: &PersistentVolumeClaim) -> bool {
    state(Some(claim)) == "Pending"
}

/// Errors for everything that keeps jobs of the studies from using the claim, and warnings. `uses` are all uses of this claim, at
/// least one.
pub(super) fn judge(
    uses: &[&ClaimUse],
    claim: Option<&PersistentVolumeClaim>,
    binding: Binding,
    context: ClaimContext<'_>,
) -> Collector {
    let Some(first) = uses.first() else { return Collector::new() };
    let name = first.claim.as_str();
    let mut judged = Judged { name: name.to_owned(), found: Collector::new() };
    let Some(claim) = claim else {
        let what = format!("there is no claim `{name}` in namespace `{}`", context.namespace);
        judged.fault(what, "create it, or let `--create 10Gi` make it", &first.place);
        return judged.found;
    };
    judged.judge_state(claim, binding, &first.place);
    judged.judge_modes(claim, uses, context);
    judged.found
}

/// The findings about one claim.
struct Judged {
    name: String,
    found: Collector,
}

impl Judged {
    fn fault(&mut self, what: String, hint: &str, place: &Place) {
        self.found.push(Diagnostic::error(Code::CheckFailed, what).hint(hint).at(place.clone()));
    }

    fn notice(&mut self, what: &str, hint: &str, place: &Place) {
        let message = format!("the claim `{}` {what}", self.name);
        self.found.push(Diagnostic::warning(Code::Notice, message).hint(hint).at(place.clone()));
    }

    fn judge_state(&mut self, claim: &PersistentVolumeClaim, binding: Binding, place: &Place) {
        let name = self.name.clone();
        match (state(Some(claim)), binding) {
            ("Terminating", _) => self.fault(
                format!("the claim `{name}` is being deleted"),
                "wait until it is gone, then create it again; pods that still use it keep it",
                place,
            ),
            ("Lost", _) => self.fault(
                format!("the claim `{name}` has lost its volume"),
                "delete the claim and restore its data, or bind it to another volume",
                place,
            ),
            ("Pending", Binding::AtOnce) => self.fault(
                format!("the claim `{name}` has no volume, and its storage class does not wait for a pod"),
                "see what `kubectl describe pvc` says of it; make a volume for it, or create it with another storage class",
                place,
            ),
            ("Pending", Binding::WithFirstPod) => {
                self.notice("has no volume yet: it gets one with the first pod that mounts it", "nothing is left to do", place);
            }
            ("Pending", Binding::Unknown) => self.notice(
                "has no volume yet, and its storage class may not be read, which would tell whether it waits for a pod",
                "see what `kubectl describe pvc` says of it",
                place,
            ),
            _ => {}
        }
    }

    fn judge_modes(&mut self, claim: &PersistentVolumeClaim, uses: &[&ClaimUse], context: ClaimContext<'_>) {
        let Some(spec) = &claim.spec else { return };
        let modes = spec.access_modes.as_deref().unwrap_or_default();
        let all = |mode: &str| !modes.is_empty() && modes.iter().all(|one| one == mode);
        let place = &uses[0].place;
        if spec.volume_mode.as_deref() == Some("Block") {
            let what = format!("the claim `{}` is a block device, which job pods cannot mount as a directory", self.name);
            self.fault(what, "use a claim with `volumeMode: Filesystem`", place);
        }
        if all("ReadOnlyMany") {
            for one in uses.iter().filter(|one| !one.read_only) {
                let what = format!(
                    "the study `{}` writes to the claim `{}`, which can only be read (ReadOnlyMany)",
                    one.study, self.name
                );
                self.fault(what, "write `mode: ro`, or use a claim with ReadWriteOnce or ReadWriteMany", &one.place);
            }
        } else if all("ReadWriteOncePod") {
            self.one_pod_alone(place, context);
        } else if all("ReadWriteOnce") && context.several_nodes {
            self.notice(
                "can be used on one node at a time (ReadWriteOnce), and the cluster has several",
                "use a claim with ReadWriteMany, or ReadOnlyMany for data that is only read, where jobs are to run on several nodes",
                place,
            );
        }
    }

    fn one_pod_alone(&mut self, place: &Place, context: ClaimContext<'_>) {
        if self.name == context.workspace {
            self.notice(
                "is the parent's own and can be used by one pod at a time (ReadWriteOncePod): no job pod starts beside the parent",
                "put the data on a claim of its own",
                place,
            );
        } else {
            self.notice(
                "can be used by one pod at a time (ReadWriteOncePod): a second job waits until the first has ended",
                "use a claim with ReadWriteOnce or ReadWriteMany where jobs are to run beside each other",
                place,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::{Position, Severity};
    use serde_json::json;

    use super::*;

    /// A claim as the API server returns it.
    fn claim(phase: &str, modes: &[&str], volume_mode: &str) -> PersistentVolumeClaim {
        let deleted = (phase == "Terminating").then_some("2026-01-01T00:00:00Z");
        serde_json::from_value(json!({
            "metadata": {"name": "data", "deletionTimestamp": deleted},
            "spec": {"accessModes": modes, "volumeMode": volume_mode},
            "status": {"phase": if deleted.is_some() { "Bound" } else { phase }},
        }))
        .unwrap()
    }

    fn used(study: &str, read_only: bool, line: u32) -> ClaimUse {
        let place = Place::position("local/study_data.yaml", Position { line, column: 1 });
        ClaimUse { study: study.to_owned(), claim: "data".to_owned(), read_only, place }
    }

    /// The lines of the errors, and the messages of all findings.
    fn verdict(claim: Option<&PersistentVolumeClaim>, binding: Binding, workspace: &str, nodes: usize) -> (Vec<u32>, String) {
        let uses = [used("a", true, 1), used("b", false, 2), used("c", false, 3)];
        let context = ClaimContext { namespace: "fl", workspace, several_nodes: nodes > 1 };
        let found: Vec<Diagnostic> = judge(&uses.each_ref(), claim, binding, context).into_iter().collect();
        let errors = found.iter().filter(|one| one.severity == Severity::Error);
        let lines = errors.map(|error| {
            assert_eq!(error.code, Code::CheckFailed, "{error}");
            error.place.as_ref().and_then(|place| place.position).unwrap().line
        });
        (lines.collect(), found.iter().map(|one| format!("{}\n", one.message)).collect())
    }

    #[test]
    fn each_state_and_mode_has_its_own_verdict() {
        use Binding::{AtOnce, Unknown, WithFirstPod};
        let (once, many, pod, read) = ("ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod", "ReadOnlyMany");
        for (phase, modes, binding, nodes, lines, said) in [
            ("Bound", &[once][..], Unknown, 1, &[][..], ""),
            ("Bound", &[many], Unknown, 3, &[], ""),
            ("Bound", &[once, read], Unknown, 1, &[], ""),
            ("Bound", &[once], Unknown, 3, &[], "one node at a time"),
            ("Bound", &[read], Unknown, 3, &[2, 3], "the study `c` writes to the claim `data`"),
            ("Bound", &[pod], Unknown, 1, &[], "a second job waits"),
            ("Pending", &[many], WithFirstPod, 1, &[], "with the first pod"),
            ("Pending", &[many], Unknown, 1, &[], "may not be read"),
            ("Pending", &[many], AtOnce, 1, &[1], "does not wait for a pod"),
            ("Lost", &[many], Unknown, 1, &[1], "has lost its volume"),
            ("Terminating", &[many], Unknown, 1, &[1], "is being deleted"),
            ("Lost", &[read], Unknown, 1, &[1, 2, 3], "can only be read"),
        ] {
            let (found, text) = verdict(Some(&claim(phase, modes, "Filesystem")), binding, "nvflws", nodes);
            assert_eq!(found, lines, "{phase} {modes:?}: {text}");
            assert!(text.contains(said) && text.is_empty() == said.is_empty(), "{phase} {modes:?}: {text}");
        }
    }

    #[test]
    fn a_claim_that_is_not_there_or_is_no_directory_is_a_fault_and_the_parents_own_is_named() {
        let (lines, text) = verdict(None, Binding::Unknown, "nvflws", 1);
        assert_eq!((lines, text.as_str()), (vec![1], "there is no claim `data` in namespace `fl`\n"));
        let (lines, text) = verdict(Some(&claim("Bound", &["ReadWriteMany"], "Block")), Binding::Unknown, "nvflws", 1);
        assert!(lines == [1] && text.contains("block device"), "{text}");
        let (lines, text) = verdict(Some(&claim("Bound", &["ReadWriteOncePod"], "Filesystem")), Binding::Unknown, "data", 1);
        assert!(lines.is_empty() && text.contains("no job pod starts beside the parent"), "{text}");
    }

    #[test]
    fn a_class_makes_volumes_at_once_unless_it_says_otherwise() {
        let class = |mode: &str| serde_json::from_value(json!({"provisioner": "p", "volumeBindingMode": mode})).unwrap();
        assert_eq!(Binding::of(Some(&class("WaitForFirstConsumer"))), Binding::WithFirstPod);
        assert_eq!(Binding::of(Some(&class("Immediate"))), Binding::AtOnce);
        assert_eq!(Binding::of(None), Binding::AtOnce);
    }
}
