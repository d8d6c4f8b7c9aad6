//! A launch request, or a prepared kit and a job → the Pod and the Secrets that FLARE's launcher would create.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, printable};
use flare_file_tree::Destination;
use flare_names::{Role, Target, launcher_site};
use flare_pod_manifest::{
    Additions, Admitted, FileContent, JOB_META_FILES, LaunchRequest, Manifest, POLICY_FILES, PreparedSite, SiteFiles, SitePath,
    Submission, manifest, own_code_policy,
};
use flare_prepared_kit::PreparedKit;

use super::{job_id, places};

/// The maximum size of a file of a request, a job or a kit, in bytes.
const LONGEST: u64 = 16 << 20;

/// Creates the manifest from a request document and a local copy of the parent's workspace.
pub(crate) fn from_request(
    request: &Path,
    kit: &Path,
    target: Target,
    additions: &Additions,
) -> Result<Checked<Manifest>, Faults> {
    check_directory(kit)?;
    let bytes = read_whole(request)?;
    let mut found = Collector::new();
    let request = found.require_checked(LaunchRequest::parse(&bytes, &request.to_string_lossy(), target))?;
    let startup = found.require(startup_files(kit))?;
    let files = SiteFiles::new(startup).gather(&request, |path| read(&in_kit(kit, path)));
    let manifest = found.require_checked(places::below(manifest(&request, &files, additions), kit))?;
    found.finish(|| manifest)
}

/// Refuses a mistyped `--kit`, which would lead to a pod without any file of the site.
fn check_directory(kit: &Path) -> Result<(), Faults> {
    let what = match Destination::inspect(kit) {
        Ok(Destination::Absent) => "there is no directory",
        Ok(Destination::File) => "`--kit` is a file:",
        _ => return Ok(()),
    };
    let message = format!("{what} `{}`", printable(&kit.to_string_lossy()));
    let hint = "name with `--kit` the directory in which the parent's `startup/` and `local/` stand";
    Err(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(kit).into())
}

/// The file of a job: the path itself, or the first file with one of FLARE's names in the directory.
fn job_file(job: &Path) -> Result<PathBuf, Faults> {
    let is_file = |path: &Path| matches!(Destination::inspect(path), Ok(Destination::File));
    if is_file(job) || matches!(Destination::inspect(job), Ok(Destination::Absent) | Err(_)) {
        return Ok(job.to_owned());
    }
    if let Some(file) = JOB_META_FILES.iter().map(|name| job.join(name)).find(|path| is_file(path)) {
        return Ok(file);
    }
    let shown = printable(&job.to_string_lossy()).into_owned();
    let message = match Destination::inspect(job) {
        Ok(Destination::Other) => format!("`{shown}` is a device, a pipe, a socket or a broken link, not a job"),
        _ => format!("the directory `{shown}` holds no job"),
    };
    let hint = format!("name the directory of one job; FLARE looks in it for {}", JOB_META_FILES[..4].join(", "));
    Err(Diagnostic::error(Code::InvalidLaunchRequest, message).hint(hint).at(job).into())
}

/// The id of a job that was never submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnsubmittedId {
    /// The same for all, for pods that are only shown.
    Placeholder,
    /// That of [`job_id::of_content`], so that a pod is another job's only by mistake of its user.
    OfContent,
}

/// Creates the manifest from a prepared kit and a job, which is a directory or its file, with placeholders for what only a running
/// parent knows.
pub(crate) fn from_prepared(
    prepared: &Path,
    job: &Path,
    study: Option<&str>,
    unsubmitted: UnsubmittedId,
    additions: &Additions,
) -> Result<Checked<Manifest>, Faults> {
    let mut found = Collector::new();
    let opened = PreparedKit::open(prepared, flare_prepared_kit::OpenOptions::default());
    let kit = found.require_checked(places::below(opened, prepared))?;
    let meta = found.require(job_file(job))?;
    let bytes = found.require(read_whole(&meta))?;
    let job_id = match unsubmitted {
        UnsubmittedId::Placeholder => None,
        UnsubmittedId::OfContent => Some(found.require(job_id::of_content(&meta, &bytes, study))?),
    };
    let submission = Submission { study, job_id: job_id.as_deref() };
    let manifest = found.require_checked(of_kit(&kit, prepared, (&bytes, &meta.to_string_lossy()), submission, additions))?;
    found.finish(|| manifest)
}

/// Creates the manifest from an open prepared kit and a job's meta data, with the name of the job in faults.
pub(crate) fn of_kit(
    kit: &PreparedKit,
    prepared: &Path,
    (bytes, meta): (&[u8], &str),
    submission: Submission<'_>,
    additions: &Additions,
) -> Result<Checked<Manifest>, Faults> {
    // The job is not a file of the kit, and has a name instead of a path where it is not a file at all.
    let is_of_job = |fault: &Diagnostic| fault.place.as_ref().is_some_and(|place| place.file == meta);
    let located = |fault: Diagnostic| if is_of_job(&fault) { fault } else { places::located(fault, prepared) };
    match requested(kit, prepared, (bytes, meta), submission, additions) {
        Ok(Checked { value, warnings }) => Ok(Checked { value, warnings: warnings.into_iter().map(located).collect() }),
        Err(faults) => Err(faults.map_all(located)),
    }
}

