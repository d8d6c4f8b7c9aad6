//! The measurements, as a table and as JSON.

use std::time::Duration;

use integration_tests::bench::machine::Machine;
use integration_tests::bench::rows::Rows;
use serde_json::{Value, json};

use crate::requests::Requests;

/// All measurements, in the order in which they were made.
pub(crate) struct Figures {
    machine: Machine,
    rows: Rows,
    requests: Vec<Requests>,
}

impl Figures {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, rows: Rows::default(), requests: Vec::new() }
    }

    /// Adds a measurement to the row of this name.
    pub(crate) fn add(&mut self, what: &str, note: &str, time: Duration) {
        self.rows.add(what, note, time);
    }

    pub(crate) fn add_requests(&mut self, requests: Requests) {
        self.requests.push(requests);
    }

    /// The table, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\n\n{}", self.machine.sentence(), self.rows.table());
        text.push_str(
            "\nRequests to the API server by the reference's launcher, from the audit log (one server, two sites; to the end of the job):\n\n\
             | nvflare | jobs | requests a job | seconds a job | requests a second | by verb and resource, a job |\n\
             | --- | --- | --- | --- | --- | --- |\n",
        );
        for requests in &self.requests {
            text.push_str(&requests.row());
        }
        text
    }

    /// JSON: `machine`, `rows` with all seconds, `requests`.
    pub(crate) fn document(&self) -> Value {
        json!({
            "machine": self.machine.document(),
            "rows": self.rows.document(),
            "requests": self.requests.iter().map(Requests::document).collect::<Vec<_>>(),
        })
    }
}
