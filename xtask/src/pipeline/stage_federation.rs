//! The prepared kits of a federation → their clusters, concurrently.

use std::time::Duration;

use flare_diagnostic::{Checked, Code, Collector, Faults};
use flare_pvc_stage::{ObjectStageOptions, StagedObjects, StagedVolume, VolumeStageOptions};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{
    federation::UniqueCollector,
    federation_kits::{Destined, below},
    stage,
};
use crate::{context::Context, runtime};

/// The maximum number of participants that are staged concurrently: each has its own connection, and some clusters are small.
const AT_ONCE: usize = 8;

/// The options for every kit of a run.
#[derive(Debug)]
pub(crate) enum Staging {
    Volume(VolumeStageOptions),
    Objects(ObjectStageOptions),
}

impl Staging {
    /// The time that it may take.
    fn deadline(&self) -> Duration {
        match self {
            Self::Volume(options) => options.deadline,
            Self::Objects(options) => options.deadline,
        }
    }

    /// The same, within another time.
    pub(crate) fn within(&self, deadline: Duration) -> Self {
        match self {
            Self::Volume(options) => Self::Volume(VolumeStageOptions { deadline, ..options.clone() }),
            Self::Objects(options) => Self::Objects(ObjectStageOptions { deadline, ..options.clone() }),
        }
    }
}

/// The result for one participant.
#[derive(Debug)]
pub(crate) enum Done {
    Volume(StagedVolume),
    Objects(StagedObjects),
}

/// A run that did not stage every kit.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) faults: Faults,
    /// Whether each participant was staged, in the order of the file.
    pub(crate) done: Vec<Option<Done>>,
}

/// Stages every kit within the time of the staging, even if others fail. `progress` is called after each.
pub(crate) fn stage(
    context: &Context<'_>,
    participants: &[Destined],
    staging: &Staging,
    mut progress: impl FnMut(),
) -> Result<Checked<Vec<Done>>, Unfinished> {
    let all = async {
        let end = Instant::now() + staging.deadline();
        let run = async |(index, one)| {
            let ended = match runtime::left_until(end) {
                Ok(left) => Box::pin(stage_one(context, one, &staging.within(left))).await,
                Err(fault) => Err(fault.into()),
            };
            (index, ended)
        };
        let runs = stream::iter(participants.iter().enumerate()).map(run);
        // A slow participant does not delay the others.
        let mut ended: Vec<_> = runs.buffer_unordered(AT_ONCE).inspect(|_| progress()).collect().await;
        ended.sort_by_key(|(index, _)| *index);
        ended.into_iter().map(|(_, ended)| ended).collect::<Vec<_>>()
    };
    let ended = match runtime::block_on(all) {
        Ok(ended) => ended,
        Err(fault) => return Err(Unfinished { faults: fault.into(), done: participants.iter().map(|_| None).collect() }),
    };
    let mut found = UniqueCollector::default();
    let mut interrupted = None;
    let mut done = Vec::with_capacity(ended.len());
    for (participant, ended) in participants.iter().zip(ended) {
        let mut of_one = Collector::new();
        done.push(of_one.keep_checked(ended));
        for diagnostic in of_one {
            // Ctrl-C is reported once.
            if diagnostic.code == Code::Interrupted {
                interrupted = Some(diagnostic);
            } else {
                found.push(below(diagnostic, &participant.prepared));
            }
        }
    }
    let count = done.iter().flatten().count();
    let interrupted = interrupted.map(|mut fault| {
        let of = format!("interrupted after {count} of {} kits", done.len());
        fault.message =
            format!("{of}; each of the others is as before or staged whole, and namespaces and claims that were created stay");
        fault
    });
    let mut all = Collector::new();
    all.extend(interrupted);
    all.keep_checked(found.finish(|| ()));
    match all.finish(|| ()) {
        Err(faults) => Err(Unfinished { faults, done }),
        Ok(checked) => Ok(checked.map(|()| done.into_iter().flatten().collect())),
    }
}

/// Stages one kit, as [`stage`] does each.
pub(crate) fn stage_alone(context: &Context<'_>, one: &Destined, staging: &Staging) -> Result<Checked<Done>, Faults> {
    runtime::block_on(stage_one(context, one, staging))?
}

async fn stage_one(context: &Context<'_>, one: &Destined, staging: &Staging) -> Result<Checked<Done>, Faults> {
    context.interrupt.check()?;
    context.step(|| format!("staging {} from {}", one.name, one.prepared.display()));
    match staging {
        Staging::Volume(options) => {
            let options = VolumeStageOptions { run: stage::run_name(), ..options.clone() };
            stage::volume(context, &one.kit, &one.access, &options, &|_, _| ()).await.map(|checked| checked.map(Done::Volume))
        }
        Staging::Objects(options) => {
            let staged = Box::pin(stage::objects(context, &one.kit, &one.prepared, &one.access, options)).await?;
            Ok(staged.map(Done::Objects))
        }
    }
}
