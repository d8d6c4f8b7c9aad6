//! One run of Helm, until it exits or is stopped by a limit or the end of this process.

use std::{
    ffi::OsString,
    io::{self, Read},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// What stops a run.
#[derive(Debug, Clone, Copy)]
pub struct RunLimits<'run> {
    /// How long it may take.
    pub time: Duration,
    /// Set when the caller wants it to stop.
    pub stop: &'run AtomicBool,
}

/// Runs a program, and stops it when this process dies, which closes the pipe on stdin. Helm gets 10 s after SIGTERM to record that
/// its release failed, which takes one request; then all processes that it started are killed too.
const WATCHED: &str = r#"exec 3<&0
"$@" 3<&- </dev/null &
program=$!
{ read -r _ <&3; kill -TERM "$program"; sleep 10; kill -KILL 0; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$program"
status=$?
kill "$watcher" 2>/dev/null
exit "$status""#;

/// How long after SIGTERM the whole run is killed from here, in case its watcher is gone.
const GRACE_PERIOD: Duration = Duration::from_secs(15);

/// The maximum length in bytes of what is kept of a pipe: many times the longest list of releases or manifest.
const LONGEST_OUTPUT: u64 = 64 << 20;

/// How often the run and its limits are checked.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Environment variables that would make Helm use another cluster, user or namespace than it is told, or print more.
const NOT_PASSED_ON: [&str; 11] = [
    "HELM_NAMESPACE",
    "HELM_KUBECONTEXT",
    "HELM_KUBEAPISERVER",
    "HELM_KUBECAFILE",
    "HELM_KUBEASUSER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBETOKEN",
    "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_DEBUG",
    "HELM_COLOR",
];

/// How a run ended.
pub(crate) enum RunOutcome {
    /// Successfully, with this stdout.
    Success(Vec<u8>),
    /// With another status and this stderr.
    Failure(Vec<u8>),
    /// Its time was up.
    TimedOut,
    /// The caller stopped it.
    Stopped,
}

/// Runs a program with arguments. One that its caller has stopped before is not begun.
pub(crate) fn run(program: &Path, arguments: &[OsString], limits: RunLimits<'_>) -> io::Result<RunOutcome> {
    if limits.stop.load(Ordering::Relaxed) {
        return Ok(RunOutcome::Stopped);
    }
    let mut command = Command::new("/bin/sh");
    command.args(["-c", WATCHED, "sh"]).arg(program).args(arguments);
    for name in NOT_PASSED_ON {
        command.env_remove(name);
    }
    // A separate process group: Ctrl-C at a terminal reaches only this process, which then stops the run properly.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    Ok(match wait(&mut child, limits)? {
        Ok(status) => {
            let (stdout, stderr) = (collected(stdout), collected(stderr));
            if status.success() { RunOutcome::Success(stdout) } else { RunOutcome::Failure(stderr) }
        }
        // What it printed is not read to the end: a program that it started, such as a credential plug-in, may hold the pipes for ever.
        Err(why) => why,
    })
}

/// Waits for the program, or stops it.
fn wait(child: &mut Child, limits: RunLimits<'_>) -> io::Result<Result<ExitStatus, RunOutcome>> {
    let began = Instant::now();
    let why = loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ok(status));
        }
        if limits.stop.load(Ordering::Relaxed) {
            break RunOutcome::Stopped;
        }
        if began.elapsed() > limits.time {
            break RunOutcome::TimedOut;
        }
        thread::sleep(POLL_INTERVAL);
    };
    // The watcher sees the end of its input and sends SIGTERM to the program.
    drop(child.stdin.take());
    let asked = Instant::now();
    while child.try_wait()?.is_none() {
        if asked.elapsed() > GRACE_PERIOD {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                // It may have exited meanwhile.
                let _ = kill_process_group(group, Signal::KILL);
            }
            child.wait()?;
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(Err(why))
}

/// Reads to the end in parallel, so that no pipe fills up. Of endless output only the beginning is kept.
fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // If reading fails, what was read so far is shown.
            let _ = (&mut pipe).take(LONGEST_OUTPUT).read_to_end(&mut bytes);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        bytes
    })
}

fn collected(reading: JoinHandle<Vec<u8>>) -> Vec<u8> {
    reading.join().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};

    use super::{LONGEST_OUTPUT, collected, read};

    #[test]
    fn only_the_beginning_of_endless_output_is_kept_and_the_rest_is_still_read() {
        let (ours, theirs) = io::pipe().expect("a pipe");
        let writing = std::thread::spawn(move || io::copy(&mut io::repeat(b'x').take(LONGEST_OUTPUT + 3), &mut &theirs));
        assert_eq!(collected(read(Some(ours))).len() as u64, LONGEST_OUTPUT);
        let written = writing.join().expect("it writes").expect("nobody closed the pipe");
        assert_eq!(written, LONGEST_OUTPUT + 3);
    }
}
