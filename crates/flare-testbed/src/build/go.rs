//! One program, built by Go.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::program::Program;
use crate::{
    Surroundings,
    workshop::{LongRun, disk, kept, seconds},
};

/// Gives the path of a program in the cache, and builds it where it is not there yet.
pub(super) fn built(surroundings: &Surroundings<'_>, program: &Program) -> Result<PathBuf, Faults> {
    kept(surroundings, &program.folder(surroundings.cache), |folder| build(surroundings, program, folder))?;
    Ok(program.path(surroundings.cache))
}

fn build(surroundings: &Surroundings<'_>, program: &Program, folder: &Path) -> Result<(), Faults> {
    let go = surroundings.find("go").ok_or_else(|| no_go(program.what))?;
    (surroundings.say)(&format!("building {} from source: {} on 2 cores, once", program.what, program.takes));
    let began = Instant::now();
    let module = folder.join("module");
    write(&module, program.sources)?;
    LongRun::new(surroundings, program.what, program.name).run(surroundings, command(&go, &module, program, folder))?;
    // Only the program stays; its sources are part of this one.
    fs::remove_dir_all(&module).map_err(|error| disk("removed", &module, &error))?;
    (surroundings.say)(&format!("{} is built: {}", program.what, seconds(began.elapsed())));
    Ok(())
}

fn write(module: &Path, sources: &[(&str, &str)]) -> Result<(), Faults> {
    fs::create_dir(module).map_err(|error| disk("made", module, &error))?;
    for (name, content) in sources {
        let path = module.join(name);
        fs::write(&path, content).map_err(|error| disk("written", &path, &error))?;
    }
    Ok(())
}

/// The user's own settings of Go hold, such as proxies and caches; what would change the program does not.
fn command(go: &Path, module: &Path, program: &Program, folder: &Path) -> Command {
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
        .arg(folder.join(program.file))
        .arg(program.package);
    command
}

fn no_go(what: &str) -> Diagnostic {
    Diagnostic::error(Code::ToolNotFound, format!("`go` is not there, and {what} has to be built"))
        .hint("install Go 1.26 or later (https://go.dev/dl), put it on PATH, and run again")
}

#[cfg(test)]
mod tests;
