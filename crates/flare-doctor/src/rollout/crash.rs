//! Containers that start and exit.

use flare_cluster::{
    pod_state,
    start_fault::{StartFault, start_fault},
};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};

use super::{
    current::Current,
    look::{ObservedParent, RolloutStatus},
};
use crate::{Finding, finding::times, joining::last_lines, registered};

/// How many lines at the end of a log are shown as the reason.
const LAST_LINES: usize = 20;

/// The verdict for a container that has exited and does not run now; `None` if it runs or has never run.
pub(super) fn judge(look: &ObservedParent<'_>, current: &Current<'_>, pod: &Pod) -> Option<RolloutStatus> {
    let init = pod.status.iter().flat_map(|status| status.init_container_statuses.iter().flatten());
    let mut statuses = init.chain(current.status(pod));
    statuses.find_map(|status| of_container(look, status, status.name == current.container()))
}

fn of_container(look: &ObservedParent<'_>, status: &ContainerStatus, is_parent: bool) -> Option<RolloutStatus> {
    let state = status.state.as_ref()?;
    if state.running.is_some() || (!is_parent && state.terminated.as_ref().is_some_and(|ended| ended.exit_code == 0)) {
        return None;
    }
    let (waits_for, said) = pod_state::waiting(status).unwrap_or_default();
    if pod_state::is_failed_pull(waits_for) || pod_state::is_permanent(waits_for) {
        // It exited, but something else prevents its next start.
        return None;
    }
    let what = if is_parent { "the parent".to_owned() } else { format!("the init container `{}`", status.name) };
    if waits_for == "CreateContainerError" && start_fault(said) == Some(StartFault::Command) {
        // CRI-O looks for the command when it creates the container.
        return Some(RolloutStatus::hopeless(cannot_start(&what, Some(said))));
    }
    let ended = state.terminated.as_ref().or_else(|| status.last_state.as_ref()?.terminated.as_ref())?;
    let start = pod_state::never_ran(ended);
    let too_little = start && ended.message.as_deref().and_then(start_fault) == Some(StartFault::Memory);
    if start && !too_little {
        return Some(RolloutStatus::hopeless(cannot_start(&what, ended.message.as_deref())));
    }
    if too_little || ended.reason.as_deref() == Some("OOMKilled") {
        return Some(RolloutStatus::hopeless(out_of_memory(look, &what, ended)));
    }
    let finding = crashed(look, &what, status, ended);
    Some(if waits_for == "CrashLoopBackOff" { RolloutStatus::hopeless(finding) } else { RolloutStatus::Waiting(finding) })
}

/// The runtime could not run the command at all.
fn cannot_start(what: &str, said: Option<&str>) -> Finding {
    let hint = "set `parent.python_path` in k8s.yaml to the Python of the image, or choose an image for the nodes' processor; then \
                prepare and install again";
    Finding::error("D53", format!("{what} cannot be started: the image does not run its command"), hint).evidence(said)
}

fn out_of_memory(look: &ObservedParent<'_>, what: &str, ended: &ContainerStateTerminated) -> Finding {
    let message = format!("{what} was killed because it used more memory than its limit (exit {})", ended.exit_code);
    let hint = "raise `resources.limits.memory` (`parent.resources` in k8s.yaml, then prepare and install again)";
    Finding::error("D81", message, hint).evidence(last_lines(look.log, LAST_LINES))
}

fn crashed(look: &ObservedParent<'_>, what: &str, status: &ContainerStatus, ended: &ContainerStateTerminated) -> Finding {
    let restarts = status.restart_count;
    let again = if restarts > 0 { format!(", and was started again {}", times(restarts)) } else { String::new() };
    let reason = ended.reason.as_deref().filter(|reason| !matches!(*reason, "Error" | "Completed"));
    let reason = reason.map(|reason| format!(", {reason}")).unwrap_or_default();
    let mut message = format!("{what} ended with exit {}{reason}{again}", ended.exit_code);
    let mut hint = "the last lines of its log say why".to_owned();
    if let Some(cause) = registered::cause(look.log) {
        message = format!("{message}: {}", cause.message);
        cause.hint.clone_into(&mut hint);
    }
    Finding::error("D81", message, hint).evidence(&ended.message).evidence(last_lines(look.log, LAST_LINES))
}
