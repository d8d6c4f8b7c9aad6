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
        (Self { time, memory: watch.join().unwrap() }, output)
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

/// Polls a process's peak memory until it ends; for a run shorter than the interval, the value at its start.
fn watch_memory(process: u32) -> JoinHandle<u64> {
    thread::spawn(move || {
        let mut peak = 0;
        // The status of a zombie has no memory, so the loop ends with the process even before it is reaped.
        while let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) {
            let Some(kibibytes) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else { break };
            peak = kibibytes.trim().trim_end_matches(" kB").parse().unwrap_or(peak);
            thread::sleep(Duration::from_millis(5));
        }
        peak
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::Cost;

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
