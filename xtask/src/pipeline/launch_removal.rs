//! What a run of job pods has ended and removed, as far as that is known, and what may still be there.

use flare_diagnostic::{Code, Diagnostic};
use flare_pod_launch::{JobState, Settlement};

use super::launch_run::{JobResult, Report};
use crate::interrupt;

/// Whether nothing of a job is left: it was removed, or nothing was ever requested.
fn is_removed(job: &JobResult) -> bool {
    match &job.settlement {
        Some(settlement) => *settlement == Settlement::Removed,
        None => job.refused.is_some(),
    }
}

/// Whether no pod of a job runs any more.
fn is_over(job: &JobResult) -> bool {
    let has_no_pod = || matches!(job.settlement, Some(Settlement::Kept | Settlement::SecretNotRemoved { .. }));
    is_removed(job) || has_no_pod()
}

/// Whether a job ended before the run was to end, or was refused.
pub(crate) fn has_ended(job: &JobResult) -> bool {
    match (&job.end, &job.refused) {
        (Some(end), _) => end.state != JobState::Aborted,
        (None, Some(refused)) => refused.code != Code::Interrupted,
        (None, None) => false,
    }
}

/// The fault of a run whose time was over; `None` where every job had ended by then and was removed after all.
pub(crate) fn out_of_time(report: &Report) -> Option<Diagnostic> {
    let jobs = &report.jobs;
    let still = jobs.iter().filter(|job| !has_ended(job)).count();
    let message = match (still, jobs.iter().all(is_over)) {
        (0, true) => return None,
        (0, false) => "the time is over: all jobs had ended, but not all of their pods were removed".to_owned(),
        (_, true) => format!("the time is over: {still} of {} jobs had not ended, and were ended", jobs.len()),
        (_, false) => format!("the time is over: {still} of {} jobs had not ended", jobs.len()),
    };
    Some(Diagnostic::error(Code::TimedOut, message).hint("give the jobs more time with `--timeout`"))
}

/// The warning about what may still be there of a job that was requested.
pub(crate) fn warning(job: &JobResult) -> Option<Diagnostic> {
    let JobResult { pod, namespace, .. } = job;
    let describe = format!("see what keeps it: `kubectl --namespace {namespace} describe pod {pod}`");
    let sweep = format!("`launch sweep --namespace {namespace} --delete`");
    let (message, hint) = match &job.settlement {
        Some(Settlement::Removed | Settlement::Kept) => return None,
        Some(Settlement::NotRemoved { message }) => {
            (format!("the pod `{pod}` is still there: {message}"), format!("{describe}; {sweep} removes it once it has ended"))
        }
        Some(Settlement::SecretNotRemoved { message }) => (
            format!("the pod `{pod}` is gone, but a Secret with its job's credentials is still there: {message}"),
            format!("{sweep} removes it from a quarter of an hour after it was made"),
        ),
        None if job.refused.is_some() => return None,
        None if job.is_unknown => (
            format!("what became of the pod `{pod}` is not known: the API server no longer answers"),
            format!("once it answers, the same command again takes the pod over; {sweep} removes it if its job has ended"),
        ),
        None => (
            format!("the pod `{pod}` was to be removed, and was still there when the run ended"),
            format!("{describe}; the same command again takes it over"),
        ),
    };
    Some(Diagnostic::warning(Code::Notice, message).hint(hint))
}

/// The warning about a job whose pod had ended before the run, which then only tells its end.
pub(crate) fn ended_before(job: &JobResult) -> Option<Diagnostic> {
    let has_run = |state: JobState| matches!(state, JobState::Succeeded | JobState::Failed);
    if !job.taken_over || job.transitions.len() != 1 || !job.end.as_ref().is_some_and(|end| has_run(end.state)) {
        return None;
    }
    let JobResult { pod, namespace, .. } = job;
    let hint = match job.settlement {
        Some(Settlement::Removed) => "run the same command again, which makes a new pod".to_owned(),
        _ => format!("`launch sweep --namespace {namespace} --delete` removes ended pods; the same command then makes a new one"),
    };
    let message = format!("the pod `{pod}` had ended before this run, which tells how and has run nothing");
    Some(Diagnostic::warning(Code::Notice, message).hint(hint))
}

