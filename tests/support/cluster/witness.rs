//! When Kubernetes itself said something: plain watches of a namespace, whose lines are kept with their times.

use std::cell::RefCell;
use std::time::Instant;

use super::namespace::Namespace;
use super::run::Following;

/// Watches the events and pods of a namespace until it is dropped.
#[derive(Debug)]
pub struct Witness {
    watches: [Following; 2],
    said: RefCell<Vec<(Instant, String)>>,
}

impl Witness {
    /// Begins to watch.
    pub fn start(namespace: &Namespace) -> Self {
        let watch = |kind: &str, line: &str| {
            Following::start(namespace.kubectl().args(["get", kind, "--watch", "--output", &format!("jsonpath={line}")]))
        };
        let containers = "{.status.containerStatuses[*].state} {.status.containerStatuses[*].lastState}";
        let watches = [
            watch("events", r#"{.reason} {.message}{"\n"}"#),
            watch("pods", &format!(r#"{{.metadata.name}} {containers}{{"\n"}}"#)),
        ];
        Self { watches, said: RefCell::default() }
    }

    /// When it was said for the `time`th time, counted from 1; `None` if it was not said so often.
    pub fn heard(&self, words: &str, time: usize) -> Option<Instant> {
        let mut said = self.said.borrow_mut();
        said.extend(self.watches.iter().flat_map(Following::read_so_far));
        said.sort_by_key(|(at, _)| *at);
        said.iter().filter(|(_, line)| line.contains(words)).nth(time - 1).map(|(at, _)| *at)
    }
}
