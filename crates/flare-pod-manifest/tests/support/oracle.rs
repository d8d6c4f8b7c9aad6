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

/// The Python of an installed reference. A missing one is a failure: parity that was not looked at is no parity.
fn python(target: Target) -> PathBuf {
    let release = match target {
        Target::V2_8 => "nvflare-2.8.3",
        Target::V2_9 => "nvflare-2.9.0",
    };
    let named = std::env::var_os("FLARE_KUBE_CACHE").map(PathBuf::from);
    let xdg = || std::env::var_os("XDG_CACHE_HOME").map(|cache| PathBuf::from(cache).join("flare-kube"));
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/flare-kube"));
    let cache = named.or_else(xdg).or_else(home).expect("FLARE_KUBE_CACHE, XDG_CACHE_HOME or HOME is set");
    let python = cache.join("reference").join(release).join("bin/python");
    assert!(
        python.is_file(),
        "the reference is not installed at {}; install nvflare[K8S] there, as .ci/run does",
        python.display()
    );
    python
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
