//! The findings of a participant: what needs attention in full, the worst first; what is as it should be folded away.

use std::cmp::Reverse;

use maud::{Markup, html};

use crate::{
    document::{Finding, ParticipantRow},
    marks::{Tone, mark},
    parts::wide,
    problems::hint,
};

/// Two tables, each only if it has rows. `number` is the participant's, for names of parts of the page; what is as it should be is
/// folded away unless the participant is the only one and has nothing else.
pub(crate) fn tables(number: usize, one: &ParticipantRow, is_alone: bool) -> Markup {
    let (good, mut other): (Vec<_>, Vec<_>) = one.findings.iter().partition(|finding| finding.tone() == Tone::Good);
    other.sort_by_key(|finding| Reverse(finding.tone()));
    html! {
        @if !other.is_empty() { (table(&format!("Findings of participant {}", number + 1), Some("Findings"), &other)) }
        @if !good.is_empty() {
            details open[is_alone && other.is_empty()] {
                summary { (Tone::Good.shown()) " " (count(good.len())) " as it should be" }
                (table(&format!("Good findings of participant {}", number + 1), None, &good))
            }
        }
    }
}

fn count(number: usize) -> String {
    if number == 1 { "1 check is".to_owned() } else { format!("{number} checks are") }
}

fn table(name: &str, caption: Option<&str>, findings: &[&Finding]) -> Markup {
    let table = html! {
        table.findings {
            @if let Some(caption) = caption { caption { (caption) } }
            thead { tr { th scope="col" { "Check" } th scope="col" { "Result" } th scope="col" { "Finding" } } }
            tbody { @for finding in findings { (row(finding)) } }
        }
    };
    wide(name, &table)
}

fn row(finding: &Finding) -> Markup {
    html! { tr {
        th scope="row" { (finding.id) }
        td { (mark(&finding.severity)) }
        td {
            p { (finding.message.prose()) }
            (hint(finding.hint.as_ref()))
            @if !finding.evidence.is_empty() {
                ul.evidence aria-label="Evidence" { @for line in &finding.evidence { li { (line) } } }
            }
        }
    } }
}
