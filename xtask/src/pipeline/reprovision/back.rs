//! Puts back what was before a step failed.

use std::time::Duration;

use flare_diagnostic::{Code, Collector, Diagnostic, Faults};

use super::{
    earlier::EarlierKit,
    input::{Input, Progress},
};
use crate::{
    context::Context,
    pipeline::{
        install::{self, Attempt, Recovery, RemainingObjects},
        stage::{self, Request, run_name},
    },
};

/// How long each look and staging on the way back may take.
const LIMIT: Duration = Duration::from_mins(2);

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restored {
    /// Release and volume.
    pub(crate) cluster: Recovery,
    /// Whether the output is the earlier prepared kit.
    pub(crate) prepared: bool,
}

/// Where a run failed, as far as it matters for the way back, and what it had done to the release by then.
#[derive(Debug)]
pub(super) enum Failed {
    /// Before anything was changed in the cluster.
    Early,
    /// At the staging, which may have replaced the kit on the volume before it failed.
    Staging { left: Attempt },
    /// At the installation: what that put back itself, whether the kit on the volume had been replaced, and the good revision before.
    Installation { recovery: Option<Recovery>, staged: bool, before: Option<u64>, left: Attempt },
    /// At the checks: the revision before the one that this run made, if it made one.
    Checks { before: Option<u64>, left: Attempt },
}

impl Failed {
    /// If release or volume have to go back: what the run has left of the release.
    fn left(&self) -> Option<Attempt> {
        match self {
            Self::Staging { left }
            | Self::Checks { before: Some(_), left }
            | Self::Installation { recovery: None | Some(Recovery::Left { kit: None }), staged: true, left, .. } => Some(*left),
            // The kit did not go back with its release.
            Self::Installation { recovery: Some(Recovery::RolledBack { kit: None, .. }), staged: true, left, .. } => {
                Some(left.taken_back())
            }
            Self::Installation { recovery: Some(Recovery::Removed { .. }), .. } => Some(Attempt::Untouched(None)),
            Self::Early | Self::Installation { .. } | Self::Checks { before: None, .. } => None,
        }
    }

    /// What is in the cluster if nothing more is done there.
    fn without_more(self) -> Recovery {
        match self {
            Self::Installation { recovery: Some(recovery), .. } => recovery,
            _ => Recovery::Left { kit: None },
        }
    }

    /// What is in the cluster if nothing more may be done there, and why.
    fn kept_from_more(self, why: Recovery) -> Recovery {
        match self {
            Self::Installation { recovery: Some(done @ Recovery::RolledBack { .. }), .. } => done,
            _ => why,
        }
    }
}

/// Whether the release was left or went back without its kit, which then still has to.
const fn lacks_its_kit(back: &Recovery) -> bool {
    matches!(back, Recovery::Left { kit: None } | Recovery::RolledBack { kit: None, .. })
}

/// Puts back release and kit in the cluster, then the prepared kit in the output; not what another run has changed since. What cannot be put
/// back is a warning. `kits` are the fingerprints of the kits that this run found and made.
pub(super) fn put_back(
    context: &Context<'_>,
    input: &Input,
    (earlier, kits): (Option<&EarlierKit>, &[String]),
    failed: Failed,
    progress: Progress<'_>,
    found: &mut Collector,
) -> Restored {
    let may_go_back = failed.left().map(|left| may_go_back(context, input, left, kits, found));
    let (cluster, only_kit) = match may_go_back {
        None => (failed.without_more(), false),
        Some(Err(recovery)) => (failed.kept_from_more(recovery), false),
        Some(Ok(())) => take_back(context, input, failed, progress, found),
    };
    let restored = earlier.map_or(Ok(()), |earlier| earlier.put_back(kits, &context.interrupt));
    let prepared = match restored {
        Ok(()) => true,
        Err(faults) => {
            not_put_back("the earlier prepared kit was not put back", "copy it from where it is kept", faults, found);
            false
        }
    };
    let Some(earlier) = earlier.filter(|_| only_kit && prepared) else { return Restored { cluster, prepared } };
    progress("putting the earlier kit back on the volume");
    let kit = match staged_again(context, input, earlier, found) {
        Ok(kit) => kit,
        Err(faults) => {
            let hint = "stage the earlier prepared kit, with `stage --again --restart`";
            not_put_back("the earlier kit was not put back on the volume", hint, faults, found);
            None
        }
    };
    let cluster = match cluster {
        Recovery::Removed { was_there, stays } => {
            Recovery::Removed { was_there, stays: RemainingObjects { kit: kit.or(stays.kit.clone()), ..stays } }
        }
        Recovery::RolledBack { revision, runs, .. } => Recovery::RolledBack { revision, kit, runs },
        _ => Recovery::Left { kit },
    };
    Restored { cluster, prepared }
}

/// By hand, what a way back does.
const BY_HAND: &str = "`helm rollback` and `stage --rollback --restart` do it by hand";

