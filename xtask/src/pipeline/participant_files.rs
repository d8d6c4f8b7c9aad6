//! The parts of a federation.yaml for later verbs, which are checked when it is read, so that mistakes show early.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place};
use flare_federation::{Federation, MappingSource, Participant, check_kubeconfig};
use serde_json::{Map, Value};

/// The largest kubeconfig or values file that is read, in bytes; the parser has a lower limit, with its own message.
const LARGEST: u64 = 8 << 20;

/// Checks the kubeconfigs that the participants name, and reads their Helm values: one mapping for each participant, in the order of the
/// file. Relative paths refer to `directory`.
pub(crate) fn read(federation: &Federation, directory: &Path) -> Result<Checked<Vec<Map<String, Value>>>, Faults> {
    let mut found = Collector::new();
    let mut values = Vec::with_capacity(federation.participants.len());
    for participant in &federation.participants {
        found.keep(kubeconfig(participant, directory));
        values.extend(found.keep_checked(joined_values(participant, directory)));
    }
    found.finish(|| values)
}

/// The note about keys that this verb does not use.
pub(crate) fn note(federation: &Federation, file: &str) -> Option<Diagnostic> {
    let any = |is_used: fn(&Participant) -> bool| federation.participants.iter().any(is_used);
    let keys: Vec<&str> = [
        ("`kubeconfig`", any(|one| one.kubeconfig.is_some())),
        ("`context`", any(|one| one.context.is_some())),
        ("`values`", any(|one| !one.values.is_empty())),
        ("`expose`", any(|one| one.expose.is_some())),
    ]
    .into_iter()
    .filter_map(|(key, used)| used.then_some(key))
    .collect();
    let message = format!(
        "{} of this file were checked; `prepare` does not use them: `stage --federation` uses all but `expose`, and `up` uses all",
        keys.join(", ")
    );
    let hint =
        "`up --federation` brings the whole federation into its clusters; or give the others to `install`, such as `--values`";
    (!keys.is_empty()).then(|| Diagnostic::warning(Code::Notice, message).hint(hint).at(Place::file(file)))
}

/// Checks the kubeconfig that a participant names, if it names one.
pub(super) fn kubeconfig(participant: &Participant, directory: &Path) -> Result<(), Faults> {
    let (Some(path), Some(place)) = (&participant.kubeconfig, &participant.places.kubeconfig) else { return Ok(()) };
    let (path, bytes) = read_file(directory, path, place)?;
    check_kubeconfig(participant, &bytes, &path.to_string_lossy())
}

/// The Helm values of a participant, from all files and mappings that federation.yaml names, in one mapping.
fn joined_values(participant: &Participant, directory: &Path) -> Result<Checked<Map<String, Value>>, Faults> {
    let mut found = Collector::new();
    let mut layers = Vec::new();
    for source in &participant.values {
        match source {
            MappingSource::Inline(node) => layers.push(node.clone()),
            MappingSource::File { path, place } => {
                let (path, bytes) = found.require(read_file(directory, path, place))?;
                let document = flare_yaml::parse_if_any(&bytes, &path.to_string_lossy(), Code::InvalidFederation);
                // Helm takes an empty values file, too.
                let Some(document) = found.require(document)? else { continue };
                found.require_checked(document.faults.finish(|| ()))?;
                layers.push(document.root);
            }
        }
    }
    let joined = found.require(Participant::join_values(&layers))?;
    found.finish(|| joined)
}

/// Reads a file that federation.yaml names at `place`.
fn read_file(directory: &Path, path: &str, place: &Place) -> Result<(PathBuf, Vec<u8>), Faults> {
    let whole = crate::environment::shortest(&flare_file_tree::resolved(&directory.join(path)));
    let bytes =
        flare_file_tree::read_file(&whole, LARGEST, Code::InvalidFederation, Code::InvalidFederation).map_err(|faults| {
            let home = path.starts_with('~').then_some("`~` is not replaced in federation.yaml: write the whole path");
            faults.map(|fault| home.map_or(fault.clone(), |hint| fault.hint(hint)).at(place.clone()))
        })?;
    Ok((whole, bytes))
}
