//! The cluster's own namespaces of network, mounts and processes. The init process keeps them alive: when it ends, the
//! kernel kills every process in them, and mounts and links disappear with the last one.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use flare_diagnostic::Faults;

use crate::{
    Context,
    command::{command, run},
    fault::{disk, failed},
    process::{COMPONENT, INIT_PROCESS, STATE_LABEL},
    state::{INSIDE, StateDirectory},
};

/// The init process's shell script.
const SCRIPT: &str = include_str!("init.sh");

/// The search path inside, for programs of Debian and those built with Go.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/cni";

/// The namespaces of a cluster that this run makes.
#[derive(Debug)]
pub(crate) struct Namespaces<'run> {
    context: Context<'run>,
    state: &'run StateDirectory,
    /// The init process's id as seen from outside.
    init_process: i32,
    /// The init process's parent.
    _holder: Child,
}

impl<'run> Namespaces<'run> {
    /// Makes the namespaces and waits until the init process has set them up.
    pub(crate) fn make(context: Context<'run>, state: &'run StateDirectory) -> Result<Self, Faults> {
        let mut holder = command(&context, "setsid")?;
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
        holder.args(["sh", "-c", SCRIPT]).stdout(Stdio::piped()).stderr(log(state, INIT_PROCESS)?);
        bare(&mut holder, state, INIT_PROCESS);
        holder.env("FLARE_KUBE_TESTBED_CACHE", state.cache());
        let mut holder = holder.spawn().map_err(|error| failed(format!("`unshare` cannot be run: {error}")))?;
        let mut line = String::new();
        if let Some(stdout) = holder.stdout.take() {
            // An end of the stream without a line is reported below.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let (_, processes) = crate::process::of_cluster(&state_label(state), &state.control_group());
        match crate::process::init_process(&processes) {
            Some(init_process) if line == "ready\n" => Ok(Self { context, state, init_process, _holder: holder }),
            _ => {
                let _ = holder.kill();
                let _ = holder.wait();
                Err(failed(format!("the cluster's namespaces cannot be made: {}", last_lines(state, INIT_PROCESS, 1))).into())
            }
        }
    }

    /// The init process's id, for `ip link set … netns ID`.
    pub(crate) fn init_process(&self) -> i32 {
        self.init_process
    }

    /// A command that runs inside.
    fn enter(&self, component: &str) -> Result<Command, Faults> {
        let mut enter = command(&self.context, "nsenter")?;
        enter.args(["--target", &self.init_process.to_string(), "--net", "--mount", "--pid", "--"]);
        bare(&mut enter, self.state, component);
        Ok(enter)
    }

    /// Starts a component inside, which outlives this run; its output goes to its log.
    pub(crate) fn start(&self, component: &Component) -> Result<(), Faults> {
        let mut enter = self.enter(component.name)?;
        enter
            .args(["setsid", "--fork"])
            .arg(self.state.inside(&component.program))
            .args(&component.arguments)
            .envs(component.environment.iter().cloned());
        let log = log(self.state, component.name)?;
        let copy =
            log.try_clone().map_err(|error| failed(format!("the log of `{}` cannot be opened: {error}", component.name)))?;
        let status = enter.stdin(Stdio::null()).stdout(log).stderr(copy).status();
        let status = status.map_err(|error| failed(format!("`nsenter` cannot be run: {error}")))?;
        if status.success() { Ok(()) } else { Err(failed(format!("`{}` cannot be started: {status}", component.name)).into()) }
    }

    /// Runs a program inside to completion and returns its stdout.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, Faults> {
        run(self.enter("step")?.args(arguments), &[])
    }
}

/// A program that runs as long as its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Component {
    /// The name of the component and of its log.
    pub(crate) name: &'static str,
    /// The program, with its path outside.
    pub(crate) program: PathBuf,
    /// Its arguments, with paths as seen inside.
    pub(crate) arguments: Vec<String>,
    /// Environment variables in addition to those that all components have.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// The value of [`STATE_LABEL`] in a cluster's processes.
pub(crate) fn state_label(state: &StateDirectory) -> String {
    state.root().to_string_lossy().into_owned()
}

/// Gives a process the environment of a cluster's processes, without the user's own variables.
fn bare(command: &mut Command, state: &StateDirectory, component: &str) {
    command
        .env_clear()
        .env(STATE_LABEL, state.root())
        .env(COMPONENT, component)
        .env("PATH", SEARCH_PATH)
        .env("LC_ALL", "C.UTF-8");
    command.env("HOME", format!("{INSIDE}/home")).env("TMPDIR", format!("{INSIDE}/tmp"));
}

fn log(state: &StateDirectory, component: &str) -> Result<File, Faults> {
    let path = state.root().join("log").join(format!("{component}.log"));
    let opened = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    opened.map_err(|error| disk("opened", &path, &error).into())
}

/// The last lines of a component's log that are not empty, as one text.
pub(crate) fn last_lines(state: &StateDirectory, component: &str, count: usize) -> String {
    let path = state.root().join("log").join(format!("{component}.log"));
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