/// Whether release and volume are as this run left them. Otherwise, what that means for them.
fn may_go_back(
    context: &Context<'_>,
    input: &Input,
    left: Attempt,
    kits: &[String],
    found: &mut Collector,
) -> Result<(), Recovery> {
    let options = install::Options { limit: LIMIT, ..input.install.clone() };
    match install::in_the_way(context, &input.request(), &options, left, kits) {
        Ok(None) => Ok(()),
        Ok(Some(other)) => {
            found.push(other);
            Err(Recovery::OfAnother)
        }
        Err(faults) => {
            not_put_back("release and volume were not put back", BY_HAND, faults, found);
            Err(Recovery::Left { kit: None })
        }
    }
}

/// Takes release and volume back. Returns what was done, and whether only the kit on the volume is still to be put back.
fn take_back(
    context: &Context<'_>,
    input: &Input,
    failed: Failed,
    progress: Progress<'_>,
    found: &mut Collector,
) -> (Recovery, bool) {
    let revision = match failed {
        Failed::Checks { before, .. } | Failed::Installation { recovery: None | Some(Recovery::Left { .. }), before, .. } => {
            before
        }
        // Without a release to go back to, the kit still goes back.
        failed => return (failed.without_more(), true),
    };
    match install::take_back(context, &input.request(), &input.install, revision, progress) {
        Ok(back) => {
            let back = back.collect(found);
            let only_kit = lacks_its_kit(&back);
            (back, only_kit)
        }
        Err(faults) => {
            not_put_back("release and volume were not put back", BY_HAND, faults, found);
            (Recovery::Left { kit: None }, false)
        }
    }
}

/// Puts the earlier kit onto the volume again, unless it is still there; returns its fingerprint if it was put back. It is staged from the
/// output, since the staging that failed may have come to any point, so that nobody knows which kit its own way back would bring.
fn staged_again(
    context: &Context<'_>,
    input: &Input,
    earlier: &EarlierKit,
    found: &mut Collector,
) -> Result<Option<String>, Faults> {
    let (request, fingerprint) = (input.request(), earlier.kit.fingerprint().to_string());
    let kit = &earlier.kit;
    let look = |cluster| async move { Ok(flare_pvc_stage::staged_fingerprint(&cluster, kit).await?) };
    if request.in_cluster(context, LIMIT, look)?.as_ref() == Some(&fingerprint) {
        return Ok(None);
    }
    let options = flare_pvc_stage::VolumeStageOptions { again: true, deadline: LIMIT, run: run_name(), ..input.staging.clone() };
    // The values are those of the run that failed, and may be why.
    let request = Request { values: Vec::new(), ..request };
    stage::on_volume(context, &request, &options, &|_, _| ())?.collect(found);
    Ok(Some(fingerprint))
}

fn not_put_back(what: &str, hint: &str, faults: Faults, found: &mut Collector) {
    let (errors, warnings) = faults.into_parts();
    found.extend(warnings);
    found.extend(
        errors.into_iter().map(|fault| Diagnostic::warning(Code::Notice, format!("{what}: {}", fault.message)).hint(hint)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_run_has_changed_and_not_put_back_itself_goes_back() {
        let left = Attempt::Made(2);
        let removed = Recovery::Removed {
            was_there: true,
            stays: RemainingObjects { claim: "c".to_owned(), kit: None, objects: Vec::new() },
        };
        let installation = |recovery, staged| Failed::Installation { recovery, staged, before: Some(1), left };
        let rolled_back = |kit: Option<&str>| Recovery::RolledBack { revision: 1, kit: kit.map(str::to_owned), runs: true };
        for (failed, expected) in [
            (Failed::Early, None),
            (Failed::Staging { left }, Some(left)),
            (installation(None, true), Some(left)),
            (installation(Some(Recovery::Left { kit: None }), true), Some(left)),
            (installation(None, false), None),
            (installation(Some(Recovery::Left { kit: Some("3f".to_owned()) }), true), None),
            (installation(Some(rolled_back(Some("3f"))), true), None),
            // Helm went back, which made revision 3, and the kit did not.
            (installation(Some(rolled_back(None)), true), Some(Attempt::Made(3))),
            (installation(Some(rolled_back(None)), false), None),
            (installation(Some(Recovery::OfAnother), true), None),
            // It removed the release, so that any revision is another run's.
            (installation(Some(removed), true), Some(Attempt::Untouched(None))),
            (Failed::Checks { before: Some(1), left }, Some(left)),
            (Failed::Checks { before: None, left }, None),
        ] {
            assert_eq!(failed.left(), expected, "{failed:?}");
        }
    }

    #[test]
    fn a_release_that_went_back_without_its_kit_lacks_it_and_stays_back_if_nothing_more_may_be_done() {
        let rolled_back = |kit: Option<&str>| Recovery::RolledBack { revision: 1, kit: kit.map(str::to_owned), runs: true };
        assert!(lacks_its_kit(&rolled_back(None)) && lacks_its_kit(&Recovery::Left { kit: None }));
        assert!(!lacks_its_kit(&rolled_back(Some("3f"))) && !lacks_its_kit(&Recovery::OfAnother));
        let recovery = Some(rolled_back(None));
        let failed = Failed::Installation { recovery, staged: true, before: Some(1), left: Attempt::Made(2) };
        assert_eq!(failed.kept_from_more(Recovery::OfAnother), rolled_back(None));
        assert_eq!(Failed::Staging { left: Attempt::Made(2) }.kept_from_more(Recovery::OfAnother), Recovery::OfAnother);
    }
}
