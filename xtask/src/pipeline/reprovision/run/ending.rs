//! When a run goes on, and how it ends.

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::{
    Run, Stop,
    back::{self, Failed},
};
use crate::{
    interrupt::Interrupt,
    pipeline::{install::Attempt, stage},
};

impl Run<'_> {
    /// The good revision of the release before this run, or before the interrupted one with which it goes on.
    pub(super) fn good_before(&self) -> Option<u64> {
        match self.known.earlier.note.as_ref().filter(|_| !self.is_noted) {
            Some(of_interrupted) => of_interrupted.revision,
            None => self.known_release.good,
        }
    }

    /// The revision to go back to if something after the installation fails.
    pub(super) fn before(&self) -> Option<u64> {
        self.before.or_else(|| self.good_before().filter(|_| self.known.earlier.is_resumed))
    }

    /// What a staging that fails has to put back: the kit, and also the release if the interrupted run with which this one goes on had
    /// come to it.
    pub(super) fn failed_staging(&self) -> Failed {
        let (before, left) = (self.good_before(), self.untouched());
        if self.known.earlier.is_resumed && self.known_release.newest != before {
            Failed::Installation { recovery: None, staged: true, before, left }
        } else {
            Failed::Staging { left }
        }
    }

    /// Refuses to begin a step after Ctrl-C, or when the time is over.
    pub(super) fn may_go_on(&self) -> Result<(), Stop> {
        let ended = check(&self.context.interrupt)
            .and_then(|()| if self.left().is_zero() { Err(stage::late(self.input.install.limit).into()) } else { Ok(()) });
        // What was staged and installed has to go back, whichever step comes next.
        let failed = match self.result.revision {
            Some(revision) => Failed::Checks { before: self.before(), left: Attempt::Made(revision) },
            None if self.staged => {
                Failed::Installation { recovery: None, staged: true, before: self.good_before(), left: self.untouched() }
            }
            None => Failed::Early,
        };
        ended.map_err(|faults| Stop(faults, failed))
    }

    /// Notes that the run has ended, so that the next one does not go on with it.
    pub(super) fn note_end(&mut self) {
        if self.input.run.dry_run {
            return;
        }
        if let Err(fault) = self.known.earlier.ended() {
            let message = format!("that this run has ended could not be noted: {}", fault.message);
            self.found.push(
                Diagnostic::warning(Code::Notice, message).hint("the next run takes this backup for its own; remove it first"),
            );
        }
    }

    /// Puts back what was before, unless the run was interrupted or the user wants to look at what failed. One that came no further than the
    /// interrupted run with which it goes on leaves that as it is.
    pub(super) fn end_badly(&mut self, faults: Faults, failed: Failed) {
        let is_interrupted = faults.all().iter().any(|fault| fault.code == Code::Interrupted);
        let goes_back = !is_interrupted && !self.input.install.keep_failed && !self.input.run.dry_run;
        if goes_back && self.known.earlier.is_resumed && matches!(failed, Failed::Early) {
            let message = "what the interrupted run changed stays, since this one came no further";
            self.found.push(Diagnostic::warning(Code::Notice, message).hint("run the same command again: it goes on from there"));
        } else if goes_back {
            let replaced = self.result.earlier.is_some().then_some(&self.known.earlier);
            let known = (replaced, &self.result.fingerprints[..]);
            let back = back::put_back(self.context, self.input, known, failed, self.progress, &mut self.found);
            let is_over = back.prepared;
            self.result.back = Some(back);
            // As long as only the kept copy is the earlier kit, the note leads to it.
            if is_over {
                self.note_end();
            }
        }
        self.found.keep::<()>(Err(faults));
    }
}

fn check(interrupt: &Interrupt) -> Result<(), Faults> {
    interrupt.check().map_err(|faults| {
        faults.map(|fault| Diagnostic {
            message: "interrupted between two steps; what is done so far stays".to_owned(),
            ..fault.hint("run the same command again: it goes on from there")
        })
    })
}
