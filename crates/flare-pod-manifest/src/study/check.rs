//! Checks the study files of a kit before any job needs them.

use flare_diagnostic::{Checked, Collector, Faults};
use flare_names::Target;

use super::{data, runtime};
use crate::{
    path::{STUDY_DATA, STUDY_RUNTIME, SitePath},
    site_files::{FileContent, SiteFiles},
};

/// Checks `local/study_data.yaml` and, if the release has it, `local/study_runtime.yaml` with the pod templates that it names, with the
/// code by which [`crate::manifest`] reads them: faults found here would stop jobs later. A file that is missing, or that nobody
/// filled in yet, is accepted. `read` returns the content of a path below the kit.
///
/// # Errors
/// Every fault of these files, in file order, with line and column.
pub fn check_study_files(target: Target, read: impl FnMut(&SitePath) -> FileContent) -> Result<Checked<()>, Faults> {
    let files = site_files(target, read);
    let (data_file, runtime_file) = (SitePath::local(STUDY_DATA), SitePath::local(STUDY_RUNTIME));
    let mut found = Collector::new();
    if files.file(&data_file).exists() {
        found.keep_checked(data::read_file(&data_file, &files));
    }
    if files.file(&runtime_file).exists() {
        found.keep_checked(runtime::read_file(&files));
    }
    found.finish(|| ())
}

/// The study files that the release knows, with the pod templates that they name.
pub(super) fn site_files(target: Target, mut read: impl FnMut(&SitePath) -> FileContent) -> SiteFiles {
    let mut files = SiteFiles::default();
    let (data_file, runtime_file) = (SitePath::local(STUDY_DATA), SitePath::local(STUDY_RUNTIME));
    files.insert(data_file.clone(), read(&data_file));
    if target.capabilities().study_runtime_file {
        files.insert(runtime_file.clone(), read(&runtime_file));
        for template in files.runtime().map_or(Vec::new(), runtime::template_files) {
            let content = read(&template);
            files.insert(template, content);
        }
    }
    files
}
