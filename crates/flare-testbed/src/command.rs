//! Runs short-lived programs.

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use flare_diagnostic::{Code, Diagnostic, Faults};

use crate::{
    Context,
    fault::failed,
    program::{self, ProgramFailure},
};

/// Directories of administrators' programs, which a plain user's `PATH` may lack.
const ADMINISTRATORS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// Finds a program on the search path or in the administrators' directories.
pub(crate) fn find(context: &Context<'_>, program: &str) -> Option<PathBuf> {
    let administrators =
        || ADMINISTRATORS.iter().map(|directory| PathBuf::from(directory).join(program)).find(|path| path.is_file());
    context.find(program).or_else(administrators)
}

/// A command for a required program.
///
/// # Errors
/// [`Code::ToolNotFound`].
pub(crate) fn command(context: &Context<'_>, program: &str) -> Result<Command, Faults> {
    let missing = || {
        Diagnostic::error(Code::ToolNotFound, format!("the program `{program}` is not there"))
            .hint(format!("install `{program}`, and run again"))
    };
    let mut command = Command::new(find(context, program).ok_or_else(missing)?);
    command.stdin(Stdio::null());
    Ok(command)
}

/// Runs a command and returns its output, with any exit status.
pub(crate) fn output(command: &mut Command, input: &[u8]) -> Result<Output, Faults> {
    let name = shown(command);
    program::output(command, input).map_err(|error| cannot_be_run(&name, &error).into())
}

/// Runs a command and returns its stdout; a failure is a fault with the last line of its stderr.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Result<String, Faults> {
    let name = shown(command);
    program::stdout(command, input).map_err(|failure| match failure {
        ProgramFailure::NotRun(error) => cannot_be_run(&name, &error).into(),
        ProgramFailure::Failed(last) => failed(format!("`{name}` failed: {last}")).into(),
    })
}

fn cannot_be_run(name: &str, error: &std::io::Error) -> Diagnostic {
    failed(format!("`{name}` cannot be run: {error}"))
}

fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let name = program.rsplit('/').next().unwrap_or_default().to_owned();
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    std::iter::once(name).chain(words.take(6)).collect::<Vec<_>>().join(" ")
}
