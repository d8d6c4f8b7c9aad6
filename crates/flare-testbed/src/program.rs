//! Runs programs that end soon, and signals whole process groups.

use std::{
    io::{self, Write as _},
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// Why a program gave no output.
#[derive(Debug)]
pub enum ProgramFailure {
    /// It cannot be started, or its output cannot be read.
    NotRun(io::Error),
    /// It failed; this is the last line of its stderr.
    Failed(String),
}

/// Runs a command with this input and returns its output, with any exit status.
///
/// # Errors
/// The program cannot be started, or its output cannot be read.
pub fn output(command: &mut Command, input: &[u8]) -> io::Result<Output> {
    if input.is_empty() {
        return command.stdin(Stdio::null()).output();
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        // A program that exits before it has read everything reports why on stderr.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        child.wait_with_output()
    })
}

/// Runs a command with this input and returns its stdout.
///
/// # Errors
/// [`ProgramFailure`].
pub fn stdout(command: &mut Command, input: &[u8]) -> Result<String, ProgramFailure> {
    let output = output(command, input).map_err(ProgramFailure::NotRun)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(ProgramFailure::Failed(last.to_owned()))
}

/// The process group of a child that was started as its leader.
#[derive(Debug, Clone, Copy)]
pub struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// The group of a child that was started with [`process_group(0)`](std::os::unix::process::CommandExt::process_group).
    pub fn of(leader: &Child) -> Self {
        Self(i32::try_from(leader.id()).ok().and_then(Pid::from_raw))
    }

    /// Sends a signal to all its processes; they may have ended by themselves.
    pub fn signal(self, signal: Signal) {
        let _ = self.0.map(|group| kill_process_group(group, signal));
    }

    /// Whether one of its processes still lives.
    pub fn is_alive(self) -> bool {
        self.0.is_some_and(|group| test_kill_process_group(group).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Read as _},
        os::unix::process::CommandExt as _,
    };

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_gets_its_input_and_a_failure_has_the_last_line() {
        let long = vec![b'x'; 1 << 20];
        assert_eq!(stdout(&mut shell("wc -c"), &long).unwrap().trim(), long.len().to_string());
        assert_eq!(stdout(&mut shell("echo a; cat"), &[]).unwrap(), "a\n");
        let failed = |script| match stdout(&mut shell(script), &long) {
            Err(ProgramFailure::Failed(last)) => last,
            other => format!("{other:?}"),
        };
        assert_eq!(failed("echo first >&2; echo last >&2; echo >&2; exit 3"), "last");
        assert_eq!(failed("exit 3"), "it said nothing");
        assert!(matches!(stdout(&mut Command::new("/nonexistent"), &[]), Err(ProgramFailure::NotRun(_))));
    }

    #[test]
    fn a_signal_reaches_the_children_of_the_leader() {
        let mut command = shell("sleep 600 & echo started; wait");
        let mut leader = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        let group = ProcessGroup::of(&leader);
        let mut output = BufReader::new(leader.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        assert!(group.is_alive());
        group.signal(Signal::KILL);
        leader.wait().unwrap();
        // The child has the pipe too, which is closed by its end.
        output.read_to_end(&mut Vec::new()).unwrap();
    }
}
