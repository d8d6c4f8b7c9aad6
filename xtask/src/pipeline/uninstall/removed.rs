//! What is removed, and what is said if that ended before everything was.

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde::Serialize;

/// An object to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Removed {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// What is left after a failure, as a warning; `None` if that is not known.
pub(super) fn still_there(left: Option<&[Removed]>) -> Option<Diagnostic> {
    let message = match left {
        None => "what is left of the participant is not known".to_owned(),
        Some([]) => return None,
        Some(left) => {
            let names = left.iter().map(|one| format!("{} {}", one.kind, one.name)).collect::<Vec<_>>();
            format!("not removed: {}", names.join(", "))
        }
    };
    Some(Diagnostic::warning(Code::Notice, message).hint("run the same command again, which removes what is left"))
}

/// Whether a run was interrupted, by whatever it was at.
pub(super) fn is_interruption(faults: &Faults) -> bool {
    faults.first().code == Code::Interrupted
}

/// The fault of an interrupted run: an uninstallation takes nothing back.
pub(super) fn stopped(dry_run: bool) -> Diagnostic {
    let message = if dry_run { "interrupted; nothing was changed" } else { "interrupted; a part of the participant may be left" };
    Diagnostic::error(Code::Interrupted, message).hint("run the same command again, which removes what is left")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(kind: &str, name: &str) -> Removed {
        Removed { kind: kind.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_failed_run_says_what_is_left() {
        let left = [removed("release", "site-1"), removed("Secret", "site-1-registry")];
        let said = |left: Option<&[Removed]>| still_there(left).map(|warning| warning.message);
        assert_eq!(said(Some(&left)).as_deref(), Some("not removed: release site-1, Secret site-1-registry"));
        assert_eq!(said(Some(&[])), None);
        assert!(said(None).is_some());
        assert!(stopped(false).message.contains("may be left"));
    }
}
