//! A program that tells its steps on stderr while it runs, and its result on stdout at its end.

use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::run::lines_of;
use crate::cleanup;

/// How long a step may take to come.
const LIMIT: Duration = Duration::from_mins(3);

/// The program; it is killed when this value is dropped.
#[derive(Debug)]
pub struct Telling {
    child: Option<Child>,
    /// Lines that have not been looked at, each with the time at which it was read.
    lines: Receiver<(Instant, String)>,
    heard: Vec<String>,
}

impl Telling {
    /// Starts it. A verb of flare-kube tells its steps with `-v`.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = cleanup::unless_interrupted(|| command.spawn()).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = lines_of(child.stderr.take().expect("stderr is a pipe"));
        Self { child: Some(child), lines, heard: Vec::new() }
    }

    /// Waits until it tells a line with this text; fails the test if it ends before, or after three minutes.
    pub fn wait_for(&mut self, text: &str) {
        assert!(self.tells(text), "no `{text}` was told: {:#?}", self.heard);
    }

    /// As [`Self::wait_for`]; `false` where that fails the test.
    pub fn tells(&mut self, text: &str) -> bool {
        let deadline = Instant::now() + LIMIT;
        while let Ok((_, line)) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            let is_told = line.contains(text);
            self.heard.push(line);
            if is_told {
                return true;
            }
        }
        false
    }

    /// Waits for its end; returns status and stdout, and as stderr all that it told.
    pub fn output(mut self) -> Output {
        let child = self.child.take().expect("it was started");
        let output = child.wait_with_output().unwrap();
        self.heard.extend(self.lines.iter().map(|(_, line)| line));
        Output { stderr: self.heard.join("\n").into_bytes(), ..output }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; the wait avoids a zombie.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
