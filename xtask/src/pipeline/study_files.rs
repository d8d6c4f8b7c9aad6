//! Checks the study files of a kit when it is prepared, for faults that would stop its jobs later.

use flare_diagnostic::{Checked, Diagnostic, Place};
use flare_doctor::offline::study_file_content;
use flare_file_tree::FileTree;
use flare_names::Target;
use flare_pod_manifest::check_study_files;

/// The faults of the study files and pod templates of a kit, as warnings: the parent starts nevertheless, and the
/// files can still be corrected where it reads them.
pub(crate) fn check(kit: &FileTree, target: Target) -> Checked<()> {
    match check_study_files(target, |path| study_file_content(kit, path)) {
        Ok(checked) => checked,
        Err(faults) => {
            let (errors, mut warnings) = faults.into_parts();
            warnings.extend(errors.into_iter().map(will_stop_jobs));
            Checked { value: (), warnings }
        }
    }
}

fn will_stop_jobs(fault: Diagnostic) -> Diagnostic {
    let place = fault.place.clone().unwrap_or_else(|| Place::file("local"));
    let message = format!("{}: FLARE would refuse jobs because of it", fault.message);
    Diagnostic { message, ..fault }.into_warning().at(place)
}
