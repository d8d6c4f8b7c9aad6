//! A section for each participant: where it is, what runs there, and what was found.

use maud::{Markup, html};

use crate::{
    document::{Exposed, ParticipantRow},
    findings,
    marks::Tone,
    parts::{anchor, fact},
    problems, state,
};

/// All sections.
pub(crate) fn sections(participants: &[ParticipantRow]) -> Markup {
    html! { @for (number, one) in participants.iter().enumerate() { (section(number, one, participants.len() == 1)) } }
}

fn section(number: usize, one: &ParticipantRow, is_alone: bool) -> Markup {
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

/// Addresses and ports, as `203.0.113.7, ports 8002, 8003`.
fn outside(exposed: &Exposed) -> Markup {
    html! {
        @for (number, address) in exposed.addresses.iter().enumerate() { @if number > 0 { ", " } code { (address) } }
        ", ports "
        @for (number, port) in exposed.ports.iter().enumerate() { @if number > 0 { ", " } (port) }
    }
}

fn facts(one: &ParticipantRow) -> Markup {
    let namespace = one.namespace.as_ref().or_else(|| one.state.as_ref().map(|state| &state.namespace));
    html! {
        dl.facts {
            @if let Some(namespace) = namespace { (fact("Namespace", namespace)) }
            @if let Some(target) = &one.target { (fact("FLARE", target)) }
            @if let Some(image) = &one.image { (fact("Image", image)) }
            @if let Some(exposed) = &one.exposed { (fact("From outside", &outside(exposed))) }
            @if let Some(state) = &one.state {
                (state::facts(state))
            } @else if let Some(fingerprint) = &one.fingerprint {
                (fact("Kit", &html! { code { (fingerprint) } }))
            }
        }
    }
}
