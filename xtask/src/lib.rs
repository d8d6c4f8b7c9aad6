//! The command line of flare-kube: flags, pipelines, progress and the rendering of results. It has no rules about kits, names
//! or charts.
//!
//! It is a library so that tests can build their own copy of the program; `main` is one line.

mod bug;
mod cli;
mod command_line;
mod context;
mod core_dump;
mod environment;
mod generated;
mod interrupt;
mod output;
mod pipeline;
mod runtime;
mod usage;
mod workspace;

pub use command_line::{command, parse_and_run};
pub use environment::Environment;

/// Runs the command line of this process and returns its exit status.
#[must_use]
pub fn main() -> std::process::ExitCode {
    core_dump::forbid();
    bug::note_places();
    std::process::ExitCode::from(bug::exit_number_of(|| {
        let arguments: Vec<_> = std::env::args_os().collect();
        // Not a verb but a process that a local cluster starts, so no help lists it.
        if let Some(link) = flare_testbed::registry::SlowLink::asked_for(&arguments) {
            return match flare_testbed::registry::serve_slow_link(link) {
                Ok(()) => 0,
                Err(faults) => {
                    output::write_to_stderr(&format!("{}\n", faults.first()));
                    output::exit_status(faults.first().code)
                }
            };
        }
        parse_and_run(&Environment::of_process(), arguments)
    }))
}
