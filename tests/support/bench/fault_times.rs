//! How long faults took to be named: written by the tests of the fault table, read by the bench that shows them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

/// The variable that names the file for the times.
pub const FILE: &str = "FLARE_KUBE_FAULT_TIMES";

/// The variable with the names of the only faults that are to be tried, with commas between them; without it all are.
pub const ONLY: &str = "FLARE_KUBE_FAULTS_ONLY";

/// Whether a fault is to be tried: its name has one of those in `only`, which may be empty.
pub fn is_wanted(fault: &str, only: &str) -> bool {
    let mut names = only.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
    names.peek().is_none() || names.any(|name| fault.contains(name))
}

/// One fault that was set up.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultTime {
    /// What was wrong.
    pub fault: String,
    /// The verb that has to name it.
    pub verb: String,
    /// The id of the finding that must name it.
    pub id: String,
    /// The words of the finding that the test expects.
    pub words: String,
    /// How long it took, or why there is no such finding.
    pub named: Result<Named, String>,
}

/// How long a fault took to be named.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Named {
    /// Seconds that the whole verb took.
    pub seconds: f64,
    /// Seconds from the moment when Kubernetes had said what decides, if it is Kubernetes that says it.
    pub after_known: Option<f64>,
}

impl FaultTime {
    /// Prints it, and appends it to the file of `FLARE_KUBE_FAULT_TIMES`.
    pub fn record(&self) {
        eprint!("{}", self.row());
        if let Some(file) = std::env::var_os(FILE) {
            append(Path::new(&file), &self.document());
        }
    }

    /// As JSON.
    pub fn document(&self) -> Value {
        let named = self.named.as_ref();
        json!({"fault": self.fault, "verb": self.verb, "id": self.id, "words": self.words,
            "seconds": named.ok().map(|named| named.seconds), "after_known": named.ok().and_then(|named| named.after_known),
            "missed": named.err()})
    }

    /// All that were recorded in a file.
    pub fn read(file: &Path) -> Vec<Self> {
        lines(file).iter().map(Self::of).collect()
    }

    fn of(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().expect("a text").to_owned();
        let named = match value["missed"].as_str() {
            Some(missed) => Err(missed.to_owned()),
            None => {
                Ok(Named { seconds: value["seconds"].as_f64().expect("a number"), after_known: value["after_known"].as_f64() })
            }
        };
        Self { fault: text("fault"), verb: text("verb"), id: text("id"), words: text("words"), named }
    }

    /// A row of a table in Markdown.
    pub fn row(&self) -> String {
        let (whole, after) = match &self.named {
            Ok(named) => (format!("{:.1} s", named.seconds), named.after_known.map(|seconds| format!("{seconds:.1} s"))),
            Err(missed) => (format!("**missed**: {}", cell(missed)), None),
        };
        let Self { fault, verb, id, words, .. } = self;
        format!("| {fault} | `{verb}` | {id} {words} | {whole} | {} |\n", after.unwrap_or_default())
    }

    /// Who named it, and how fast, in one cell.
    pub fn cell(&self) -> String {
        match &self.named {
            Ok(named) => format!("`{}`: {}, {:.1} s", self.verb, self.id, named.seconds),
            Err(_) => format!("`{}`: **missed**", self.verb),
        }
    }
}

/// Appends a line by one write, because tests write beside each other.
pub(super) fn append(file: &Path, line: &Value) {
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The lines of a file.
pub(super) fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// A text for a cell of a table in Markdown: its first line, shortened.
pub(super) fn cell(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let short: String = line.chars().take(160).collect();
    let short = if short.len() < line.len() { format!("{short}…") } else { short };
    short.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::{FaultTime, Named, is_wanted};

    #[test]
    fn a_fault_is_wanted_by_a_part_of_its_name_or_if_none_is_named() {
        for only in ["", " ,", "tag", "quota, wrong"] {
            assert!(is_wanted("wrong tag", only), "{only}");
        }
        assert!(!is_wanted("wrong tag", "quota") && !is_wanted("wrong tag", "quota,wrong tags"));
    }

    fn time(named: Result<Named, String>) -> FaultTime {
        let text = |text: &str| text.to_owned();
        FaultTime { fault: text("wrong tag"), verb: text("verify"), id: text("D52"), words: text("no such image"), named }
    }

    #[test]
    fn a_fault_is_written_and_read_again_whether_it_was_named_or_not() {
        let named = time(Ok(Named { seconds: 21.04, after_known: Some(0.3) }));
        let missed = time(Err("\nno error D52 in [a|b]\nmore".to_owned()));
        for one in [&named, &missed, &time(Ok(Named { seconds: 1.0, after_known: None }))] {
            assert_eq!(FaultTime::of(&one.document()), *one);
        }
        assert_eq!(named.row(), "| wrong tag | `verify` | D52 no such image | 21.0 s | 0.3 s |\n");
        assert_eq!(missed.row(), "| wrong tag | `verify` | D52 no such image | **missed**: no error D52 in [a\\|b] |  |\n");
        assert_eq!((named.cell(), missed.cell()), ("`verify`: D52, 21.0 s".to_owned(), "`verify`: **missed**".to_owned()));
    }
}
