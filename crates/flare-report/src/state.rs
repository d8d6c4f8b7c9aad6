//! The state of a participant in its cluster.

use maud::{Markup, html};

use crate::{
    document::{Pod, State},
    marks::Tone,
    parts::{fact, wide},
    text::Text,
};

/// The facts of a state, for a list of descriptions.
pub(crate) fn facts(state: &State) -> Markup {
    let deployment = state.deployment.as_ref().map_or_else(
        || html! { (Tone::Bad.shown()) " missing" },
        |one| html! { (one.name) ", " (one.available) " of " (one.desired) " available" },
    );
    let joined = match state.joined {
        Some(true) => html! { (Tone::Good.shown()) " yes" },
        Some(false) => html! { (Tone::Bad.shown()) " no" },
        None => html! { (Tone::Attention.shown()) " unknown" },
    };
    let kit = &state.kit;
    let other = |place: &Option<Text>| match place {
        None => html! { "none" },
        Some(found) if *found == kit.prepared => html! { "the same as prepared" },
        Some(found) => html! { code { (found) } },
    };
    html! {
        (fact("Joined", &joined))
        @if let Some(reason) = &state.reason { (fact("Reason", &reason.prose())) }
        (fact("Deployment", &deployment))
        (fact("Kit prepared", &html! { code { (kit.prepared) } }))
        (fact("Kit staged", &other(&kit.staged)))
        (fact("Kit running", &other(&kit.running)))
    }
}

/// The table of its pods. `number` is the participant's.
pub(crate) fn pods(number: usize, state: &State) -> Markup {
    let all = || state.pods.iter().map(|pod| ("parent", pod)).chain(state.jobs.iter().map(|pod| ("job", pod)));
    html! {
        @if all().next().is_some() {
            (wide(&format!("Pods of participant {}", number + 1), &html! {
                table {
                    caption { "Pods" }
                    thead { tr {
                        @for title in ["Pod", "Of", "Status", "Ready", "Restarts", "Created", "Node"] { th scope="col" { (title) } }
                    } }
                    tbody { @for (of, pod) in all() { (row(of, pod)) } }
                }
            }))
        }
    }
}

fn row(of: &str, pod: &Pod) -> Markup {
    let or_none = |text: &Option<Text>| text.clone().unwrap_or_else(|| Text::new("–"));
    html! { tr {
        th scope="row" { (pod.name) }
        td { (of) }
        td { (pod.status) }
        td { @if pod.ready { "yes" } @else { "no" } }
        td { (pod.restarts) }
        td { (or_none(&pod.created)) }
        td { (or_none(&pod.node)) }
    } }
}
