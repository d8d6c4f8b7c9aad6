//! A section for each participant: where it is, what runs there, and what was found.

use maud::{Markup, html};

use crate::{
    document::Participant,
    findings,
    marks::Tone,
    parts::{anchor, fact},
    problems, state,
};

/// All sections.
pub(crate) fn sections(participants: &[Participant]) -> Markup {
    html! { @for (number, one) in participants.iter().enumerate() { (section(number, one, participants.len() == 1)) } }
}

fn section(number: usize, one: &Participant, is_alone: bool) -> Markup {
    let anchor = anchor(number);
    html! {
        section.participant aria-labelledby=(anchor) {
            h2 id=(anchor) { bdi { (one.name) } @if let Some(role) = &one.role { " " span.role { (role) } } }
            (facts(one))
            (problems::list(Tone::Bad, &one.errors))
            (findings::tables(number, one, is_alone))
            @if let Some(state) = &one.state { (state::pods(number, state)) }
        }
    }
}

fn facts(one: &Participant) -> Markup {
    let namespace = one.namespace.as_ref().or_else(|| one.state.as_ref().map(|state| &state.namespace));
    html! {
        dl.facts {
            @if let Some(namespace) = namespace { (fact("Namespace", namespace)) }
            @if let Some(target) = &one.target { (fact("FLARE", target)) }
            @if let Some(image) = &one.image { (fact("Image", image)) }
            @if let Some(state) = &one.state {
                (state::facts(state))
            } @else if let Some(fingerprint) = &one.fingerprint {
                (fact("Kit", &html! { code { (fingerprint) } }))
            }
        }
    }
}
