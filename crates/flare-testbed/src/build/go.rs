//! Builds one program with Go.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::program::Program;
use crate::{
    Context,
    build_cache::{LongRun, get_or_build, seconds},
    fault::cache_disk,
};

/// Returns the path of a program in the cache, and builds it if it is missing.
pub(super) fn built(context: &Context<'_>, program: &Program) -> Result<PathBuf, Faults> {
    get_or_build(context, &program.directory(context.cache), |directory| build(context, program, directory))?;
    Ok(program.path(context.cache))
}

fn build(context: &Context<'_>, program: &Program, directory: &Path) -> Result<(), Faults> {
    let go = context.find("go").ok_or_else(|| no_go(program.what))?;
    (context.report)(&format!("building {} from source: {} on 2 cores, once", program.what, program.duration));
    let began = Instant::now();
    let module = directory.join("module");
    write(&module, program.sources)?;
    LongRun::new(context, program.what, program.name).run(context, command(&go, &module, program, directory))?;
    // Only the program is kept; its sources are embedded in this one.
    fs::remove_dir_all(&module).map_err(|error| cache_disk("removed", &module, &error))?;
    (context.report)(&format!("{} is built: {}", program.what, seconds(began.elapsed())));
    Ok(())
}

fn write(module: &Path, sources: &[(&str, &str)]) -> Result<(), Faults> {
    fs::create_dir(module).map_err(|error| cache_disk("made", module, &error))?;
    for (name, content) in sources {
        let path = module.join(name);
        fs::write(&path, content).map_err(|error| cache_disk("written", &path, &error))?;
    }
    Ok(())
}

/// The build command. The user's own settings of Go, such as proxies and caches, apply, except those that would change the program.
fn command(go: &Path, module: &Path, program: &Program, directory: &Path) -> Command {
    let mut command = Command::new(go);
    command
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-mod=readonly")
        .env("GOWORK", "off")
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .env_remove("GO111MODULE")
        .args(["build", "-trimpath", "-buildvcs=false", "-ldflags", program.linker, "-o"])
        .arg(directory.join(program.file))
        .arg(program.package);
    command
}

fn no_go(what: &str) -> Diagnostic {
    Diagnostic::error(Code::ToolNotFound, format!("`go` is not there, and {what} has to be built"))
        .hint("install Go 1.26 or later (https://go.dev/dl), put it on PATH, and run again")
}

#[cfg(test)]
mod tests;
