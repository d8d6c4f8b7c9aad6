//! Whether another run has changed the release of a participant, or the kit on its volume, since this run left them: what it made must not be
//! undone.

use flare_diagnostic::{Code, Diagnostic, Faults, shown};
use flare_helm::Revision;
use flare_prepared_kit::OpenOptions;
use flare_pvc_stage::staged_fingerprint;
use tokio::time::Instant;

use super::{
    attempt::Attempt,
    connected::Connected,
    readiness,
    run::{Options, Run},
};
use crate::{context::Context, pipeline::stage::Request, runtime};

/// What is in the cluster of a participant.
struct ClusterState<'run> {
    release: &'run str,
    history: &'run [Revision],
    /// The fingerprint of the kit that is noted on its claim.
    staged: Option<&'run str>,
}

impl ClusterState<'_> {
    /// Who is in the way of a run that goes back, having left the release so and one of these kits on the volume.
    fn in_the_way(&self, left: Attempt, kits: &[String]) -> Option<Diagnostic> {
        if let Some(newest) = self.history.last().filter(|_| !left.is_newest(self.history)) {
            return Some(of_release(self.release, newest));
        }
        let other = self.staged.filter(|staged| kits.iter().all(|kit| kit != staged))?;
        let message = format!(
            "nothing was put back: another run put the kit {} onto the volume, which this one neither staged nor found there",
            shown(other)
        );
        Some(
            Diagnostic::warning(Code::Notice, message)
                .hint("find out who stages kits of this participant; `status` shows what is staged and running"),
        )
    }
}

/// The warning that another run is at work on a release, which therefore stays as it is.
pub(super) fn of_release(release: &str, newest: &Revision) -> Diagnostic {
    let (revision, status) = (newest.revision, newest.status.as_str());
    let of = if newest.updated.is_empty() { String::new() } else { format!(" of {}", shown(&newest.updated)) };
    let message = format!(
        "nothing was rolled back: another run is at work on the release `{release}`, whose newest revision {revision}{of} is {status}"
    );
    Diagnostic::warning(Code::Notice, message)
        .hint("run the same command again when the other run has ended; `helm history` shows what it made")
}

/// The revisions of a release that a run has to know before it changes anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KnownRevisions {
    /// The newest one, to know later whether another run has changed the release.
    pub(crate) newest: Option<u64>,
    /// The one to go back to: later, Helm would also call the run's own one deployed.
    pub(crate) good: Option<u64>,
}

/// The revisions of the release; none if there is no release. Frees a locked one if the options ask for it.
///
/// # Errors
/// `RELEASE_LOCKED` otherwise, since nothing can be installed then; the faults of connection and Helm.
pub(crate) fn known_revisions(context: &Context<'_>, request: &Request<'_>, options: &Options) -> Result<KnownRevisions, Faults> {
    let known = with_run(context, request, options, async |run: &Run<'_>| {
        let (history, _) = readiness::unlocked_history(run)?;
        let Some(newest) = history.last() else { return Ok(KnownRevisions::default()) };
        let good = readiness::good(run, &history).await?.map(|good| good.revision);
        Ok(KnownRevisions { newest: Some(newest.revision), good })
    });
    runtime::block_on(known)?
}

/// Who is in the way of going back, as a warning; `None` if release and volume are as this run left them: the release so, and on the volume
/// one of the kits with these fingerprints, or none that is noted.
///
/// # Errors
/// The faults of connection and Helm.
pub(crate) fn in_the_way(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    left: Attempt,
    kits: &[String],
) -> Result<Option<Diagnostic>, Faults> {
    let look = with_run(context, request, options, async |run: &Run<'_>| {
        let history = run.release(|release| release.history())?;
        let staged = staged_fingerprint(run.cluster, run.kit).await?;
        let state = ClusterState { release: &run.place.release, history: &history, staged: staged.as_deref() };
        Ok(state.in_the_way(left, kits))
    });
    runtime::block_on(look)?
}

/// Does something with the release of a participant.
async fn with_run<T>(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    work: impl AsyncFnOnce(&Run<'_>) -> Result<T, Faults>,
) -> Result<T, Faults> {
    let end = Instant::now() + options.limit;
    let kit = request.open(OpenOptions { accept_changes: true })?.value;
    let connected = Connected::new(context, request, options, kit).await?;
    work(&connected.run(context, options, end, &|_| ())).await
}

#[cfg(test)]
mod tests {
    use flare_helm::ReleaseStatus;

    use super::{super::attempt::tests::history, *};

    #[test]
    fn who_is_in_the_way_is_told_with_what_to_do() {
        let history = history(&[ReleaseStatus::Superseded, ReleaseStatus::Deployed]);
        let (kits, left) = (["new".to_owned(), "earlier".to_owned()], Attempt::Made(2));
        let state = |staged| ClusterState { release: "site-1", history: &history, staged };
        for ours in [None, Some("new"), Some("earlier")] {
            assert_eq!(state(ours).in_the_way(left, &kits), None, "{ours:?}");
        }
        let other = state(Some("theirs")).in_the_way(left, &kits).unwrap();
        assert!(other.message.contains("the kit theirs onto the volume") && other.hint.is_some(), "{other}");
        let other = state(Some("new")).in_the_way(Attempt::Made(1), &kits).unwrap();
        assert!(other.message.contains("newest revision 2 of 2026-11-30 05:00:00 UTC is deployed"), "{other}");
        assert!(other.hint.unwrap().contains("helm history"));
    }
}
