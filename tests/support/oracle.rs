//! The reference as one long-lived process that answers in milliseconds.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::reference::Release;
use crate::workspace_directory;

/// The result of a run of `prepare`, on either side.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The exit code.
    pub exit_code: i64,
    /// The error code, if there is one.
    pub error_code: Option<String>,
    /// The message, if there is an error.
    pub message: String,
    /// The report of a successful run.
    pub report: Option<Value>,
    /// Warnings, one line each.
    pub warnings: Vec<String>,
}

/// A running process of one release of the reference.
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts the reference of this release.
    pub fn start(release: Release) -> Self {
        let mut child = Command::new(release.python())
            .arg(workspace_directory().join("tests/reference/oracle.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, input, output }
    }

    /// Runs the reference's own `prepare`.
    pub fn prepare(&mut self, kit: &Path, config: Option<&Path>, output: Option<&Path>) -> Outcome {
        let answer = self.ask(&json!({"do": "prepare", "kit": kit, "config": config, "output": output}));
        let envelope = &answer["envelope"];
        Outcome {
            exit_code: answer["exit_code"].as_i64().unwrap(),
            error_code: envelope["error_code"].as_str().map(str::to_owned),
            message: envelope["message"].as_str().unwrap_or_default().to_owned(),
            report: envelope.get("data").cloned(),
            warnings: answer["stderr"]
                .as_str()
                .unwrap()
                .lines()
                .filter_map(|line| line.strip_prefix("Warning: "))
                .map(str::to_owned)
                .collect(),
        }
    }

    /// A JSON file as Python reads it; numbers that JSON libraries would round are returned as `{"$number": "…"}`.
    pub fn read_json(&mut self, path: &Path) -> Value {
        self.ask(&json!({"do": "read_json", "path": path}))["value"].take()
    }

    /// A YAML file of one document.
    pub fn read_yaml(&mut self, path: &Path) -> Value {
        self.ask(&json!({"do": "read_yaml", "path": path}))["value"].take()
    }

    /// All documents of a YAML text that are not empty, or why it is not YAML.
    pub fn read_manifests(&mut self, text: &str) -> Result<Vec<Value>, String> {
        let mut answer = self.ask(&json!({"do": "read_manifests", "text": text}));
        match answer["value"].take() {
            Value::Array(documents) => Ok(documents),
            _ => Err(answer["no_yaml"].to_string()),
        }
    }

    /// The stable name of a participant with the limit of a Service.
    pub fn stable_name(&mut self, name: &str) -> String {
        let answer = self.ask(&json!({"do": "stable_name", "text": name}));
        answer["value"].as_str().expect("a name is a text").to_owned()
    }

    /// The words of a shell command.
    pub fn words(&mut self, command: &str) -> Value {
        self.ask(&json!({"do": "words", "text": command}))["value"].take()
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.input, "{question}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("the oracle said `{line}` to {question}: {error}"));
        assert!(answer.get("failed").is_none(), "the oracle failed on {question}: {answer}");
        answer
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It exits at the end of its input; the kill is for an oracle that hangs, and the wait avoids a zombie.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
