//! The cluster's own namespaces of network, mounts and processes. They hang on one process, the anchor: when it ends, the
//! kernel ends every process in them, and with the last one mounts and links are gone.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use flare_diagnostic::Faults;

use crate::{
    Surroundings,
    command::{command, run},
    fault::{disk, failed},
    process::{ANCHOR, MARK, PART},
    state::{INSIDE, StateFolder},
};

/// What the anchor does; it is given to a shell.
const SCRIPT: &str = include_str!("anchor.sh");

/// The search path inside, where Debian and Go programs expect each other.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/cni";

/// A cluster's namespaces, made by this run.
#[derive(Debug)]
pub(crate) struct Namespaces<'run> {
    surroundings: Surroundings<'run>,
    state: &'run StateFolder,
    /// The anchor's id as seen from outside.
    anchor: i32,
    /// The anchor's parent.
    _holder: Child,
}

impl<'run> Namespaces<'run> {
    /// Makes the namespaces and waits until the anchor has furnished them.
    pub(crate) fn make(surroundings: Surroundings<'run>, state: &'run StateFolder) -> Result<Self, Faults> {
        let mut holder = command(&surroundings, "setsid")?;
        holder.args([
            "unshare",
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--propagation",
            "private",
        ]);
        holder.args(["sh", "-c", SCRIPT]).stdout(Stdio::piped()).stderr(log(state, ANCHOR)?);
        bare(&mut holder, state, ANCHOR);
        holder.env("FLARE_KUBE_TESTBED_CACHE", state.cache());
        let mut holder = holder.spawn().map_err(|error| failed(format!("`unshare` cannot be run: {error}")))?;
        let mut line = String::new();
        if let Some(stdout) = holder.stdout.take() {
            // An end without a line is told of below.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let (_, processes) = crate::process::of_cluster(&mark(state), &state.control_group());
        match crate::process::anchor(&processes) {
            Some(anchor) if line == "ready\n" => Ok(Self { surroundings, state, anchor, _holder: holder }),
            _ => {
                let _ = holder.kill();
                let _ = holder.wait();
                Err(failed(format!("the cluster's namespaces cannot be made: {}", last_lines(state, ANCHOR, 1))).into())
            }
        }
    }

    /// The anchor's id, which `ip link set … netns ID` takes.
    pub(crate) fn anchor(&self) -> i32 {
        self.anchor
    }

    /// A command that runs inside.
    fn enter(&self, part: &str) -> Result<Command, Faults> {
        let mut enter = command(&self.surroundings, "nsenter")?;
        enter.args(["--target", &self.anchor.to_string(), "--net", "--mount", "--pid", "--"]);
        bare(&mut enter, self.state, part);
        Ok(enter)
    }

    /// Starts a part inside, which lives on after this run; all it says goes into its log.
    pub(crate) fn start(&self, part: &Part) -> Result<(), Faults> {
        let mut enter = self.enter(part.name)?;
        enter
            .args(["setsid", "--fork"])
            .arg(self.state.inside(&part.program))
            .args(&part.arguments)
            .envs(part.environment.iter().cloned());
        let log = log(self.state, part.name)?;
        let copy = log.try_clone().map_err(|error| failed(format!("the log of `{}` cannot be opened: {error}", part.name)))?;
        let status = enter.stdin(Stdio::null()).stdout(log).stderr(copy).status();
        let status = status.map_err(|error| failed(format!("`nsenter` cannot be run: {error}")))?;
        if status.success() { Ok(()) } else { Err(failed(format!("`{}` cannot be started: {status}", part.name)).into()) }
    }

    /// Runs a program inside to its end and gives its stdout.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, Faults> {
        run(self.enter("step")?.args(arguments), &[])
    }
}

/// A program that runs as long as its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Under this name it is watched, and its log is named.
    pub(crate) name: &'static str,
    /// The program, with its path outside.
    pub(crate) program: PathBuf,
    /// Its arguments, with paths as they are inside.
    pub(crate) arguments: Vec<String>,
    /// Variables besides those that all have.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// The mark of a cluster's processes.
pub(crate) fn mark(state: &StateFolder) -> String {
    state.root().to_string_lossy().into_owned()
}

/// Gives a process the environment of all of a cluster's processes, and nothing of the user's.
fn bare(command: &mut Command, state: &StateFolder, part: &str) {
    command.env_clear().env(MARK, state.root()).env(PART, part).env("PATH", SEARCH_PATH).env("LC_ALL", "C.UTF-8");
    command.env("HOME", format!("{INSIDE}/home")).env("TMPDIR", format!("{INSIDE}/tmp"));
}

fn log(state: &StateFolder, part: &str) -> Result<File, Faults> {
    let path = state.root().join("log").join(format!("{part}.log"));
    let opened = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    opened.map_err(|error| disk("opened", &path, &error).into())
}

/// The last lines of a part's log that say something, as one text.
pub(crate) fn last_lines(state: &StateFolder, part: &str, count: usize) -> String {
    let path = state.root().join("log").join(format!("{part}.log"));
    let text = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return "it said nothing".to_owned();
    }
    lines[lines.len().saturating_sub(count)..].iter().map(|line| shortened(line)).collect::<Vec<_>>().join(" | ")
}

fn shortened(line: &str) -> String {
    let short: String = line.trim().chars().take(300).collect();
    if short.len() < line.trim().len() { format!("{short}…") } else { short }
}
