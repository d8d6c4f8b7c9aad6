//! Runs a long-running program in its own process group: logs its output, reports every 30 s that it still runs, and stops
//! it within a second of Ctrl-C.

use std::{
    fs::{self, File},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use rustix::process::Signal;

use super::failure::failed_run;
use crate::{Context, fault::cache_disk, program::ProcessGroup};

/// How often the child and the interruption are checked.
const LOOK: Duration = Duration::from_millis(50);

/// How often it is reported that the program still runs.
const WORD: Duration = Duration::from_secs(30);

/// How long a process group may take to end after SIGTERM.
const GRACE: Duration = Duration::from_millis(500);

/// A program that runs for minutes.
pub(crate) struct LongRun<'a> {
    /// What it makes, for messages: `Kubernetes 1.34.4`.
    pub(crate) what: &'a str,
    /// The file for its output, which is overwritten.
    pub(crate) log: PathBuf,
    /// Whether an interruption may stop it. Otherwise the run ends after the program.
    pub(crate) may_be_ended: bool,
}

impl<'a> LongRun<'a> {
    /// A run whose log is in the cache's directory of logs.
    pub(crate) fn new(context: &Context<'_>, what: &'a str, log: &str) -> Self {
        Self { what, log: context.cache.join("logs").join(format!("{log}.log")), may_be_ended: true }
    }

    /// Runs a program to completion.
    ///
    /// # Errors
    /// The run was interrupted; the program cannot be started, or failed (with the last lines of its output).
    pub(crate) fn run(&self, context: &Context<'_>, command: Command) -> Result<(), Faults> {
        context.check()?;
        let mut command = if self.may_be_ended { ended_with_us(context, command) } else { command };
        let (output, errors) = self.open_log()?;
        let name = command.get_program().to_string_lossy().into_owned();
        let refused = |error: std::io::Error| {
            Diagnostic::error(Code::ToolFailed, format!("`{name}` cannot be started: {error}"))
                .hint("check that the program is whole and may be executed here")
        };
        let child = command.process_group(0).stdin(Stdio::null()).stdout(output).stderr(errors).spawn().map_err(refused)?;
        let status = self.attend(context, child)?;
        context.check()?;
        if status.success() { Ok(()) } else { Err(failed_run(self.what, &describe(status), &self.log).into()) }
    }

    fn open_log(&self) -> Result<(File, File), Faults> {
        let open = || {
            fs::create_dir_all(self.log.parent().unwrap_or(Path::new(".")))?;
            let file = File::create(&self.log)?;
            Ok((file.try_clone()?, file))
        };
        open().map_err(|error| cache_disk("written", &self.log, &error).into())
    }

    /// Waits for a child, or stops it on an interruption.
    fn attend(&self, context: &Context<'_>, mut child: Child) -> Result<ExitStatus, Faults> {
        let began = Instant::now();
        let mut next_word = WORD;
        let lost = |error: std::io::Error| Diagnostic::error(Code::ToolFailed, format!("{}: {error}", self.what));
        loop {
            if let Some(status) = child.try_wait().map_err(lost)? {
                return Ok(status);
            }
            if let Err(interrupted) = context.check()
                && self.may_be_ended
            {
                end(&mut child);
                return Err(interrupted);
            }
            if began.elapsed() >= next_word {
                (context.report)(&format!("{}: still at work after {}", self.what, seconds(next_word)));
                next_word += WORD;
            }
            thread::sleep(LOOK);
        }
    }
}

/// A duration for messages: `45 s`, `3 min 20 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        short @ 0..60 => format!("{short} s"),
        long => format!("{} min {} s", long / 60, long % 60),
    }
}

