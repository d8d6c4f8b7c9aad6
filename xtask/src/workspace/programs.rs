//! Runs the programs that a developer's verb needs: cargo, Helm, the scripts that build what is missing.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    thread,
    time::Duration,
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_file_tree::Destination;
use flare_testbed::program::{self, ProcessGroup, ProgramFailure};
use rustix::process::Signal;

use crate::{
    Environment,
    context::Context,
    interrupt::{Interrupt, interrupted},
    output::write_to_stderr,
};

/// How often a running program and the interruption are checked.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long an interrupted program may take to clean up, for example namespaces in a cluster.
const GRACE_PERIOD: Duration = Duration::from_mins(1);
/// How long after an interruption a program that still runs gets SIGTERM.
const TERMINATE_AFTER: Duration = Duration::from_secs(5);

/// What `cargo run` tells this program of its package. A cargo that is started with these compiles ring anew, and all that depends on it:
/// ring's build script wants to run again when one of them changes.
/// [Environment variables Cargo sets for crates](https://doc.rust-lang.org/cargo/reference/environment-variables.html)
const OF_THIS_PACKAGE: [&str; 17] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// Whether there is a regular file at a path; a link is followed.
pub(crate) fn is_file(path: &Path) -> bool {
    matches!(Destination::inspect(path), Ok(Destination::File))
}

/// Finds a program on the search path.
pub(crate) fn find(environment: &Environment, name: &str) -> Option<PathBuf> {
    environment.search_path.iter().map(|directory| directory.join(name)).find(|path| is_file(path))
}

/// A command in the checkout, with the cache directory in its environment and without input.
#[expect(clippy::disallowed_methods, reason = "this is the edge at which developers' verbs start programs")]
pub(crate) fn command(environment: &Environment, root: &Path, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root).env("FLARE_KUBE_CACHE", &environment.cache_directory).stdin(std::process::Stdio::null());
    for variable in OF_THIS_PACKAGE {
        command.env_remove(variable);
    }
    command
}

/// The Cargo that runs this program.
pub(crate) fn cargo(context: &Context<'_>, root: &Path) -> Command {
    streaming(context, root, "cargo")
}

/// A program whose output the user sees. In JSON mode it goes to stderr, so that stdout is a single document.
pub(crate) fn streaming(context: &Context<'_>, root: &Path, program: impl AsRef<OsStr>) -> Command {
    let mut command = command(context.environment, root, program);
    if context.shared.format == crate::output::Format::Json {
        command.stdout(std::io::stderr());
    }
    command
}

/// Runs a command to completion, with visible output. A failure names the command. An interruption is forwarded to it and to its
/// children, and the run ends after they have ended.
pub(crate) fn run(interrupt: &Interrupt, command: &mut Command) -> Result<(), Faults> {
    let shown = shown(command);
    write_to_stderr(&format!("+ {shown}\n"));
    interrupt.check()?;
    // A separate process group, so that cargo's children get an interruption too, exactly once.
    let status = command.process_group(0).spawn().and_then(|child| wait(interrupt, child)).map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        let code = if error.kind() == std::io::ErrorKind::NotFound { Code::ToolNotFound } else { Code::ToolFailed };
        Diagnostic::error(code, format!("`{program}` cannot be run: {error}")).hint(format!("install `{program}`, and run again"))
    })?;
    if status.success() {
        return Ok(());
    }
    if interrupt.check().is_err() || status.code() == Some(130) {
        return Err(interrupted().into());
    }
    Err(Diagnostic::error(Code::ToolFailed, format!("`{shown}` failed: {status}")).hint("its own messages stand above").into())
}

/// Waits for the leader of a process group; after an interruption also for all others in it.
fn wait(interrupt: &Interrupt, mut child: Child) -> std::io::Result<ExitStatus> {
    let group = ProcessGroup::of(&child);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt.check().is_err() {
            break;
        }
        thread::sleep(POLL_INTERVAL);
    }
    group.signal(Signal::INT);
    let mut asked = Duration::ZERO;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // Programs that were started to ignore Ctrl-C, as a shell's background job is, react to SIGTERM.
        if asked == TERMINATE_AFTER {
            group.signal(Signal::TERM);
        }
        thread::sleep(POLL_INTERVAL);
        asked += POLL_INTERVAL;
    };
    let mut waited = Duration::ZERO;
    while group.is_alive() && waited < GRACE_PERIOD {
        thread::sleep(POLL_INTERVAL);
        waited += POLL_INTERVAL;
    }
    Ok(status)
}

/// Runs a command and returns its stdout.
pub(crate) fn output(command: &mut Command) -> Result<String, Faults> {
    let shown = shown(command);
    program::stdout(command, &[]).map_err(|failure| match failure {
        ProgramFailure::NotRun(error) => Diagnostic::error(Code::ToolNotFound, format!("`{shown}` cannot be run: {error}"))
            .hint("install it, and run again")
            .into(),
        ProgramFailure::Failed(last) => Diagnostic::error(Code::ToolFailed, format!("`{shown}` failed: {last}"))
            .hint("run it by hand to see all of its output")
            .into(),
    })
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test that starts a process and waits for its file")]
mod tests {
    use std::{collections::BTreeSet, ffi::OsString, path::Path, process::Command, sync::atomic::Ordering};

    use flare_diagnostic::Code;

    use super::{command, run};
    use crate::{Environment, interrupt::Interrupt};

    #[test]
    fn an_interrupted_program_ends_though_it_was_started_to_ignore_an_interrupt() {
        let (interrupt, directory) = (Interrupt::default(), tempfile::tempdir().unwrap());
        let started = directory.path().join("started");
        let script = format!("trap '' INT; : >{}; while :; do sleep 0.1; done", started.display());
        let end = std::thread::scope(|scope| {
            let run = scope.spawn(|| run(&interrupt, Command::new("/bin/sh").args(["-c", &script])));
            while !started.exists() {
                std::thread::yield_now();
            }
            interrupt.flag().store(true, Ordering::Relaxed);
            run.join().unwrap()
        });
        assert_eq!(end.unwrap_err().first().code, Code::Interrupted);
    }

    /// Cargo sets the same variables for a test as for a program that it runs.
    #[test]
    fn a_cargo_that_is_started_does_not_hear_of_this_package() {
        let describes_a_package = |name: &OsString| {
            name.to_str().is_some_and(|name| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_"))
        };
        let of_this_package: BTreeSet<_> = std::env::vars_os().map(|(name, _)| name).filter(describes_a_package).collect();
        assert!(of_this_package.len() > 10, "{of_this_package:?}");
        let command = command(&Environment::of_process(), Path::new("."), "cargo");
        let removed: BTreeSet<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name.to_owned()).collect();
        let heard: Vec<_> = of_this_package.difference(&removed).collect();
        assert!(heard.is_empty(), "{heard:?}");
    }
}
