//! The claims that the studies of a kit use, for checking whether a cluster has them.

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, LineIndex, Place, shown};
use flare_names::{ClaimName, Target};

use super::{check::site_files, content::Dataset, data, entries::text_of, resolve::both_files, runtime};
use crate::{
    path::{STUDY_DATA, STUDY_RUNTIME, SitePath},
    site_files::{FileContent, SiteFiles},
};

/// A claim that the jobs of a study mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyClaim {
    /// The study.
    pub study: String,
    /// The claim; its whole volume is mounted.
    pub claim: ClaimName,
    /// Whether job pods can only read it (`mode: ro`).
    pub read_only: bool,
    /// Where the file names the claim.
    pub place: Place,
}

/// The claims in the study file of a kit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StudyClaims {
    /// The file that counts, below the kit; `None` if the kit has none.
    pub file: Option<String>,
    /// One for each dataset, in file order.
    pub claims: Vec<StudyClaim>,
}

/// Reads the claims of all studies, with the code by which [`crate::manifest`] reads the files. `read` returns the content of a
/// path below the kit.
///
/// # Errors
/// Every fault of these files, in file order, with line and column; an invalid claim name; for 2.9 also both files at once.
pub fn study_claims(target: Target, read: impl FnMut(&SitePath) -> FileContent) -> Result<Checked<StudyClaims>, Faults> {
    let files = site_files(target, read);
    let (data_file, runtime_file) = (SitePath::local(STUDY_DATA), SitePath::local(STUDY_RUNTIME));
    let (has_data, has_runtime) = (files.file(&data_file).exists(), files.file(&runtime_file).exists());
    let mut found = Collector::new();
    if target.study_files_conflict(has_data, has_runtime) {
        found.push(both_files(&data_file));
    }
    let mut claims = StudyClaims::default();
    if has_data {
        let of_data = data::read_file(&data_file, &files).and_then(|studies| claims_of(&data_file, &files, studies));
        claims.add(&data_file, found.keep_checked(of_data));
    }
    if has_runtime {
        let datasets = |studies: runtime::Studies| studies.into_iter().map(|(name, study)| (name, study.datasets)).collect();
        let of_runtime = runtime::read_file(&files).and_then(|studies| claims_of(&runtime_file, &files, studies.map(datasets)));
        claims.add(&runtime_file, found.keep_checked(of_runtime));
    }
    found.finish(|| claims)
}

impl StudyClaims {
    fn add(&mut self, file: &SitePath, claims: Option<Vec<StudyClaim>>) {
        self.file = Some(file.to_string());
        self.claims.extend(claims.into_iter().flatten());
    }
}

/// The claims of one file. An invalid claim name is only a warning for the launcher, which passes it on; here it is a fault.
fn claims_of(path: &SitePath, files: &SiteFiles, studies: Checked<data::Studies>) -> Result<Checked<Vec<StudyClaim>>, Faults> {
    let file = path.to_string();
    let index = LineIndex::new(text_of(files.file(path), &file)?);
    let (mut claims, mut faults, mut warnings) = (Vec::new(), Collector::new(), studies.warnings);
    let datasets =
        studies.value.into_iter().flat_map(|(study, datasets)| datasets.into_iter().map(move |one| (study.clone(), one)));
    for (study, Dataset { claim, read_only, offset, .. }) in datasets {
        let place = Place::position(&*file, index.position(offset));
        if let Ok(claim) = ClaimName::new(&claim) {
            claims.push(StudyClaim { study, claim, read_only, place });
            continue;
        }
        warnings.retain(|warning| warning.place.as_ref() != Some(&place));
        let message = format!("`{}` is not the name of a claim: {}", shown(&claim), ClaimName::RULE);
        faults
            .push(Diagnostic::error(Code::InvalidLaunchRequest, message).hint("write the name as the cluster has it").at(place));
    }
    let mut found: Collector = warnings.into_iter().collect();
    found.extend(faults);
    found.finish(|| claims)
}
