//! The table participant × step.

use maud::{Markup, html};
use serde_json::Value;

use crate::{
    document::ParticipantRow,
    marks::mark,
    parts::{anchor, wide},
    text::Text,
};

/// The table, if the run has steps.
pub(crate) fn table(participants: &[ParticipantRow]) -> Option<Markup> {
    let steps: Vec<&String> = participants.first()?.steps.keys().collect();
    (!steps.is_empty()).then(|| {
        let table = html! {
            table.steps {
                thead { tr {
                    th scope="col" { "Participant" }
                    @for step in &steps { th scope="col" { (capital(step)) } }
                } }
                tbody { @for (number, one) in participants.iter().enumerate() { (row(number, one, &steps)) } }
            }
        };
        html! {
            section aria-labelledby="steps" { h2 id="steps" { "Steps" } (wide("Steps", &table)) }
        }
    })
}

fn row(number: usize, one: &ParticipantRow, steps: &[&String]) -> Markup {
    html! { tr {
        th scope="row" {
            a href={ "#" (anchor(number)) } { bdi { (one.name) } }
            @if let Some(role) = &one.role { " " span.role { (role) } }
        }
        @for step in steps { td { (cell(one, step)) } }
    } }
}

fn cell(one: &ParticipantRow, step: &str) -> Markup {
    let state = one.steps.get(step).and_then(Value::as_str).map(Text::new);
    let seconds = one.seconds.get(step).and_then(Value::as_f64);
    html! {
        @if let Some(state) = state { (mark(&state)) }
        @if let Some(seconds) = seconds { " " span.time { (duration(seconds)) } }
    }
}

fn capital(step: &str) -> Text {
    let mut letters = step.chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    Text::new(&(first + letters.as_str()))
}

/// A duration for people: `under 0.1 s`, `0.4 s`, `12 s`, `2 min 5 s`, `1 h 2 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 0.095 {
        return "under 0.1 s".to_owned();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is above 9, and a cast that does not fit saturates"
    )]
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_exact_as_people_need_them() {
        for (seconds, shown) in [
            (0.0, "under 0.1 s"),
            (0.096, "0.1 s"),
            (0.44, "0.4 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.6, "1 min 0 s"),
            (125.0, "2 min 5 s"),
            (7390.0, "2 h 3 min"),
        ] {
            assert_eq!(duration(seconds), shown);
        }
    }
}
