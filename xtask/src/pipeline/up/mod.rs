//! federation.yaml → every participant in its cluster, proven: the server first, then the sites beside each other.

mod participant;
mod preparation;
mod steps;
mod values;

use std::time::Duration;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_doctor::Finding;
use flare_names::Role;

pub(crate) use self::{
    preparation::{Preparation, PreparedFederation, PreparedParticipant, prepare_all},
    steps::{State, Step, Steps},
};
use super::{federation::UniqueCollector, install, parallel, stage_federation::Staging};
use crate::context::Context;

/// How every participant is brought up.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) staging: Staging,
    /// The values are those of each participant.
    pub(crate) install: install::Options,
    /// How long the checks of a participant may take.
    pub(crate) verify_within: Duration,
    /// So many sites are worked on at once.
    pub(crate) at_once: usize,
    pub(crate) dry_run: bool,
}

/// Told of each change: the participant's number in the file, its steps, and what is done now.
pub(crate) type Watch<'run> = &'run (dyn Fn(usize, Steps, &str) + Send + Sync);

/// How far a participant came.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) steps: Steps,
    /// What `verify`, or the wait of the installation, found.
    pub(crate) findings: Vec<Finding>,
    /// Its warnings and, where it failed, its faults.
    ended: Result<Checked<()>, Faults>,
}

/// Brings all participants up, and returns how far each came, in the order of the file.
///
/// The sites wait until the server is proven: their parents would give up. A site that fails does not stop the others. Everything can be
/// done again: what is there already is only looked at.
pub(crate) fn up(
    context: &Context<'_>,
    participants: &[PreparedParticipant],
    options: &Options,
    watch: Watch<'_>,
) -> (Vec<Reached>, Result<Checked<()>, Faults>) {
    let numbers: Vec<usize> = (0..participants.len()).collect();
    let is_server = |number: &usize| participants[*number].destined.role == Role::Server;
    let (servers, sites): (Vec<_>, Vec<_>) = numbers.into_iter().partition(is_server);
    let bring = |number: &usize| {
        (*number, participant::bring_up(context, &participants[*number], options, &|steps, words| watch(*number, steps, words)))
    };
    let mut reached = parallel::at_once(1, &servers, bring);
    let is_proven = options.dry_run || reached.iter().all(|(_, server)| server.steps.are_good());
    if is_proven {
        reached.extend(parallel::at_once(options.at_once, &sites, bring));
    } else {
        reached.extend(sites.iter().map(|number| (*number, participant::not_begun(&participants[*number]))));
    }
    reached.sort_by_key(|(number, _)| *number);
    let reached: Vec<_> = reached.into_iter().map(|(_, reached)| reached).collect();
    let ended = summed_up(participants, &reached, is_proven);
    (reached, ended)
}

/// Everything that was found, each with its participant; Ctrl-C is one event for all.
fn summed_up(participants: &[PreparedParticipant], reached: &[Reached], is_proven: bool) -> Result<Checked<()>, Faults> {
    let mut found = UniqueCollector::default();
    let mut interrupted = None;
    for (participant, reached) in participants.iter().zip(reached) {
        let mut of_one = Collector::new();
        of_one.keep_checked(reached.ended.clone());
        for diagnostic in of_one {
            if diagnostic.code == Code::Interrupted {
                interrupted = Some(diagnostic);
            } else {
                found.push(named(diagnostic, &participant.destined.name));
            }
        }
    }
    let good = reached.iter().filter(|reached| reached.steps.are_good()).count();
    let count = reached.len();
    if let Some(fault) = interrupted {
        let message = format!("interrupted when {good} of {count} participants were up; what was begun has been ended");
        return Err(Diagnostic { message, ..fault }.hint("run the same command again, which goes on from there").into());
    }
    if !is_proven && count > 1 {
        let message = "the sites were not begun, since the server is not proven to run";
        found.push(
            Diagnostic::warning(Code::Notice, message)
                .hint("a site's parent gives up without its server: mend the server, then run the same command again"),
        );
    }
    found.finish(|| ())
}

/// A fault or warning that says whose it is.
fn named(diagnostic: Diagnostic, participant: &str) -> Diagnostic {
    Diagnostic { message: format!("{participant}: {}", diagnostic.message), ..diagnostic }
}
