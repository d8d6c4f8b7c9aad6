//! `ci --cold`: CI as on a fresh machine, in a clone of HEAD with a new home, new caches and nothing built.
//!
//! `.ci/with-fresh-home` decides what is kept from this machine: toolchains and the configuration of clients.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde_json::Value;

use super::{
    programs::{self, streaming},
    steps::Steps,
};
use crate::{
    context::Context,
    output::{VerbResult, write_to_stderr},
};

/// The note in the temporary directory, for whoever finds it after a run that was killed.
const NOTE: &str = "Made by `cargo xtask ci --cold`, which removes it at its end. It may be removed when no such run is left.\n";

/// Runs the commands of the README and all of CI, and removes everything that it made.
pub(crate) fn run(context: &Context<'_>, root: &Path, no_cluster: bool, directory: Option<&Path>) -> VerbResult {
    let head = committed(context, root)?;
    // The disk of the heavy cache has room and can hold a cluster's state; /tmp is often small and in memory.
    let cache = context.environment.absolute(&context.environment.cache_directory)?;
    let directory =
        directory.map(|path| context.environment.absolute(path)).transpose()?.or_else(|| cache.parent().map(Path::to_owned));
    let name = format!("flare-kube-cold-{}", std::process::id());
    let directory = TemporaryDirectory { context, root, path: directory.unwrap_or(cache).join(name) };
    write_to_stderr(&format!("a clone of {head}, a new home and new caches are made in {}\n", directory.path.display()));
    let mut steps = Steps::new();
    let worked = directory.work(&mut steps, &head, no_cluster);
    let removed = directory.remove();
    worked?;
    steps.run("removal of what was made", || removed)?;
    steps.end()
}

/// The commit that is tested. Refuses uncommitted changes, which would not be tested.
fn committed(context: &Context<'_>, root: &Path) -> Result<String, Faults> {
    let git = |arguments: &[&str]| programs::output(programs::command(context.environment, root, "git").args(arguments));
    let changes = git(&["status", "--porcelain"])?.lines().count();
    if changes > 0 {
        let message =
            format!("what is not committed ({changes} paths) would not be tested: `ci --cold` tests a clone of the last commit");
        return Err(Diagnostic::error(Code::InvalidArgs, message).hint("commit or stash them first").into());
    }
    Ok(git(&["rev-parse", "HEAD"])?.trim().to_owned())
}

/// The temporary directory of a run.
struct TemporaryDirectory<'run> {
    context: &'run Context<'run>,
    root: &'run Path,
    path: PathBuf,
}

