//! The reference's own launcher classes in one long-lived Python process.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use flare_names::Target;
use serde_json::{Value, json};

pub struct Oracle {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// The Python of the reference, which is installed if missing, so that parity tests are never skipped.
pub fn python(target: Target) -> PathBuf {
    let version = target.capabilities().patch_release;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/reference/install.sh");
    let output = Command::new("sh").args([script, version]).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "nvflare {version} could not be installed, which its own messages explain");
    let said = String::from_utf8(output.stdout).unwrap();
    let directory = said.trim().strip_prefix(&format!("nvflare {version}: ")).expect("the script names the directory");
    PathBuf::from(directory).join("bin/python")
}

impl Oracle {
    pub fn start(target: Target) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/launcher_oracle.py");
        let mut process = Command::new(python(target))
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the reference's Python starts");
        let stdin = process.stdin.take();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdin, stdout }
    }

    /// The reference's answer, or its error.
    pub fn ask(&mut self, request: &str) -> Result<Value, String> {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{}", json!({ "request": request })).unwrap();
        stdin.flush().unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let reply: Value = serde_json::from_str(&line).expect("the oracle answers in JSON");
        match reply["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None if reply["pod"].is_null() => Err("no pod was asked for".to_owned()),
            None => Ok(reply),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}
