//! Puts back what was before a step failed.

use flare_diagnostic::{Code, Collector, Diagnostic, Faults};

use super::{
    earlier::Earlier,
    input::{Input, Progress},
};
use crate::{
    context::Context,
    pipeline::install::{self, Recovery},
};

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
    let mut take_back =
        |revision: Option<u64>| match install::take_back(context, &input.request(), &input.install, revision, progress) {
            Ok(back) => back.collect(found),
            Err(faults) => {
                let hint = "`helm rollback` and `stage --rollback --restart` do it by hand";
                not_put_back("release and volume were not put back", hint, faults, found);
                Recovery::Left { kit: None }
            }
        };
    let cluster = match failed {
        Failed::Installation {
            recovery: Some(done @ (Recovery::RolledBack { .. } | Recovery::Removed | Recovery::Left { kit: Some(_) })),
            ..
        } => done,
        Failed::Installation { staged: true, .. } => take_back(None),
        Failed::Checks { before: Some(before) } => take_back(Some(before)),
        Failed::Installation { .. } | Failed::Checks { before: None } | Failed::Early => Recovery::Left { kit: None },
    };
    let restored = earlier.map_or(Ok(()), |earlier| earlier.put_back(&context.interrupt));
    let prepared = match restored {
        Ok(()) => true,
        Err(faults) => {
            not_put_back("the earlier prepared kit was not put back", "copy it from where it is kept", faults, found);
            false
        }
    };
    Back { cluster, prepared }
}

fn not_put_back(what: &str, hint: &str, faults: Faults, found: &mut Collector) {
    let (errors, warnings) = faults.into_parts();
    found.extend(warnings);
    found.extend(
        errors.into_iter().map(|fault| Diagnostic::warning(Code::Notice, format!("{what}: {}", fault.message)).hint(hint)),
    );
}