/// Makes the kernel kill a program when this process is killed, if `setpriv` is installed; the thread that starts it must wait for it.
fn ended_with_us(context: &Context<'_>, command: Command) -> Command {
    let Some(setpriv) = context.find("setpriv") else { return command };
    let mut wrapped = Command::new(setpriv);
    wrapped.args(["--pdeathsig", "KILL"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        wrapped.current_dir(directory);
    }
    wrapped
}

/// Stops a child's whole process group: by SIGTERM, then by SIGKILL.
fn end(child: &mut Child) {
    let group = ProcessGroup::of(child);
    group.signal(Signal::TERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(LOOK);
    }
    // The child may have ended before others of its group. Its id is not reused for a new group while they live.
    group.signal(Signal::KILL);
    let _ = child.wait();
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        process::Command,
        sync::atomic::{AtomicBool, Ordering},
        thread,
        time::Duration,
    };

    use flare_diagnostic::Code;

    use super::{LOOK, LongRun, seconds};
    use crate::Context;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn search_path() -> Vec<PathBuf> {
        ["/usr/bin", "/bin"].map(PathBuf::from).to_vec()
    }

    /// Waits until a condition holds.
    fn until(holds: impl Fn() -> bool) {
        while !holds() {
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn lives(id: &str) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    }

    #[test]
    fn an_interruption_ends_the_whole_group_though_it_ignores_sigterm() {
        let (cache, interrupted, search_path) = (tempfile::tempdir().unwrap(), AtomicBool::new(false), search_path());
        let context =
            Context { cache: cache.path(), search_path: &search_path, interrupted: &interrupted, report: &|_: &str| {} };
        let ids = cache.path().join("ids");
        let script = format!("trap '' TERM; sleep infinity & echo $$ $! > {}; wait", ids.display());
        let ended = std::thread::scope(|scope| {
            let run = scope.spawn(|| LongRun::new(&context, "a nap", "nap").run(&context, shell(&script)));
            until(|| std::fs::read_to_string(&ids).unwrap_or_default().ends_with('\n'));
            interrupted.store(true, Ordering::Relaxed);
            run.join().unwrap()
        });
        assert_eq!(ended.unwrap_err().first().code, Code::Interrupted);
        let ids = std::fs::read_to_string(&ids).unwrap();
        // They were signalled before the run ended, and would not end by themselves.
        until(|| ids.split_whitespace().all(|id| !lives(id)));
    }

    #[test]
    fn what_may_not_be_ended_is_waited_for() {
        let (cache, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
        let context = Context { cache: cache.path(), search_path: &[], interrupted: &interrupted, report: &|_: &str| {} };
        let run = LongRun { may_be_ended: false, ..LongRun::new(&context, "packages", "packages") };
        let done = cache.path().join("done");
        let (started, go_on) = (cache.path().join("started"), cache.path().join("go-on"));
        let script = "echo > STARTED; while [ ! -e GO_ON ]; do sleep 0.01; done; echo > DONE"
            .replace("STARTED", started.to_str().unwrap())
            .replace("GO_ON", go_on.to_str().unwrap())
            .replace("DONE", done.to_str().unwrap());
        let ended = std::thread::scope(|scope| {
            let run = scope.spawn(|| run.run(&context, shell(&script)));
            until(|| started.is_file());
            interrupted.store(true, Ordering::Relaxed);
            // A run that wrongly stops it would do so now. On a slow machine the test may miss that, but it never fails wrongly.
            thread::sleep(3 * LOOK);
            std::fs::write(&go_on, "").unwrap();
            run.join().unwrap()
        });
        assert_eq!(ended.unwrap_err().first().code, Code::Interrupted);
        assert!(done.is_file());
    }

    #[test]
    fn a_failure_shows_the_last_lines_and_where_the_rest_is() {
        let (cache, interrupted, search_path) = (tempfile::tempdir().unwrap(), AtomicBool::new(false), search_path());
        let context =
            Context { cache: cache.path(), search_path: &search_path, interrupted: &interrupted, report: &|_: &str| {} };
        let run = |script| LongRun::new(&context, "the thing", "thing").run(&context, shell(script));
        run("echo fine; exit 0").unwrap();
        let failed = run("echo first; echo 'main.go:3: no such thing' >&2; exit 3").unwrap_err();
        assert_eq!(failed.first().code, Code::ToolFailed);
        assert!(failed.first().message.contains("exit 3") && failed.first().message.contains("main.go:3"), "{failed:?}");
        let log = cache.path().join("logs/thing.log");
        assert!(failed.first().hint.as_ref().unwrap().contains(log.to_str().unwrap()), "{failed:?}");
        assert!(Path::new(&log).is_file());
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!([5, 60, 215].map(|time| seconds(Duration::from_secs(time))), ["5 s", "1 min 0 s", "3 min 35 s"]);
    }
}
