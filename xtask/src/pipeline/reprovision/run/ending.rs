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

    /// Puts back what was before, unless the run was interrupted or the user wants to look at what failed.
    pub(super) fn end_badly(&mut self, faults: Faults, failed: Failed) {
        let is_interrupted = faults.all().iter().any(|fault| fault.code == Code::Interrupted);
        if !is_interrupted && !self.input.install.keep_failed && !self.input.run.dry_run {
            let replaced = self.result.earlier.is_some().then_some(&self.known.earlier);
            let known = (replaced, &self.result.fingerprints[..]);
            let back = back::put_back(self.context, self.input, known, failed, self.progress, &mut self.found);
            let has_ended = is_over(replaced.is_some(), back.prepared, self.known.earlier.is_resumed);
            self.result.back = Some(back);
            if has_ended {
                self.note_end();
            }
        }
        self.found.keep::<()>(Err(faults));
    }
}

/// Whether a run that failed is over, so that the next one begins anew: with the earlier prepared kit in its place. As long as only the kept
/// copy is the earlier kit, the note leads to it. `replaced`: whether this run came to the place of the prepared kit, and `is_back` whether the
/// earlier one is there again; an interrupted run that this one went on with may have replaced it before.
const fn is_over(replaced: bool, is_back: bool, is_resumed: bool) -> bool {
    if replaced { is_back } else { !is_resumed }
}

fn check(interrupt: &Interrupt) -> Result<(), Faults> {
    interrupt.check().map_err(|faults| {
        faults.map(|fault| Diagnostic {
            message: "interrupted between two steps; what is done so far stays".to_owned(),
            ..fault.hint("run the same command again: it goes on from there")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_over_only_with_the_earlier_prepared_kit_in_its_place() {
        for (replaced, is_back, is_resumed, expected) in [
            (true, true, false, true),
            (true, true, true, true),
            (true, false, false, false),
            (true, false, true, false),
            (false, true, false, true),
            // The run that was interrupted may have replaced it.
            (false, true, true, false),
        ] {
            assert_eq!(is_over(replaced, is_back, is_resumed), expected, "{replaced} {is_back} {is_resumed}");
        }
    }
}
