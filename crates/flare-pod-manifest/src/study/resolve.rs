//! Which study file counts, and its content for the study of the job.

use flare_diagnostic::{Checked, Code, Diagnostic, Faults, Place};

use super::{content::Study, data, runtime};
use crate::{
    path::{STUDY_DATA, STUDY_RUNTIME, SitePath},
    request::LaunchRequest,
    site_files::SiteFiles,
};

/// Reads the study files.
pub(crate) fn resolve(request: &LaunchRequest, files: &SiteFiles) -> Result<Checked<Study>, Faults> {
    let has_runtime = files.file(&SitePath::local(STUDY_RUNTIME)).exists();
    refuse_both(request, files, has_runtime)?;
    if request.target.capabilities().study_runtime_file && has_runtime {
        return runtime::resolve(request, files);
    }
    match (&request.job.study, request.study_data_path()) {
        (Some(study), Some(path)) => data::resolve(study, &path, files),
        _ => Ok(Checked::clean(Study::default())),
    }
}

/// Refuses a study runtime file next to a study data file, with which a release that knows both starts no job. The launcher's
/// arguments may name a data file other than the kit's own.
fn refuse_both(request: &LaunchRequest, files: &SiteFiles, has_runtime: bool) -> Result<(), Faults> {
    let mut data_files = vec![SitePath::local(STUDY_DATA)];
    data_files.extend(request.study_data_path());
    match data_files.iter().find(|path| files.file(path).exists()) {
        Some(path) if request.target.study_files_conflict(true, has_runtime) => Err(both_files(path).into()),
        _ => Ok(()),
    }
}

/// The fault of a study data file next to a study runtime file.
pub(super) fn both_files(path: &SitePath) -> Diagnostic {
    let message = format!("`local/{STUDY_RUNTIME}` cannot be used together with the study data file `{path}`");
    let fault = Diagnostic::error(Code::InvalidLaunchRequest, message);
    fault.hint(format!("move all studies to `{STUDY_RUNTIME}` and delete the other file")).at(Place::file(path.to_string()))
}
