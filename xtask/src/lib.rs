//! The command line of flare-kube: flags, pipelines, progress and the rendering of results. No rule about kits, names or
//! charts lives here.
//!
//! It is a library so that tests can build their own copy of the program; `main` is one line.

mod cli;
mod environment;
mod interrupt;
mod output;
mod pipeline;
mod workspace;

pub use cli::{command, parse_and_run};
pub use environment::Environment;

/// Runs the command line of this process and gives its exit status.
#[must_use]
pub fn main() -> std::process::ExitCode {
    let environment = Environment::of_process();
    std::process::ExitCode::from(parse_and_run(&environment, std::env::args_os()))
}
