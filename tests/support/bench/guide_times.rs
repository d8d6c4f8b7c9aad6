//! What the reference's printed command and the user guide's "Verify The Deployment" said about a fault: written by the tests of the
//! fault table, read by the bench that shows it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

/// The variable that names the file; without it the reference is not tried.
pub const FILE: &str = "FLARE_KUBE_GUIDE_TIMES";

/// One fault as the guide's reader meets it.
#[derive(Debug, Clone, PartialEq)]
pub struct GuideTime {
    /// What was wrong.
    pub fault: String,
    /// Whether `helm upgrade --install` succeeded, and its seconds.
    pub helm: (bool, f64),
    /// Whether `kubectl rollout status` succeeded, and its seconds.
    pub rollout: (bool, f64),
    /// The guide's command whose output has the cause; `None` if none has.
    pub seen_in: Option<String>,
}

impl GuideTime {
    /// Prints it, and appends it to the file.
    pub fn record(&self, file: &Path) {
        eprint!("{}", self.row());
        let (helm, rollout) = (self.helm, self.rollout);
        let line =
            json!({"fault": self.fault, "helm": [helm.0, helm.1], "rollout": [rollout.0, rollout.1], "seen_in": self.seen_in});
        let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// All that were recorded in a file.
    pub fn read(file: &Path) -> Vec<Self> {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        text.lines().map(|line| Self::of(&serde_json::from_str(line).expect("a line is JSON"))).collect()
    }

    fn of(value: &Value) -> Self {
        let pair = |key: &str| (value[key][0] == true, value[key][1].as_f64().expect("seconds"));
        Self {
            fault: value["fault"].as_str().expect("a text").to_owned(),
            helm: pair("helm"),
            rollout: pair("rollout"),
            seen_in: value["seen_in"].as_str().map(str::to_owned),
        }
    }

    /// A row of a table in Markdown.
    pub fn row(&self) -> String {
        let (helm, rollout) = (self.helm, self.rollout);
        let deployed = if helm.0 { "`STATUS: deployed`" } else { "an error" };
        let rolled_out = if rollout.0 { "**successfully rolled out**" } else { "timed out" };
        let seen_in = self.seen_in.as_ref().map_or_else(|| "nowhere".to_owned(), |command| format!("`{command}`"));
        format!("| {} | {deployed}, {:.1} s | {rolled_out}, {:.1} s | {seen_in} |\n", self.fault, helm.1, rollout.1)
    }
}
