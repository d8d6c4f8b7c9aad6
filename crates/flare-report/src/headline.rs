//! The one sentence that says how the run ended.

use crate::{
    document::{Document, Finding, ParticipantRow},
    marks::Tone,
};

/// The exit status of an interrupted run.
const INTERRUPTED: u8 = 130;

/// The sentence and its tone.
pub(crate) fn of(document: &Document) -> (Tone, String) {
    let participants = &document.data.participants;
    let (tone, words) = match participants.as_slice() {
        [] => of_nothing(document),
        [alone] if alone.ok.is_none() && !alone.findings.is_empty() => of_findings(alone),
        [alone] if alone.ok.is_none() || alone.state.is_some() => of_state(alone),
        several => of_several(several, document.data.is_dry_run),
    };
    let tone = if document.exit_code == 0 { tone } else { Tone::Bad };
    if document.exit_code == INTERRUPTED && !participants.is_empty() {
        return (tone, format!("Interrupted: {words}"));
    }
    (tone, words)
}

/// A run that ended before its work began.
fn of_nothing(document: &Document) -> (Tone, String) {
    match document.errors.as_slice() {
        [] => (Tone::Good, "Done".to_owned()),
        [one] => (Tone::Bad, format!("Not begun: {}", one.message.as_str())),
        [first, others @ ..] => {
            let more = if others.len() == 1 { "1 more fault".to_owned() } else { format!("{} more faults", others.len()) };
            (Tone::Bad, format!("Not begun: {}; and {more}", first.message.as_str()))
        }
    }
}

fn of_findings(alone: &ParticipantRow) -> (Tone, String) {
    let name = alone.name.as_str();
    let count = |severity: &str| alone.findings.iter().filter(|finding| finding.severity.as_str() == severity).count();
    let (faults, warnings, unknown) = (count("error"), count("warning"), count("unknown"));
    let parts: Vec<_> =
        [(faults, "fault", "faults"), (warnings, "warning", "warnings"), (unknown, "check not made", "checks not made")]
            .into_iter()
            .filter(|(number, ..)| *number > 0)
            .map(|(number, one, many)| format!("{number} {}", if number == 1 { one } else { many }))
            .collect();
    let tone = alone.findings.iter().map(Finding::tone).max().unwrap_or(Tone::Good);
    let words =
        if parts.is_empty() { format!("{name}: no check found a fault") } else { format!("{name}: {}", parts.join(", ")) };
    (tone, words)
}

fn of_state(alone: &ParticipantRow) -> (Tone, String) {
    let name = alone.name.as_str();
    match alone.state.as_ref().and_then(|state| state.joined) {
        Some(true) => (Tone::Good, format!("{name} has joined")),
        Some(false) => (Tone::Bad, format!("{name} has not joined")),
        None => (Tone::Attention, format!("{name}: unknown whether it has joined")),
    }
}

fn of_several(participants: &[ParticipantRow], is_dry_run: bool) -> (Tone, String) {
    let count = participants.len();
    let good = participants.iter().filter(|one| one.ok == Some(true)).count();
    let bad = count - good;
    match (is_dry_run, bad) {
        (true, 0) => (Tone::Good, "Dry run: nothing was changed, and nothing speaks against it".to_owned()),
        (true, _) => (Tone::Bad, format!("Dry run: nothing was changed; {bad} of {count} participants would fail")),
        (false, 0) if count == 1 => (Tone::Good, "The participant is up".to_owned()),
        (false, 0) => (Tone::Good, format!("All {count} participants are up")),
        (false, _) => (Tone::Bad, format!("{good} of {count} participants are up")),
    }
}

impl Finding {
    /// How the finding turned out.
    pub(crate) fn tone(&self) -> Tone {
        Tone::of(self.severity.as_str())
    }
}
