//! Runs programs, follows their output, and waits for conditions.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cleanup;

/// Runs a command to completion; returns its stdout or, if it fails, all its output.
pub fn attempt(command: &mut Command, input: &[u8]) -> Result<String, String> {
    let output = finish(command, input);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    Err(format!("{command:?}\n{}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Runs a command to completion; returns whether it succeeded, and all that a person sees of it on a terminal.
pub fn hear(command: &mut Command) -> (bool, String) {
    let output = finish(command, &[]);
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    (output.status.success(), format!("{stdout}{stderr}"))
}

fn finish(command: &mut Command, input: &[u8]) -> Output {
    let shown = format!("{command:?}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = cleanup::unless_interrupted(|| command.spawn());
    let mut child = child.unwrap_or_else(|error| panic!("{shown}: {error}"));
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let output = thread::scope(|scope| {
        // A program that exits before it has read everything reports why on stderr.
        scope.spawn(move || stdin.write_all(input).ok());
        child.wait_with_output()
    })
    .unwrap();
    cleanup::hold_if_interrupted();
    output
}

/// Like [`attempt`]; a failure fails the test.
pub fn succeed(command: &mut Command) -> String {
    succeed_with(command, &[])
}

/// Like [`succeed`], with input for the program's stdin.
pub fn succeed_with(command: &mut Command, input: &[u8]) -> String {
    attempt(command, input).unwrap_or_else(|said| panic!("{said}"))
}

/// Like [`succeed`], for a program that prints one JSON document.
pub fn succeed_json(command: &mut Command) -> Value {
    let text = succeed(command);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command:?} printed no JSON: {error}\n{text}"))
}

/// Polls until `look` returns a value; fails the test after `limit` with the message of `say`.
///
/// The pauses start at 20 ms and grow, so that fast changes are noticed soon and slow ones cost little.
pub fn wait<T>(limit: Duration, say: impl Fn() -> String, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    let mut pause = Duration::from_millis(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < limit, "not within {limit:?}: {}", say());
        thread::sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(500));
    }
}

/// Reads the lines of a pipe as they come, each with its time, also while nobody asks for them, so that the program can go on.
pub(super) fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<(Instant, String)> {
    let (send, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            // Nobody may be there to ask for it any more.
            let _ = send.send((Instant::now(), String::from_utf8_lossy(&line).into_owned()));
        }
    });
    lines
}

/// A program whose lines are read while it runs, such as `kubectl logs --follow`; it is killed when this value is dropped.
#[derive(Debug)]
pub struct Following {
    child: Child,
    /// Lines, each with the time at which it was read.
    lines: Receiver<(Instant, String)>,
}

impl Following {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = cleanup::unless_interrupted(|| command.spawn()).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = lines_of(child.stdout.take().expect("stdout is a pipe"));
        Self { child, lines }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(process, signal).unwrap();
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// The next line before `deadline`; `None` if the program has ended or the time is up.
    pub fn next_before(&self, deadline: Instant) -> Option<String> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.lines.recv_timeout(left).ok().map(|(_, line)| line)
    }

    /// The lines that have been read and not been asked for, each with its time.
    pub fn read_so_far(&self) -> Vec<(Instant, String)> {
        self.lines.try_iter().collect()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // It may have ended by itself; the wait avoids a zombie.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time of a step, and its result.
pub fn measured<T>(step: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let result = step();
    (began.elapsed(), result)
}
