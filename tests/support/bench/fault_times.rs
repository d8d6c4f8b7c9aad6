//! How long faults took to be named: written by the tests of the fault table, read by the bench that shows them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

/// The variable that names the file for the times.
pub const FILE: &str = "FLARE_KUBE_FAULT_TIMES";

/// One fault that was set up and named.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultTime {
    /// What was wrong.
    pub fault: String,
    /// The verb that named it.
    pub verb: String,
    /// The id of the finding, or the code of the error.
    pub id: String,
    /// The words of the finding that the test expects.
    pub words: String,
    /// Seconds that the whole verb took.
    pub seconds: f64,
    /// Seconds from the moment when Kubernetes had said what decides, if it is Kubernetes that says it.
    pub after_known: Option<f64>,
}

impl FaultTime {
    /// Prints it, and appends it to the file of `FLARE_KUBE_FAULT_TIMES`.
    pub fn record(&self) {
        let after = self.after_known.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"));
        eprintln!("{:>5.1} s {after:>7}   {} {}   {}: {}", self.seconds, self.verb, self.id, self.fault, self.words);
        let Some(file) = std::env::var_os(FILE) else { return };
        let line = self.document();
        let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
        // One write, because tests write beside each other.
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// As JSON.
    pub fn document(&self) -> Value {
        json!({"fault": self.fault, "verb": self.verb, "id": self.id, "words": self.words, "seconds": self.seconds,
            "after_known": self.after_known})
    }

    /// All that were recorded in a file.
    pub fn read(file: &Path) -> Vec<Self> {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        text.lines().map(|line| Self::of(&serde_json::from_str(line).expect("a line is JSON"))).collect()
    }

    fn of(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().expect("a text").to_owned();
        Self {
            fault: text("fault"),
            verb: text("verb"),
            id: text("id"),
            words: text("words"),
            seconds: value["seconds"].as_f64().expect("a number"),
            after_known: value["after_known"].as_f64(),
        }
    }

    /// A row of a table in Markdown.
    pub fn row(&self) -> String {
        let after = self.after_known.map(|seconds| format!("{seconds:.1} s")).unwrap_or_default();
        format!("| {} | `{}` | {} {} | {:.1} s | {after} |\n", self.fault, self.verb, self.id, self.words, self.seconds)
    }
}
