//! Which study file counts, and what it says for the study of the job.

use flare_diagnostic::{Checked, Code, Diagnostic, Faults, Place};

use super::{content::Study, data, runtime};
use crate::{
    path::{STUDY_DATA, STUDY_RUNTIME, SitePath},
    request::LaunchRequest,
    site_files::SiteFiles,
};

/// Reads the study files; a warning says what is odd and stops nothing.
pub(crate) fn resolve(request: &LaunchRequest, files: &SiteFiles) -> Result<Checked<Study>, Faults> {
    let runtime = SitePath::local(STUDY_RUNTIME);
    if request.target.capabilities().study_runtime_file && files.file(&runtime).exists() {
        refuse_both(request, files)?;
        return runtime::resolve(request, files);
    }
    match (&request.job.study, request.study_data_path()) {
        (Some(study), Some(path)) => data::resolve(study, &path, files),
        _ => Ok(Checked::clean(Study::default())),
    }
}

/// 2.9: a study runtime file next to a study data file stops every job.
fn refuse_both(request: &LaunchRequest, files: &SiteFiles) -> Result<(), Faults> {
    let mut data_files = vec![SitePath::local(STUDY_DATA)];
    data_files.extend(request.study_data_path());
    match data_files.iter().find(|path| files.file(path).exists()) {
        None => Ok(()),
        Some(path) => {
            let message = format!("`local/{STUDY_RUNTIME}` cannot be used together with the study data file `{path}`");
            let fault = Diagnostic::error(Code::InvalidLaunchRequest, message);
            Err(fault
                .hint(format!("move all studies to `{STUDY_RUNTIME}` and delete the other file"))
                .at(Place::file(path.to_string()))
                .into())
        }
    }
}
