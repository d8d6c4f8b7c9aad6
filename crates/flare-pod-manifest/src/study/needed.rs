//! Which study files a request needs, and the loop that reads them: a study file may name pod templates.

use super::runtime;
use crate::{
    path::{STUDY_DATA, STUDY_RUNTIME, SitePath},
    request::LaunchRequest,
    site_files::{FileContent, SiteFiles},
};

impl SiteFiles {
    /// Calls `read` for each file that the request needs, until nothing is missing: a study file may name templates.
    #[must_use]
    pub fn gather(mut self, request: &LaunchRequest, mut read: impl FnMut(&SitePath) -> FileContent) -> Self {
        loop {
            let needed = request.needed_files(&self);
            if needed.is_empty() {
                return self;
            }
            for path in needed {
                let content = read(&path);
                self.insert(path, content);
            }
        }
    }
}

impl LaunchRequest {
    /// The files that are still to be read, given those that were: first the study files, then the pod templates that
    /// they name. Empty when nothing is missing. The files of `startup/` are not listed, because all of them are needed.
    pub fn needed_files(&self, have: &SiteFiles) -> Vec<SitePath> {
        let mut needed = first_files(self);
        if self.target.capabilities().study_runtime_file {
            needed.extend(have.runtime().map_or(Vec::new(), runtime::template_files));
        }
        needed.retain(|path| !have.was_asked_for(path));
        needed
    }
}

/// The files that are needed first.
fn first_files(request: &LaunchRequest) -> Vec<SitePath> {
    let mut files = Vec::new();
    let has_runtime_file = request.target.capabilities().study_runtime_file;
    if has_runtime_file {
        files.push(SitePath::local(STUDY_RUNTIME));
        files.push(SitePath::local(STUDY_DATA));
    }
    if let Some(path) = request.study_data_path()
        && (has_runtime_file || request.job.study.is_some())
        && !files.contains(&path)
    {
        files.push(path);
    }
    files
}