/// The fault of an interrupted run.
pub(crate) fn interrupted(report: &Report) -> Diagnostic {
    let jobs = &report.jobs;
    if jobs.iter().all(is_removed) {
        return interrupt::interrupted();
    }
    let takes_over = "run the same command again: it takes over the pods that are there";
    let (message, hint) = if jobs.iter().any(|job| job.is_unknown) {
        ("interrupted; what became of some jobs is not known", takes_over)
    } else if jobs.iter().all(|job| is_removed(job) || job.settlement == Some(Settlement::Kept)) {
        ("interrupted; pods that had ended were kept", "run the same command again")
    } else {
        ("interrupted; not all that was begun has been removed", takes_over)
    };
    Diagnostic::error(Code::Interrupted, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use flare_pod_launch::{End, Transition};

    use super::*;
    use crate::pipeline::launch_run::Stopped;

    fn job(settlement: Option<Settlement>) -> JobResult {
        JobResult { settlement, ..JobResult::of("a.json", "a-site-1", "fl") }
    }

    fn stays() -> Settlement {
        Settlement::NotRemoved { message: "a finalizer keeps it".into() }
    }

    fn message_of(jobs: Vec<JobResult>) -> String {
        interrupted(&Report { jobs, api_requests: 0, stopped: Some(Stopped::Interrupted) }).message
    }

    #[test]
    fn an_interrupted_run_says_that_all_is_removed_only_where_it_knows_so() {
        let removed = || job(Some(Settlement::Removed));
        let refused = JobResult { refused: Some(Diagnostic::error(Code::Interrupted, "given up")), ..job(None) };
        assert!(message_of(vec![removed(), refused]).contains("what was begun has been removed"));
        let secret = Settlement::SecretNotRemoved { message: "no".into() };
        for left in [None, Some(stays()), Some(secret)] {
            let message = message_of(vec![removed(), job(left.clone())]);
            assert!(message.contains("not all"), "{left:?}: {message}");
        }
        let kept = || job(Some(Settlement::Kept));
        assert!(message_of(vec![removed(), kept()]).contains("were kept"));
        let unknown = JobResult { is_unknown: true, ..job(None) };
        assert!(message_of(vec![kept(), unknown]).contains("not known"));
    }

    #[test]
    fn a_pod_that_had_ended_before_the_run_is_told_from_one_that_was_run() {
        let end = End {
            at: jiff::Timestamp::UNIX_EPOCH,
            state: JobState::Failed,
            return_code: 9,
            exit_code: Some(3),
            class: None,
            reason: "Error".into(),
            message: String::new(),
        };
        let told = |states: &[JobState], settlement| {
            let to = |state: &JobState| Transition { at: end.at, state: *state, reason: String::new(), message: String::new() };
            let transitions = states.iter().map(to).collect();
            JobResult { end: Some(end.clone()), transitions, taken_over: true, ..job(settlement) }
        };
        let hint_of = |job: &JobResult| ended_before(job).and_then(|warning| warning.hint);
        let kept = hint_of(&told(&[JobState::Failed], Some(Settlement::Kept))).expect("a hint");
        assert!(kept.contains("`launch sweep --namespace fl --delete`"), "{kept}");
        let removed = hint_of(&told(&[JobState::Failed], Some(Settlement::Removed))).expect("a hint");
        assert!(removed.starts_with("run the same command again"), "{removed}");
        assert_eq!(hint_of(&told(&[JobState::Running, JobState::Failed], Some(Settlement::Kept))), None);
        let made = JobResult { taken_over: false, ..told(&[JobState::Failed], Some(Settlement::Kept)) };
        assert_eq!(hint_of(&made), None);
    }

    #[test]
    fn a_run_is_out_of_time_only_where_a_job_or_its_pod_outlasted_it() {
        let ended = |state, settlement| {
            let end = End {
                at: jiff::Timestamp::UNIX_EPOCH,
                state,
                return_code: 0,
                exit_code: None,
                class: None,
                reason: "r".into(),
                message: String::new(),
            };
            JobResult { end: Some(end), ..job(settlement) }
        };
        let message_of = |jobs| {
            let report = Report { jobs, api_requests: 0, stopped: Some(Stopped::OutOfTime) };
            out_of_time(&report).map(|fault| fault.message)
        };
        let succeeded = || ended(JobState::Succeeded, Some(Settlement::Removed));
        let refused = |code| JobResult { refused: Some(Diagnostic::error(code, "no")), ..job(None) };
        assert_eq!(message_of(vec![succeeded(), refused(Code::PermissionDenied)]), None);
        let unsettled = message_of(vec![succeeded(), ended(JobState::Failed, Some(stays()))]);
        assert_eq!(unsettled.as_deref(), Some("the time is over: all jobs had ended, but not all of their pods were removed"));
        let aborted = || ended(JobState::Aborted, Some(Settlement::Removed));
        let given_up = message_of(vec![succeeded(), aborted(), refused(Code::Interrupted)]);
        assert_eq!(given_up.as_deref(), Some("the time is over: 2 of 3 jobs had not ended, and were ended"));
        let unknown = message_of(vec![aborted(), job(None)]);
        assert_eq!(unknown.as_deref(), Some("the time is over: 2 of 2 jobs had not ended"));
    }

    #[test]
    fn a_pod_whose_removal_had_not_ended_is_warned_about_like_one_that_stays() {
        let warned = |job: &JobResult| warning(job).map(|warning| warning.message);
        assert_eq!(warned(&job(Some(Settlement::Removed))), None);
        assert_eq!(warned(&job(Some(Settlement::Kept))), None);
        assert_eq!(warned(&job(Some(stays()))).as_deref(), Some("the pod `a-site-1` is still there: a finalizer keeps it"));
        let unsettled = warning(&job(None)).expect("a warning");
        assert!(unsettled.message.contains("was still there when the run ended"), "{unsettled}");
        assert!(unsettled.hint.is_some_and(|hint| hint.contains("--namespace fl describe pod a-site-1")));
        let secret = Settlement::SecretNotRemoved { message: "no".into() };
        let unknown = JobResult { is_unknown: true, ..job(None) };
        for left in [job(Some(stays())), job(Some(secret)), unknown] {
            // Without its scope the verb is refused.
            let hint = warning(&left).and_then(|warning| warning.hint).expect("a hint");
            assert!(hint.contains("`launch sweep --namespace fl --delete`"), "{hint}");
        }
        let refused = JobResult { refused: Some(Diagnostic::error(Code::TimedOut, "no Secret")), ..job(None) };
        assert_eq!(warned(&refused), None);
        assert!(!is_over(&job(None)) && !is_over(&job(Some(stays()))));
        assert!(is_over(&refused) && is_over(&job(Some(Settlement::Kept))));
    }
}
