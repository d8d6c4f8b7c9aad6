//! Small parts that several sections use.

use maud::{Markup, Render, html};

/// The name of a participant's section within the page. It is never made of foreign text.
pub(crate) fn anchor(number: usize) -> String {
    format!("participant-{}", number + 1)
}

/// A term and its description.
pub(crate) fn fact(term: &str, description: &dyn Render) -> Markup {
    html! { div { dt { (term) } dd { (description.render()) } } }
}

/// A part that scrolls sideways on a narrow screen, also by keyboard.
pub(crate) fn wide(name: &str, content: &Markup) -> Markup {
    html! { div.wide tabindex="0" role="region" aria-label=(name) { (content) } }
}
