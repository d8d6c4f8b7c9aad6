//! What was measured, as a table for people and as a document.

use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::Machine;
use crate::requests::Requests;

/// One thing and all its measurements, in seconds.
struct Row {
    what: String,
    note: String,
    seconds: Vec<f64>,
}

/// All that was measured, in the order in which it came.
pub(crate) struct Figures {
    machine: Machine,
    rows: Vec<Row>,
    requests: Vec<Requests>,
}

impl Figures {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, rows: Vec::new(), requests: Vec::new() }
    }

    /// Adds a measurement to the row of this name.
    pub(crate) fn add(&mut self, what: &str, note: &str, time: Duration) {
        eprintln!("{what}: {:.2} s", time.as_secs_f64());
        if let Some(row) = self.rows.iter_mut().find(|row| row.what == what) {
            row.seconds.push(time.as_secs_f64());
        } else {
            self.rows.push(Row { what: what.to_owned(), note: note.to_owned(), seconds: vec![time.as_secs_f64()] });
        }
    }

    pub(crate) fn add_requests(&mut self, requests: Requests) {
        self.requests.push(requests);
    }

    /// Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\n\n", self.machine.sentence());
        text.push_str("| step | median, seconds | runs | least to most | note |\n| --- | --- | --- | --- | --- |\n");
        for row in &self.rows {
            let (least, most) = (at(&row.seconds, 0), at(&row.seconds, row.seconds.len() - 1));
            text.push_str(&format!(
                "| {} | {:.2} | {} | {least:.2} to {most:.2} | {} |\n",
                row.what,
                median(&row.seconds),
                row.seconds.len(),
                row.note
            ));
        }
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
        let row = |row: &Row| json!({"what": row.what, "note": row.note, "median_seconds": median(&row.seconds), "seconds": row.seconds});
        json!({
            "machine": self.machine.document(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "requests": self.requests.iter().map(Requests::document).collect::<Vec<_>>(),
        })
    }
}

/// The value at a place of the sorted measurements, of which there is at least one.
fn at(seconds: &[f64], place: usize) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[place]
}

/// The middle one; of an even number the mean of both middle ones.
fn median(seconds: &[f64]) -> f64 {
    let count = seconds.len();
    f64::midpoint(at(seconds, (count - 1) / 2), at(seconds, count / 2))
}
