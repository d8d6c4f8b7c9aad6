//! Step 1: the launch request, read strictly into plain values.

mod job_meta;
mod k8s_block;
mod launcher;
mod portable;
mod prepared;
mod process_args;
mod read;
mod site_defaults;
mod specs;
mod unmatched;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_names::{Role, Target};
use flare_site_config::JobPodDefaults;
pub(crate) use job_meta::Job;
pub(crate) use k8s_block::Quantity;
pub use launcher::LAUNCHER_KEYS;
pub(crate) use launcher::Launcher;
pub use prepared::{PLACEHOLDER_JOB_ID, PreparedSite, Submission};
pub(crate) use process_args::{CREDENTIALS, ProcessArgs};

use crate::{
    document::{Findings, Kind, Node},
    path::{self, SitePath},
    token::Token,
    warnings::Warnings,
};
use specs::ReadContext;

const KEYS: [&str; 10] =
    ["role", "site", "workspace", "custom_dir", "owner_fqcn", "transfer_token", "set", "launcher", "job_meta", "process_args"];

/// A valid launch request: what a FLARE parent knows when it starts a job.
///
/// It contains tokens; its `Debug` form does not show them.
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    pub(crate) file: String,
    pub(crate) target: Target,
    pub(crate) site: String,
    pub(crate) workspace: String,
    /// The job's custom directory, relative to the workspace.
    pub(crate) custom_dir: Option<String>,
    pub(crate) owner_fqcn: String,
    pub(crate) transfer_token: Token,
    pub(crate) set: Vec<Token>,
    pub(crate) launcher: Launcher,
    /// What the site decides that FLARE's launcher has no argument for; only for flare-kube's launcher.
    pub(crate) pod_defaults: JobPodDefaults,
    pub(crate) job: Job,
    pub(crate) process_args: ProcessArgs,
}

impl LaunchRequest {
    /// Reads the JSON document of `docs/launch-request.md`. `file` is its name in faults.
    ///
    /// # Errors
    /// Every fault of the document, in file order, with line and column.
    pub fn parse(bytes: &[u8], file: &str, target: Target) -> Result<Checked<Self>, Faults> {
        let text = utf8(bytes, file)?;
        let mut findings = Findings::new(file, text);
        let mut warnings = Warnings::new(file, text);
        let request = crate::document::from_json(text, &mut findings)
            .and_then(|root| Self::read(&root, file, target, &mut findings, &mut warnings));
        collected(findings, warnings).finish_some(request)
    }

    fn read(root: &Node, file: &str, target: Target, findings: &mut Findings<'_>, warnings: &mut Warnings<'_>) -> Option<Self> {
        if !matches!(root.kind, Kind::Object(_)) {
            findings.at(root.offset, "the launch request must be an object", None);
            return None;
        }
        findings.only(root, "", &KEYS);
        let parts = Parts::read(root, target, findings, warnings);
        let view = ReadContext { path: "job_meta", site: parts.site.as_deref(), server_name: None, pod_defaults: None, target };
        let job = read::object(root, "", "job_meta", findings).and_then(|node| Job::read(node, view, findings, warnings));
        parts.complete(job, file, target)
    }

    /// The parent's workspace directory in the request, which `--kit` stands for.
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// The name under which the parent runs.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The job's id, raw.
    pub fn job_id(&self) -> &str {
        &self.job.id
    }

    /// The study of the job, if it has one.
    pub fn study(&self) -> Option<&str> {
        self.job.study.as_deref()
    }

    /// The namespace in which the pod is created.
    pub fn namespace(&self) -> &str {
        &self.launcher.namespace.value
    }

    /// The release whose launcher is reproduced.
    pub fn target(&self) -> Target {
        self.target
    }

    pub(crate) fn study_data_path(&self) -> Option<SitePath> {
        self.launcher.study_data_path.as_deref().map(|path| SitePath::of(&self.workspace, path))
    }
}

/// The request except the job's meta data, as far as it could be read.
pub(crate) struct Parts {
    pub(crate) site: Option<String>,
    workspace: Option<String>,
    custom_dir: Option<String>,
    owner_fqcn: Option<String>,
    transfer_token: Option<Token>,
    set: Vec<Token>,
    launcher: Option<Launcher>,
    process_args: Option<ProcessArgs>,
}

impl Parts {
    pub(crate) fn read(root: &Node, target: Target, findings: &mut Findings<'_>, warnings: &mut Warnings<'_>) -> Self {
        let role = read::required(root, "", "role", findings).and_then(|node| role(node, findings));
        let workspace = read::absolute_path(root, "workspace", findings);
        Self {
            site: read::string(root, "", "site", findings),
            custom_dir: custom_dir(root, workspace.as_deref(), findings),
            workspace,
            owner_fqcn: read::string(root, "", "owner_fqcn", findings),
            transfer_token: read::string(root, "", "transfer_token", findings).map(Token::new),
            set: set(root, findings),
            launcher: read::object(root, "", "launcher", findings).map(|node| Launcher::read(node, target, findings, warnings)),
            process_args: read::object(root, "", "process_args", findings)
                .and_then(|node| ProcessArgs::read(node, role, target, findings)),
        }
    }

    /// The request, if every part could be read.
    pub(crate) fn complete(self, job: Option<Job>, file: &str, target: Target) -> Option<LaunchRequest> {
        Some(LaunchRequest {
            file: file.to_owned(),
            target,
            site: self.site?,
            workspace: self.workspace?,
            custom_dir: self.custom_dir,
            owner_fqcn: self.owner_fqcn?,
            transfer_token: self.transfer_token?,
            set: self.set,
            launcher: self.launcher?,
            pod_defaults: JobPodDefaults::default(),
            job: job?,
            process_args: self.process_args?,
        })
    }
}

fn role(node: &Node, findings: &mut Findings<'_>) -> Option<Role> {
    match node.text() {
        Some("server") => Some(Role::Server),
        Some("client") => Some(Role::Client),
        _ => {
            findings.wrong(node, "role", "the string `server` or `client`");
            None
        }
    }
}

fn custom_dir(root: &Node, workspace: Option<&str>, findings: &mut Findings<'_>) -> Option<String> {
    let node = root.get_non_null("custom_dir").filter(|node| node.text() != Some(""))?;
    let Some(directory) = node.text().filter(|directory| path::is_absolute(directory)) else {
        findings.wrong(node, "custom_dir", "an absolute path, null or an empty string");
        return None;
    };
    let relative = flare_names::path_below(workspace?, directory);
    if relative.is_none() {
        findings.at(node.offset, "`custom_dir` is not below `workspace`", None);
    }
    relative
}

fn set(root: &Node, findings: &mut Findings<'_>) -> Vec<Token> {
    read::string_list(root, "", "set", findings).into_iter().map(Token::new).collect()
}

pub(crate) fn utf8<'bytes>(bytes: &'bytes [u8], file: &str) -> Result<&'bytes str, Faults> {
    std::str::from_utf8(bytes).map_err(|_| {
        let message = format!("the file `{file}` is not UTF-8 text");
        Faults::from(Diagnostic::error(Code::InvalidLaunchRequest, message).at(flare_diagnostic::Place::file(file)))
    })
}

/// The faults and warnings of a file, in file order.
pub(crate) fn collected(findings: Findings<'_>, warnings: Warnings<'_>) -> Collector {
    findings.into_sorted().chain(warnings.into_sorted()).collect()
}
