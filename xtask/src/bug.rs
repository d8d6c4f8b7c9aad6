//! A panic ends a run like any other fault: with one document, exit status 70 and a place in the source to report.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook},
    sync::Mutex,
};

use flare_diagnostic::{Code, Diagnostic};

use crate::output::{VerbResult, exit_status, write_to_stderr};

/// The place of the first panic of this run.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Records the place of a panic instead of printing the standard report, which may contain values of the user's files.
pub(crate) fn note_places() {
    set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        if let (Ok(mut place), Some(location)) = (PLACE.lock(), info.location()) {
            place.get_or_insert_with(|| location.to_string());
        }
    }));
}

/// Runs a verb and turns a panic into its failure.
pub(crate) fn caught(work: impl FnOnce() -> VerbResult) -> VerbResult {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(fault(payload).into()))
}

/// Runs everything, so that even a panic ends the process with its own exit status.
pub(crate) fn exit_number_of(run: impl FnOnce() -> u8) -> u8 {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let fault = fault(payload);
        write_to_stderr(&format!("Error: {fault}\nHint: {}\n", fault.hint.as_deref().unwrap_or_default()));
        exit_status(fault.code)
    })
}

/// The fault of a panic. The payload is not shown: it may quote a file.
fn fault(_payload: Box<dyn Any + Send>) -> Diagnostic {
    let place = PLACE.lock().ok().and_then(|place| place.clone());
    let place = place.map_or_else(String::new, |place| format!(", found at {place}"));
    Diagnostic::error(Code::Internal, format!("flare-kube has a bug{place}; the run has ended"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_one_fault_without_the_words_of_its_payload() {
        note_places();
        let failure = caught(|| panic!("key hunter2")).expect_err("a failure");
        let _ = std::panic::take_hook();
        let fault = failure.faults.first();
        assert_eq!((fault.code, failure.faults.all().len()), (Code::Internal, 1));
        assert!(fault.message.contains("bug.rs:"), "{fault}");
        assert!(!fault.message.contains("hunter2") && !fault.message.contains("panic"), "{fault}");
        assert_eq!(exit_number_of(|| panic!("once more")), 70);
        assert_eq!(exit_number_of(|| 4), 4);
    }
}