impl TemporaryDirectory<'_> {
    fn work(&self, steps: &mut Steps, head: &str, no_cluster: bool) -> Result<(), Faults> {
        let note = self.path.join("README");
        flare_file_tree::write_file(&note, NOTE.as_bytes(), 0o644, false)
            .map_err(|error| error.into_diagnostic(Code::MachineNotReady))?;
        if steps.run("clone", || self.clone_to_checkout(head))?.is_none() {
            steps.leave_out("all of CI", "there is no clone");
            return Ok(());
        }
        steps.run("cargo xtask demo", || {
            programs::run(&self.context.interrupt, self.command().args(["cargo", "xtask", "demo"]))
        })?;
        let report = self.path.join("ci.json");
        let ended = self.all_of_ci(&report, no_cluster);
        match (report_of(&report), ended) {
            (_, Err(faults)) if faults.all().iter().any(|fault| fault.code == Code::Interrupted) => Err(faults),
            (Some(data), _) => {
                steps.take_over("", &data);
                Ok(())
            }
            (None, ended) => steps.run("cargo xtask ci", || ended).map(drop),
        }
    }

    fn clone_to_checkout(&self, head: &str) -> Result<(), Faults> {
        let git = || streaming(self.context, &self.path, "git");
        let mut clone = git();
        clone.args(["clone", "--quiet", "--no-checkout"]).arg(self.root).arg("checkout");
        programs::run(&self.context.interrupt, &mut clone)?;
        programs::run(&self.context.interrupt, git().args(["-C", "checkout", "checkout", "--quiet", "--detach", head]))
    }

    /// Runs CI, with its JSON report in a file and everything else on stderr.
    fn all_of_ci(&self, report: &Path, no_cluster: bool) -> Result<(), Faults> {
        flare_file_tree::write_file(report, b"", 0o644, true).map_err(|error| error.into_diagnostic(Code::MachineNotReady))?;
        #[expect(clippy::disallowed_methods, reason = "this is the edge at which programs are started: their stdout is a file")]
        let stdout = File::options().write(true).open(report);
        let stdout = stdout.map_err(|error| {
            Diagnostic::error(Code::MachineNotReady, format!("cannot write `{}`: {error}", report.display()))
                .hint("choose another place by `--directory`")
        })?;
        let mut command = self.command();
        command.args(["cargo", "xtask", "ci", "--format", "json"]).args(no_cluster.then_some("--no-cluster")).stdout(stdout);
        programs::run(&self.context.interrupt, &mut command)
    }

    /// A command in the clone, with nothing of this user except toolchains and the configuration of clients.
    fn command(&self) -> Command {
        let mut command = streaming(self.context, &self.path.join("checkout"), "bash");
        command.arg(".ci/with-fresh-home").arg(&self.path);
        command.env("FLARE_KUBE_CACHE", self.path.join("cache")).env("CARGO_TARGET_DIR", self.path.join("target"));
        command.envs([("CI", "true"), ("CARGO_INCREMENTAL", "0"), ("CARGO_TERM_COLOR", "never")]);
        let of_users = [
            "FLARE_KUBE_TEST_KUBECONFIG",
            "FLARE_KUBE_TEST_SECOND_KUBECONFIG",
            "FLARE_KUBE_TEST_REGISTRY",
            "FLARE_KUBE_HELM",
            "KUBECONFIG",
        ];
        for variable in of_users {
            command.env_remove(variable);
        }
        command
    }

    /// Removes everything, even after an interruption.
    fn remove(&self) -> Result<(), Faults> {
        let run = |program: &str, arguments: &[&str]| {
            programs::output(programs::command(self.context.environment, Path::new("/"), program).args(arguments).arg(&self.path))
        };
        // Never removes anything through a mount.
        let below = self.path.display().to_string();
        if let Some(mount) = mount_below(&mounts(), &below) {
            return Err(Diagnostic::error(Code::CheckFailed, format!("`{mount}` is still mounted, so `{below}` stays"))
                .hint(format!("unmount it, then remove `{below}`"))
                .into());
        }
        // Go's module cache is read-only.
        run("chmod", &["--recursive", "u+w"]).and_then(|_| run("rm", &["--recursive", "--force"])).map(drop)
    }
}

/// The steps that `ci` reported, if it got that far.
fn report_of(report: &Path) -> Option<Value> {
    let bytes = flare_file_tree::read_file(report, 16 << 20, Code::CheckFailed, Code::CheckFailed).ok()?;
    let mut document: Value = serde_json::from_slice(&bytes).ok()?;
    let data = document["data"].take();
    data["steps"].is_array().then_some(data)
}

#[expect(clippy::disallowed_methods, reason = "this is the kernel's list of mounts, which is not a file of the disk")]
fn mounts() -> String {
    std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()
}

/// The first mount below a directory, in the format of `/proc/self/mountinfo`.
fn mount_below<'text>(mounts: &'text str, directory: &str) -> Option<&'text str> {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.into_iter().find(|point| point.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::mount_below;

    #[test]
    fn a_mount_in_the_temporary_directory_keeps_it_and_one_beside_it_does_not() {
        let mounts = "22 1 254:0 / / rw - ext4 /dev/vda rw\n23 22 0:5 / /var/tmp/cold-12/a rw - tmpfs tmpfs rw\n";
        assert_eq!(mount_below(mounts, "/var/tmp/cold-12"), Some("/var/tmp/cold-12/a"));
        assert_eq!(mount_below(mounts, "/var/tmp/cold-1"), None);
        assert_eq!(mount_below("", "/var/tmp/cold-1"), None);
    }
}
