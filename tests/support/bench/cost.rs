//! Time and memory of a program.

use std::fs;
use std::process::{Command, Output};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cleanup;

/// The cost of one run of a program.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// From its start to its end.
    pub time: Duration,
    /// Peak resident memory in kibibytes.
    pub memory: u64,
    /// Peak of the resident memory of it and all programs that it started, in kibibytes. What they share is counted for each.
    pub memory_with_children: u64,
}

impl Cost {
    /// Runs a command to completion. Also returns its status and, if piped, its output.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn of(command: &mut Command) -> (Self, Output) {
        let began = Instant::now();
        let child = cleanup::unless_interrupted(|| command.spawn()).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let watch = watch_memory(child.id());
        let output = child.wait_with_output().unwrap();
        let time = began.elapsed();
        cleanup::hold_if_interrupted();
        let (memory, memory_with_children) = watch.join().unwrap();
        (Self { time, memory, memory_with_children }, output)
    }

    /// Its time.
    pub fn milliseconds(self) -> f64 {
        self.time.as_secs_f64() * 1000.0
    }

    /// The cost as JSON.
    pub fn figures(self) -> Value {
        json!({"milliseconds": self.milliseconds(), "peak_memory_kib": self.memory})
    }
}

/// Polls a process's peak memory, and more rarely that of it and its descendants, until it ends; for a run shorter than the interval,
/// the value at its start.
fn watch_memory(process: u32) -> JoinHandle<(u64, u64)> {
    thread::spawn(move || {
        let (mut peak, mut with_children) = (0, 0);
        for round in 0_u64.. {
            // The status of a zombie has no memory, so the loop ends with the process even before it is reaped.
            let Some(own) = memory(process, "VmHWM:") else { break };
            peak = own;
            if round.is_multiple_of(10) {
                let all = descendants(process).into_iter().filter_map(|one| memory(one, "VmRSS:")).sum();
                with_children = with_children.max(all);
            }
            thread::sleep(Duration::from_millis(5));
        }
        (peak, with_children.max(peak))
    })
}

/// A figure of a process's memory in kibibytes.
fn memory(process: u32, figure: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix(figure))?;
    kibibytes.trim().trim_end_matches(" kB").parse().ok()
}

/// The process and all that it started. The kernel lists the children of each thread.
fn descendants(process: u32) -> Vec<u32> {
    let mut all = vec![process];
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    for thread in threads {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(descendants));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::Cost;

    #[test]
    fn the_memory_of_children_is_added() {
        let held = "import time; held = bytearray(b'x' * (48 << 20)); time.sleep(0.5)";
        let script = format!("import subprocess, sys; subprocess.run([sys.executable, '-c', {held:?}], check=True)");
        let (cost, output) = Cost::of(Command::new("python3").args(["-c", &script]));
        assert!(output.status.success());
        assert!(cost.memory < 48 << 10 && cost.memory_with_children > 48 << 10, "{cost:?}");
    }

    #[test]
    fn the_peak_is_seen_though_the_memory_was_given_back() {
        let script =
            "import time; held = bytearray(b'x' * (96 << 20)); del held; time.sleep(0.1); print('end'); raise SystemExit(3)";
        let (cost, output) = Cost::of(Command::new("python3").args(["-c", script]).stdout(Stdio::piped()));
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b"end\n"[..]));
        assert!(cost.memory > 96 << 10, "{cost:?}");
        assert!(cost.milliseconds() >= 100.0, "{cost:?}");
    }
}
