//! Errors and warnings.

use maud::{Markup, html};

use crate::{
    document::{Location, Problem},
    marks::Tone,
    text::Text,
};

/// A section with all errors, and one with all warnings; none if there are none.
pub(crate) fn sections(errors: &[Problem], warnings: &[Problem]) -> Markup {
    html! {
        (section("errors", "What went wrong", Tone::Bad, errors))
        (section("warnings", "Warnings", Tone::Attention, warnings))
    }
}

fn section(id: &str, title: &str, tone: Tone, all: &[Problem]) -> Markup {
    html! {
        @if !all.is_empty() {
            section aria-labelledby=(id) {
                h2 id=(id) { (title) }
                (list(tone, all))
            }
        }
    }
}

/// A list of errors or warnings, if there are any.
pub(crate) fn list(tone: Tone, all: &[Problem]) -> Markup {
    html! {
        @if !all.is_empty() {
            ul.cards { @for one in all { (item(tone, one)) } }
        }
    }
}

fn item(tone: Tone, one: &Problem) -> Markup {
    html! {
        li.card.(tone.class()) {
            p.message { (tone.shown()) " " (one.message.prose()) }
            (hint(one.hint.as_ref()))
            @if one.code.is_some() || one.location.is_some() {
                p.place {
                    @if let Some(code) = &one.code { code { (code) } }
                    @if let Some(location) = &one.location { " " (place(location)) }
                }
            }
        }
    }
}

/// What one can do about it.
pub(crate) fn hint(hint: Option<&Text>) -> Markup {
    html! {
        @if let Some(hint) = hint.filter(|hint| !hint.as_str().is_empty()) { p.hint { b { "What to do: " } (hint.prose()) } }
    }
}

fn place(location: &Location) -> Markup {
    html! {
        "in " bdi { (location.file) }
        @if let Some(line) = location.line { ", line " (line) }
        @if let Some(column) = location.column { ", column " (column) }
    }
}
