//! Puts back what was before a step failed.

use std::time::Duration;

use flare_diagnostic::{Code, Collector, Diagnostic, Faults};

use super::{
    earlier::Earlier,
    input::{Input, Progress},
};
use crate::{
    context::Context,
    pipeline::{
        install::{self, Recovery, Stays},
        stage::{self, Request, run_name},
    },
};

/// How long each look and staging on the way back may take.
const LIMIT: Duration = Duration::from_mins(2);

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Back {
    /// Release and volume.
    pub(crate) cluster: Recovery,
    /// Whether the output is the earlier prepared kit.
    pub(crate) prepared: bool,
}

/// Where a run failed, as far as it matters for the way back.
#[derive(Debug)]
pub(super) enum Failed {
    /// Before anything was changed in the cluster.
    Early,
    /// At the staging, which may have replaced the kit on the volume before it failed.
    Staging,
    /// At the installation: what that put back itself, and whether this run had replaced the kit on the volume.
    Installation { recovery: Option<Recovery>, staged: bool },
    /// At the checks: the revision before the one that this run made, if it made one.
    Checks { before: Option<u64> },
}

/// Puts back release and kit in the cluster, then the prepared kit in the output. What cannot be put back is a warning.
pub(super) fn put_back(
    context: &Context<'_>,
    input: &Input,
    earlier: Option<&Earlier>,
    failed: Failed,
    progress: Progress<'_>,
    found: &mut Collector,
) -> Back {
    // Without a release to go back to, the kit still goes back.
    let mut only_kit = matches!(&failed, Failed::Staging | Failed::Installation { recovery: Some(Recovery::Removed { .. }), .. });
    let mut take_back =
        |revision: Option<u64>| match install::take_back(context, &input.request(), &input.install, revision, progress) {
            Ok(back) => {
                let back = back.collect(found);
                only_kit = back == Recovery::Left { kit: None };
                back
            }
            Err(faults) => {
                let hint = "`helm rollback` and `stage --rollback --restart` do it by hand";
                not_put_back("release and volume were not put back", hint, faults, found);
                Recovery::Left { kit: None }
            }
        };
    let cluster = match failed {
        Failed::Installation {
            recovery: Some(done @ (Recovery::RolledBack { .. } | Recovery::Removed { .. } | Recovery::Left { kit: Some(_) })),
            ..
        } => done,
        Failed::Installation { staged: true, .. } => take_back(None),
        Failed::Checks { before: Some(before) } => take_back(Some(before)),
        Failed::Installation { .. } | Failed::Checks { before: None } | Failed::Early | Failed::Staging => {
            Recovery::Left { kit: None }
        }
    };
    let restored = earlier.map_or(Ok(()), |earlier| earlier.put_back(&context.interrupt));
    let prepared = match restored {
        Ok(()) => true,
        Err(faults) => {
            not_put_back("the earlier prepared kit was not put back", "copy it from where it is kept", faults, found);
            false
        }
    };
    let Some(earlier) = earlier.filter(|_| only_kit && prepared) else { return Back { cluster, prepared } };
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
            Recovery::Removed { was_there, stays: Stays { kit: kit.or(stays.kit.clone()), ..stays } }
        }
        _ => Recovery::Left { kit },
    };
    Back { cluster, prepared }
}

/// Puts the earlier kit onto the volume again, unless it is still there; returns its fingerprint if it was put back. It is staged from the
/// output, since the staging that failed may have come to any point, so that nobody knows which kit its own way back would bring.
fn staged_again(
    context: &Context<'_>,
    input: &Input,
    earlier: &Earlier,
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
