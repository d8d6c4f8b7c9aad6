//! federation.yaml → every participant installed and verified in its cluster: the server first, then the sites concurrently.

mod budget;
mod participant;
mod preparation;
mod reached;
mod steps;
mod values;

use std::collections::BTreeSet;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_names::Role;

pub(crate) use self::{
    preparation::{Preparation, PreparedFederation, PreparedParticipant, WouldPrepare, prepare_all},
    reached::{Options, Reached},
    steps::{State, Step, Steps},
    values::refuse_port_forward,
};
use super::{federation::UniqueCollector, parallel};
use crate::context::Context;

/// Called with each change: the participant's number in the file, its steps, and the current activity.
pub(crate) type Watch<'run> = &'run (dyn Fn(usize, Steps, &str) + Send + Sync);

/// Brings up all participants; returns the results in the order of the file.
///
/// The sites wait until the server is proven, since they cannot register before. A site that fails does not stop the others. A second
/// run only checks what is already there.
pub(crate) fn up(
    context: &Context<'_>,
    participants: &[PreparedParticipant],
    options: &Options,
    watch: Watch<'_>,
) -> (Vec<Reached>, Result<Checked<()>, Faults>) {
    for (number, participant) in participants.iter().enumerate() {
        watch(number, participant::not_begun(participant).steps, "");
    }
    let numbers: Vec<usize> = (0..participants.len()).collect();
    let is_server = |number: &usize| participants[*number].destined.role == Role::Server;
    let (servers, sites): (Vec<_>, Vec<_>) = numbers.into_iter().partition(is_server);
    let called: BTreeSet<&str> = participants.iter().filter_map(|one| one.destined.calls()).collect();
    let called: Vec<String> = called.into_iter().map(str::to_owned).collect();
    let bring = |number: &usize| {
        let watch = |steps: Steps, words: &str| watch(*number, steps, words);
        (*number, participant::bring_up(context, &participants[*number], options, &called, &watch))
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
    let names: Vec<_> = participants.iter().map(|participant| participant.destined.name.as_str()).collect();
    let ended = summed_up(&names, &reached, is_proven);
    (reached, ended)
}

/// All diagnostics, each with its participant; Ctrl-C is reported once, before what else was found.
fn summed_up(names: &[&str], reached: &[Reached], is_proven: bool) -> Result<Checked<()>, Faults> {
    let mut found = UniqueCollector::default();
    let mut interrupted = None;
    for (name, reached) in names.iter().zip(reached) {
        let mut of_one = Collector::new();
        of_one.keep_checked(reached.ended.clone());
        for diagnostic in of_one {
            if diagnostic.code == Code::Interrupted {
                interrupted = Some(diagnostic);
            } else {
                found.push(named(diagnostic, name));
            }
        }
    }
    let good = reached.iter().filter(|reached| reached.steps.are_good()).count();
    let count = reached.len();
    if let Some(fault) = interrupted {
        let message = format!("interrupted when {good} of {count} participants were up; what was begun has been ended");
        let fault = Diagnostic { message, ..fault }.hint("run the same command again, which goes on from there");
        // The first fault decides the exit status.
        let found = found.finish(|| ());
        return Err(match found {
            Ok(checked) => Faults::from(fault).after(checked.warnings),
            Err(faults) => Faults::from(fault).and(faults),
        });
    }
    if !is_proven && count > 1 {
        let message = "the sites were not begun, since the server is not proven to run";
        found.push(Diagnostic::warning(Code::Notice, message).hint("mend the server, then run the same command again"));
    }
    found.finish(|| ())
}

/// A diagnostic with the participant's name.
fn named(diagnostic: Diagnostic, participant: &str) -> Diagnostic {
    Diagnostic { message: format!("{participant}: {}", diagnostic.message), ..diagnostic }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(ended: Result<Checked<()>, Faults>) -> Reached {
        let (steps, times) = (Steps::default(), steps::Times::default());
        Reached { steps, times, findings: Vec::new(), recovery: None, exposed: None, ended }
    }

    #[test]
    fn an_interruption_comes_first_and_hides_nothing_else() {
        let warning = Diagnostic::warning(Code::Notice, "a notice");
        let other = Faults::from(Diagnostic::error(Code::InstallFailed, "it crashed")).after([warning.clone()]);
        let stopped = Faults::from(Diagnostic::error(Code::Interrupted, "interrupted"));
        let all = [reached(Err(other)), reached(Err(stopped.clone())), reached(Err(stopped.clone()))];
        let faults = summed_up(&["site-1", "site-2", "site-3"], &all, true).unwrap_err();
        let said: Vec<_> = faults.all().iter().map(|fault| (fault.code, fault.message.as_str())).collect();
        let first = "interrupted when 0 of 3 participants were up; what was begun has been ended";
        assert_eq!(said, [(Code::Interrupted, first), (Code::InstallFailed, "site-1: it crashed")]);
        assert_eq!(faults.warnings().iter().map(|one| one.message.as_str()).collect::<Vec<_>>(), ["site-1: a notice"]);
        let all = [reached(Ok(Checked { value: (), warnings: vec![warning] })), reached(Err(stopped))];
        let faults = summed_up(&["site-1", "site-2"], &all, true).unwrap_err();
        assert_eq!((faults.all().len(), faults.warnings().len()), (1, 1), "{faults}");
    }
}