fn requested(
    kit: &PreparedKit,
    prepared: &Path,
    (bytes, meta): (&[u8], &str),
    submission: Submission<'_>,
    additions: &Additions,
) -> Result<Checked<Manifest>, Faults> {
    let mut found = Collector::new();
    let plan = kit.plan();
    let address = format!("tcp://{}:{}", plan.names.service, plan.ports.parent());
    let site = PreparedSite {
        role: plan.role,
        site: launcher_site(plan.role, &plan.site),
        server_name: match plan.role {
            Role::Server => Some(&plan.participant),
            Role::Client => plan.server_target.as_ref().map(|(host, _)| host.as_str()),
        },
        launcher: &plan.launcher,
        pod_defaults: plan.job_launcher.pod_defaults(),
        parent_url: Some(&address),
        parent_connection_security: Some(plan.internal_connection.security.as_str()),
    };
    let request = found.require_checked(LaunchRequest::for_prepared(&site, bytes, meta, submission, plan.target))?;
    let startup = found.require(startup_files(prepared))?;
    let files = SiteFiles::new(startup).gather(&request, |path| read(&in_kit(prepared, path)));
    let manifest = found.require_checked(manifest(&request, &files, additions))?;
    found.finish(|| manifest)
}

/// A job that brings its own code, and whom the site lets do so.
#[derive(Debug)]
pub(crate) struct OwnCode {
    /// The job's keys that say so.
    pub(crate) keys: Vec<String>,
    /// The policy below the kit; `None` if the kit has none.
    pub(crate) policy: Option<&'static str>,
    /// Each role of the policy.
    pub(crate) roles: Vec<(String, Admitted)>,
}

/// What the site's policy says about a job with its own code; `None` for any other job. `kit` is the directory with `local/`.
pub(crate) fn own_code(kit: &Path, manifest: &Manifest) -> Result<Checked<Option<OwnCode>>, Faults> {
    let mut found = Collector::new();
    if manifest.own_code.is_empty() {
        return found.finish(|| None);
    }
    let is_there = |file: &&str| !matches!(Destination::inspect(&kit.join("local").join(file)), Ok(Destination::Absent));
    let policy = POLICY_FILES.into_iter().find(is_there);
    let mut roles = Vec::new();
    if let Some(file) = policy {
        let path = kit.join("local").join(file);
        let bytes = found.require(read_whole(&path))?;
        roles = found.require(own_code_policy(&bytes, &path.to_string_lossy()).map_err(Faults::from))?;
        if roles.iter().all(|(_, admitted)| *admitted == Admitted::None) {
            let message = format!(
                "no role may run a job with its own image or Python at this site: it ends with \"BYOC not permitted\" ({})",
                manifest.own_code.join(", ")
            );
            let hint =
                "let the site grant the right `byoc` in local/authorization.json, or name the image in its study_runtime.yaml";
            found.push(Diagnostic::warning(Code::Notice, message).hint(hint).at(path.as_path()));
        }
    }
    let keys = manifest.own_code.clone();
    found.finish(|| Some(OwnCode { keys, policy, roles }))
}

fn read_whole(path: &Path) -> Result<Vec<u8>, Faults> {
    flare_file_tree::read_file(path, LONGEST, Code::InvalidLaunchRequest, Code::InvalidLaunchRequest)
}

fn in_kit(kit: &Path, path: &SitePath) -> PathBuf {
    match path {
        SitePath::BelowKit(path) => kit.join(path),
        SitePath::AsItStands(path) => PathBuf::from(path),
    }
}

/// The regular files directly in `startup/`; empty if the directory is missing, since a request may be used without a kit.
fn startup_files(kit: &Path) -> Result<BTreeMap<String, Vec<u8>>, Faults> {
    let directory = kit.join("startup");
    if matches!(Destination::inspect(&directory), Ok(Destination::Absent)) {
        return Ok(BTreeMap::new());
    }
    let files = flare_file_tree::files(&directory).map_err(|error| error.into_diagnostic(Code::InvalidLaunchRequest))?;
    let mut read = BTreeMap::new();
    for path in files {
        let bytes = read_whole(&path)?;
        read.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes);
    }
    Ok(read)
}

fn read(path: &Path) -> FileContent {
    match Destination::inspect(path) {
        Ok(Destination::Absent) => FileContent::Missing,
        Ok(Destination::File) => read_whole(path).map_or(FileContent::Unreadable, FileContent::Bytes),
        _ => FileContent::Unreadable,
    }
}
