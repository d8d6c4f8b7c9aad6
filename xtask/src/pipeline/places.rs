//! Whole paths for the places of a kit's faults: crates that read a kit name files below it, and the reader of a result may not know which
//! directory that was.

use std::path::Path;

use flare_diagnostic::{Checked, Code, Diagnostic, Faults, Place};

/// A place below a directory as a whole path; a whole path stays.
pub(crate) fn whole(place: &Place, directory: &Path) -> Place {
    Place { file: directory.join(&place.file).to_string_lossy().into_owned(), ..place.clone() }
}

/// A diagnostic with a whole path, if it has a place in the kit.
pub(crate) fn located(diagnostic: Diagnostic, directory: &Path) -> Diagnostic {
    // The path of a kubeconfig refers to the user's working directory, and stays as the user named it.
    let is_of_kubeconfig = matches!(diagnostic.code, Code::KubeconfigInvalid | Code::ContextNotFound);
    match diagnostic.place.clone().filter(|_| !is_of_kubeconfig) {
        Some(place) => diagnostic.at(whole(&place, directory)),
        None => diagnostic,
    }
}

/// A result whose diagnostics have whole paths.
pub(crate) fn below<T>(result: Result<Checked<T>, Faults>, directory: &Path) -> Result<Checked<T>, Faults> {
    match result {
        Ok(Checked { value, warnings }) => {
            Ok(Checked { value, warnings: warnings.into_iter().map(|warning| located(warning, directory)).collect() })
        }
        Err(faults) => Err(faults_below(faults, directory)),
    }
}

/// Faults with whole paths.
pub(crate) fn faults_below(faults: Faults, directory: &Path) -> Faults {
    faults.map_all(|fault| located(fault, directory))
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::{Code, Position};

    use super::*;

    #[test]
    fn a_path_below_a_kit_becomes_a_whole_one_and_a_whole_one_stays() {
        let position = Position { line: 2, column: 3 };
        let at = |file: &str| {
            located(Diagnostic::error(Code::InvalidPreparedKit, "m").at(Place::position(file, position)), Path::new("/kits/a"))
        };
        assert_eq!(at("local/study_data.yaml").place, Some(Place::position("/kits/a/local/study_data.yaml", position)));
        assert_eq!(at("/elsewhere/values.yaml").place, Some(Place::position("/elsewhere/values.yaml", position)));
        let nowhere = located(Diagnostic::error(Code::ClusterUnreachable, "m"), Path::new("/kits/a"));
        assert_eq!(nowhere.place, None);
        for code in [Code::KubeconfigInvalid, Code::ContextNotFound] {
            let fault = located(Diagnostic::error(code, "m").at(Place::file("config")), Path::new("/kits/a"));
            assert_eq!(fault.place, Some(Place::file("config")), "a kubeconfig is not a file of the kit");
        }
    }
}
