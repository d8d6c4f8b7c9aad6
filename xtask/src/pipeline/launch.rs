//! A launch request, or a prepared kit and a job → the Pod and the Secrets that FLARE's launcher would ask for.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_file_tree::Destination;
use flare_names::{Role, Target};
use flare_pod_manifest::{Additions, FileContent, LaunchRequest, Manifest, PreparedSite, SiteFiles, SitePath, manifest};
use flare_prepared_kit::PreparedKit;

/// The longest file of a request, a job or a kit that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// What was made, and the warnings of reading and making.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) manifest: Manifest,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// From a request document and the parent's workspace folder on this machine.
pub(crate) fn from_request(request: &Path, kit: &Path, target: Target, additions: &Additions) -> Result<Made, Faults> {
    let bytes = read_whole(request)?;
    let mut warnings = Vec::new();
    let request = LaunchRequest::parse(&bytes, &request.to_string_lossy(), target)?.collect(&mut warnings);
    let files = SiteFiles::new(startup_files(kit)?).gather(&request, |path| read(&in_kit(kit, path)));
    let manifest = manifest(&request, &files, additions)?.collect(&mut warnings);
    Ok(Made { manifest, warnings })
}

/// From a prepared kit and a job's `meta.json`; what only a running parent knows stands as a placeholder.
pub(crate) fn from_prepared(prepared: &Path, meta: &Path, study: Option<&str>, additions: &Additions) -> Result<Made, Faults> {
    let mut warnings = Vec::new();
    let kit = PreparedKit::open(prepared, flare_prepared_kit::Acceptance::default())?.collect(&mut warnings);
    let plan = kit.plan();
    let address = format!("tcp://{}:{}", plan.names.service, plan.ports.parent());
    let site = PreparedSite {
        role: plan.role,
        site: match plan.role {
            Role::Server => "server",
            Role::Client => &plan.site,
        },
        server_name: match plan.role {
            Role::Server => Some(&plan.participant),
            Role::Client => plan.server_target.as_ref().map(|(host, _)| host.as_str()),
        },
        launcher: &plan.launcher,
        parent_url: Some(&address),
        parent_connection_security: Some(plan.internal.security.as_str()),
    };
    let bytes = read_whole(meta)?;
    let request = LaunchRequest::for_prepared(&site, &bytes, &meta.to_string_lossy(), study, plan.target)?.collect(&mut warnings);
    let startup = startup_files(prepared)?;
    let files = SiteFiles::new(startup).gather(&request, |path| read(&in_kit(prepared, path)));
    let manifest = manifest(&request, &files, additions)?.collect(&mut warnings);
    Ok(Made { manifest, warnings })
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

/// The regular files directly in `startup/`; none where the folder is missing, since a request may be looked at without a kit.
fn startup_files(kit: &Path) -> Result<BTreeMap<String, Vec<u8>>, Faults> {
    let folder = kit.join("startup");
    if matches!(Destination::look(&folder), Ok(Destination::Absent)) {
        return Ok(BTreeMap::new());
    }
    let files = flare_file_tree::files(&folder).map_err(|error| error.into_diagnostic(Code::InvalidLaunchRequest))?;
    let mut read = BTreeMap::new();
    for path in files {
        let bytes = read_whole(&path)?;
        read.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes);
    }
    Ok(read)
}

fn read(path: &Path) -> FileContent {
    match Destination::look(path) {
        Ok(Destination::Absent) => FileContent::Missing,
        Ok(Destination::File) => read_whole(path).map_or(FileContent::Unreadable, FileContent::Bytes),
        _ => FileContent::Unreadable,
    }
}
