//! Documents of runs, and their pages.

use std::time::Duration;

use flare_report::Run;
use serde_json::Value;

/// A document of each verb that has a report, in the form that `-o json` prints.
pub(crate) fn all() -> [(&'static str, Value); 3] {
    let read = |text: &str| serde_json::from_str(text).expect("JSON");
    [
        ("up", read(include_str!("../documents/up.json"))),
        ("status", read(include_str!("../documents/status.json"))),
        ("verify", read(include_str!("../documents/verify.json"))),
    ]
}

pub(crate) fn page(verb: &str, subject: &str, document: &Value) -> String {
    let began = "2026-11-29T07:12:33Z".parse().expect("a time");
    let run = Run { verb, subject, version: "0.1.0", began, took: Duration::from_millis(134_900) };
    flare_report::page(document, &run).expect("a document of a run")
}
