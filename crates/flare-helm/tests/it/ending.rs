//! A run of Helm is stopped when its time is up, when it is asked to stop, and when its caller dies; it gets SIGTERM before SIGKILL.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use flare_diagnostic::Code;
use flare_helm::{RunLimits, Upgrade, Values};
use tempfile::TempDir;

use crate::support::{NEVER, find, place, program, until};

/// Set in the process that runs Helm and is killed; its value is the directory of the program.
const PART: &str = "FLARE_HELM_TEST_PART";

/// Runs for a minute, and records SIGTERM, and that it ended by itself. The file with its process id is there with its content or not at all.
const WORKS: &str = r#"here=$(dirname "$0")
trap 'echo asked > "$here/asked"; kill "$child"; wait "$child"; echo ended > "$here/ended"; exit 1' TERM
echo $$ > "$here/begins" && mv "$here/begins" "$here/began"
sleep 60 & child=$!
wait "$child""#;

/// Ignores SIGTERM.
const DEAF: &str = r#"trap '' TERM
echo $$ > "$(dirname "$0")/began"
sleep 60"#;

fn upgrade(directory: &Path, limits: RunLimits<'_>) -> flare_diagnostic::Diagnostic {
    let helm = find(&directory.join("helm"));
    let place = place();
    helm.release(&place, limits).upgrade(Path::new("/chart"), &Values::default(), Upgrade::default()).unwrap_err()
}

/// Whether the program, which has written its process id, has exited.
fn has_ended(directory: &Path) -> bool {
    let number = fs::read_to_string(directory.join("began")).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", number.trim())).unwrap_or_default();
    !status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

#[test]
fn a_run_whose_time_is_up_is_asked_to_end() {
    let directory = TempDir::new().unwrap();
    program(directory.path(), "v3.20.0", WORKS);
    let fault = upgrade(directory.path(), RunLimits { time: Duration::from_millis(500), stop: &NEVER });
    assert_eq!(fault.code, Code::TimedOut);
    assert!(directory.path().join("asked").exists() && has_ended(directory.path()));
    assert!(directory.path().join("ended").exists(), "it ended when it was asked to, and was not killed");
}

/// A credential plug-in that hangs, for example, keeps the pipes open into which Helm printed.
#[test]
fn a_run_whose_time_is_up_does_not_wait_for_what_it_left_behind() {
    let directory = TempDir::new().unwrap();
    program(directory.path(), "v3.20.0", "sleep 60 & echo $! > \"$(dirname \"$0\")/began\"\nwait");
    let fault = upgrade(directory.path(), RunLimits { time: Duration::from_secs(2), stop: &NEVER });
    assert_eq!(fault.code, Code::TimedOut);
    assert!(!has_ended(directory.path()), "it is still there");
    let left = fs::read_to_string(directory.path().join("began")).unwrap();
    Command::new("kill").arg(left.trim()).status().unwrap();
}

#[test]
fn a_run_that_its_caller_stops_is_asked_to_end() {
    let directory = TempDir::new().unwrap();
    program(directory.path(), "v3.20.0", WORKS);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| upgrade(directory.path(), RunLimits { time: Duration::from_mins(1), stop: &stop }));
        until("it works", || directory.path().join("began").exists());
        stop.store(true, Ordering::Relaxed);
        assert_eq!(run.join().unwrap().code, Code::Interrupted);
    });
    assert!(directory.path().join("asked").exists() && has_ended(directory.path()));
}

/// A rollback that is cut off at once could leave a locked release.
#[test]
fn a_run_that_was_stopped_before_is_not_begun() {
    let directory = TempDir::new().unwrap();
    let helm = find(&program(directory.path(), "v3.20.0", "touch \"$(dirname \"$0\")/began\""));
    let (place, stop) = (place(), AtomicBool::new(true));
    let limits = RunLimits { time: Duration::from_mins(1), stop: &stop };
    assert_eq!(helm.release(&place, limits).rollback(1).unwrap_err().code, Code::Interrupted);
    assert!(!directory.path().join("began").exists());
}

#[test]
fn a_run_that_does_not_listen_is_killed() {
    let directory = TempDir::new().unwrap();
    program(directory.path(), "v3.20.0", DEAF);
    let fault = upgrade(directory.path(), RunLimits { time: Duration::from_millis(500), stop: &NEVER });
    assert_eq!(fault.code, Code::TimedOut);
    until("the killed program is gone", || has_ended(directory.path()));
}

#[test]
fn a_run_whose_caller_is_killed_is_asked_to_end() {
    if let Some(directory) = std::env::var_os(PART) {
        upgrade(Path::new(&directory), RunLimits { time: Duration::from_mins(1), stop: &NEVER });
        return;
    }
    let directory = TempDir::new().unwrap();
    program(directory.path(), "v3.20.0", WORKS);
    let mut part = Command::new(std::env::current_exe().unwrap());
    part.args(["--exact", "ending::a_run_whose_caller_is_killed_is_asked_to_end"]).env(PART, directory.path());
    let mut part = part.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("it works", || directory.path().join("began").exists());
    assert!(!has_ended(directory.path()));
    part.kill().unwrap();
    part.wait().unwrap();
    until("it was asked to end", || directory.path().join("asked").exists() && has_ended(directory.path()));
}
