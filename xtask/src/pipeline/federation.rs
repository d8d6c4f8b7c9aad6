//! federation.yaml → one request per participant, and the checks across participants.

use std::path::Path;

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_federation::{Federation, Member, Participant};
use flare_names::Target;
use flare_site_config::yaml::{self, Document};
use flare_site_plan::SitePlan;

use super::{
    parallel,
    prepare::{self, ConfigSource, KitRequest, RunOptions},
};
use crate::output::Failure;

/// The largest federation.yaml that is read, in bytes; the parser has the last word on smaller ones.
const LARGEST_FEDERATION: u64 = 8 << 20;

/// How the kits of a run stand to each other.
#[derive(Debug)]
pub(crate) enum Neighbours {
    /// Each in a cluster of its own: nothing is shared.
    Apart,
    /// All in one cluster: no two on one namespace and claim (defect 15).
    OneCluster,
    /// The participants of a federation, in the order of the requests.
    Federation(Box<Federation>),
}

/// A federation as the pipelines work on it.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) federation: Federation,
    /// One per participant, in the same order.
    pub(crate) requests: Vec<KitRequest>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Reads federation.yaml and the config files that it names. Relative paths refer to its folder.
pub(crate) fn read(file: &Path, output: Option<&Path>, target: Option<Target>) -> Result<Read, Faults> {
    let bytes = flare_file_tree::read_file(file, LARGEST_FEDERATION, Code::InvalidFederation, Code::InvalidFederation)?;
    let mut warnings = Vec::new();
    let federation = Federation::parse(&bytes, &file.to_string_lossy())?.collect(&mut warnings);
    let folder = file.parent().unwrap_or(Path::new("/"));
    let target = target.or(federation.target).unwrap_or_default();
    let mut faults: Vec<Diagnostic> = Vec::new();
    let mut requests = Vec::new();
    for participant in &federation.participants {
        let kit = crate::environment::shortest(&flare_file_tree::resolved(&folder.join(&participant.kit)));
        let output = output.map_or_else(|| kit.join("prepared/k8s"), |output| output.join(kit.file_name().unwrap_or_default()));
        match config_file(participant, folder) {
            Ok(document) => {
                let config = ConfigSource::Participant { participant: Box::new(participant.clone()), document };
                requests.push(KitRequest { kit, config, output, target });
            }
            Err(found) => faults.extend(found.into_vec()),
        }
    }
    faults.extend(shared_output(&requests));
    Faults::check(without_repeats(faults), || Read { federation, requests, warnings })
}

fn config_file(participant: &Participant, folder: &Path) -> Result<Option<Box<Document>>, Faults> {
    let Some((path, place)) = participant.config_file() else { return Ok(None) };
    let path = crate::environment::shortest(&flare_file_tree::resolved(&folder.join(path)));
    let bytes = prepare::read_config_file(&path).map_err(|faults| faults.map(|fault| fault.at(place.clone())))?;
    yaml::parse(&bytes, &path.to_string_lossy(), Code::InvalidConfig).map(|document| Some(Box::new(document)))
}

/// Two kits of one folder name would be written over each other.
pub(crate) fn shared_output(requests: &[KitRequest]) -> Option<Diagnostic> {
    let mut seen = std::collections::BTreeMap::new();
    for request in requests {
        if let Some(other) = seen.insert(&request.output, &request.kit) {
            let message = format!("the kits `{}` and `{}` would share one output folder", other.display(), request.kit.display());
            return Some(
                Diagnostic::error(Code::InvalidArgs, message).hint("leave `--output` out, or rename one of the kits' folders"),
            );
        }
    }
    None
}

/// What the checks across participants need of one kit; the kit itself is dropped, so that memory stays flat.
struct Seen {
    plan: SitePlan,
    certificate_names: Vec<String>,
}

/// Checks every kit alone and all against each other, without writing. Gives the warnings of all, in order.
pub(crate) fn check(requests: &[KitRequest], neighbours: &Neighbours, options: &RunOptions) -> Result<Vec<Diagnostic>, Failure> {
    let mut warnings = Vec::new();
    let mut faults: Vec<Diagnostic> = Vec::new();
    let mut seen = Vec::with_capacity(requests.len());
    for result in parallel::each(requests, |request| check_one(request, options)) {
        match result {
            Ok(one) => seen.push(one.collect(&mut warnings)),
            Err(found) => faults.extend(found.into_vec()),
        }
    }
    // A participant that cannot be read has no place among the others, so those checks wait for the next run.
    if faults.is_empty() {
        match across(requests, neighbours, &seen) {
            Ok(checked) => checked.collect(&mut warnings),
            Err(found) => faults.extend(found.into_vec()),
        }
    }
    let warnings = without_repeats(warnings);
    Faults::check(without_repeats(faults), || ()).map_err(|faults| Failure {
        faults,
        warnings: warnings.clone(),
        shown: None,
    })?;
    Ok(warnings)
}

fn check_one(request: &KitRequest, options: &RunOptions) -> Result<Checked<Seen>, Faults> {
    let resolved = prepare::resolve(request, options)?;
    let certificate_names = resolved.certificate_names.clone();
    let plan = resolved.plan.clone();
    let mut warnings = prepare::check_patch(resolved)?;
    warnings.extend(prepare::edits_of_earlier(&request.output));
    Ok(Checked { value: Seen { plan, certificate_names }, warnings })
}

fn across(requests: &[KitRequest], neighbours: &Neighbours, seen: &[Seen]) -> Result<Checked<()>, Faults> {
    match neighbours {
        Neighbours::Apart => Ok(Checked::clean(())),
        Neighbours::OneCluster => {
            let faults = seen.iter().enumerate().filter_map(|(second, one)| {
                let first = seen[..second].iter().position(|other| shares(&other.plan, &one.plan))?;
                Some(shared(&requests[first], &requests[second], &one.plan))
            });
            Faults::check(faults.collect(), || Checked::clean(()))
        }
        Neighbours::Federation(federation) => {
            let members: Vec<_> = federation
                .participants
                .iter()
                .zip(seen)
                .map(|(entry, one)| Member { entry, plan: &one.plan, certificate_names: &one.certificate_names })
                .collect();
            flare_federation::check_across(&members)
        }
    }
}

fn shares(one: &SitePlan, other: &SitePlan) -> bool {
    one.namespace == other.namespace
        && (one.workspace.claim == other.workspace.claim || one.names.startup_secret == other.names.startup_secret)
}

fn shared(first: &KitRequest, second: &KitRequest, plan: &SitePlan) -> Diagnostic {
    let message = format!(
        "the kits `{}` and `{}` are for one namespace `{}` and share the claim `{}` or the Secret `{}`: the second would overwrite the first's keys",
        first.kit.display(),
        second.kit.display(),
        plan.namespace,
        plan.workspace.claim,
        plan.names.startup_secret
    );
    Diagnostic::error(Code::InvalidArgs, message).hint(
        "give each participant a claim of its own in a federation.yaml (`init` writes one) and pass `--federation`; or pass `--separate-clusters`",
    )
}

/// A fault in what participants share is found once per participant, and said once.
pub(crate) fn without_repeats(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut said = std::collections::HashSet::new();
    diagnostics
        .into_iter()
        .filter(|one| said.insert((one.message.clone(), one.place.as_ref().map(ToString::to_string))))
        .collect()
}
