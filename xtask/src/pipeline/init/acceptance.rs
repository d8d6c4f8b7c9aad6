//! Checks that `prepare --federation` accepts what `init` writes.

use std::path::Path;

use flare_diagnostic::{Code, Collector, Diagnostic, Faults, Place};
use flare_federation::{
    Federation, Member, ParticipantFacts, cross_check,
    init::{CONFIG_FILE, Files},
};
use flare_site_plan::{Acceptance, LauncherChoice};

use super::found_kit::FoundKit;

/// Runs the checks of `prepare --federation` on the files, so that `init` writes only files that are accepted.
pub(super) fn check(files: &Files, kits: &[FoundKit]) -> Result<(), Faults> {
    let federation = Federation::parse(files.federation.as_bytes(), "federation.yaml")?.value;
    let target = federation.target.unwrap_or_default();
    let document = flare_yaml::parse(files.config.as_bytes(), CONFIG_FILE, Code::InvalidConfig)?;
    let (mut faults, mut facts) = (Collector::new(), Vec::new());
    for entry in &federation.participants {
        let Some(one) = kits.iter().find(|one| one.found.kit == entry.kit) else { continue };
        let planned = entry
            .site_config(Some(&document), target)
            .and_then(|config| {
                flare_site_plan::resolve(&one.kit, &config.value, target, Acceptance::default(), LauncherChoice::default())
            })
            .and_then(|plan| flare_kit_patch::patch(one.tree.clone(), &plan.value).map(|_| plan.value));
        let planned = planned.map_err(|faults| faults.map(|fault| of_kit(fault, &one.directory)));
        facts.extend(faults.keep(planned).map(|plan| {
            ParticipantFacts::of(&plan, &one.kit.certificates.identity.subject_alternative_names, one.kit.relay.as_ref())
        }));
    }
    faults.finish(|| ())?;
    let members: Vec<_> = federation.participants.iter().zip(&facts).map(|(entry, facts)| Member { entry, facts }).collect();
    cross_check(&members).map(drop)
}

/// Adds the kit's directory to the place of its fault, which is only a path below the kit.
fn of_kit(fault: Diagnostic, directory: &Path) -> Diagnostic {
    match fault.place.clone() {
        Some(place) if fault.code == Code::InvalidKit => {
            fault.at(Place { file: directory.join(&place.file).to_string_lossy().into_owned(), ..place })
        }
        _ => fault,
    }
}
