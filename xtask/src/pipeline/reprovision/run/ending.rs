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
    /// Refuses to begin a step after Ctrl-C, or when the time is over.
    pub(super) fn may_go_on(&self) -> Result<(), Stop> {
        let ended = check(&self.context.interrupt)
            .and_then(|()| if self.left().is_zero() { Err(stage::late(self.input.install.limit).into()) } else { Ok(()) });
        // What was staged and installed has to go back, whichever step comes next.
        let failed = match self.result.revision {
            Some(revision) => Failed::Checks { before: self.before, left: Attempt::Made(revision) },
            None if self.staged => Failed::Installation { recovery: None, staged: true, left: self.untouched() },
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

    /// Puts back what was before, unless the run was interrupted or the user wants to look at what failed.
    pub(super) fn end_badly(&mut self, faults: Faults, failed: Failed) {
        let is_interrupted = faults.all().iter().any(|fault| fault.code == Code::Interrupted);
        if !is_interrupted && !self.input.install.keep_failed && !self.input.run.dry_run {
            let replaced = self.result.earlier.is_some().then_some(&self.known.earlier);
            let known = (replaced, &self.result.fingerprints[..]);
            let back = back::put_back(self.context, self.input, known, failed, self.progress, &mut self.found);
            self.result.back = Some(back);
            self.note_end();
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
