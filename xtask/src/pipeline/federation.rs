//! federation.yaml → one request per participant, and the checks across participants.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_federation::{Facts, Federation, Member, Participant, target::Origin};
use flare_names::Target;
use flare_yaml::Document;

use super::{
    parallel, participant_files,
    prepare::{self, ConfigSource, KitRequest, RunOptions},
    release,
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
    let asked = target.map(|target| (target, Origin::Flag));
    let asked = asked.or_else(|| federation.target.map(|target| (target, Origin::Federation)));
    let mut images = Vec::new();
    let mut faults: Vec<Diagnostic> = Vec::new();
    let mut requests = Vec::new();
    for participant in &federation.participants {
        let kit = crate::environment::shortest(&flare_file_tree::resolved(&folder.join(&participant.kit)));
        let output = output.map_or_else(|| kit.join("prepared/k8s"), |output| output.join(kit.file_name().unwrap_or_default()));
        match config_file(participant, folder) {
            Ok(document) => {
                images.extend(release::image_of(&participant.config_node(document.as_deref().map(|document| &document.root))));
                let config = ConfigSource::Participant { participant: Box::new(participant.clone()), document };
                requests.push(KitRequest { kit, config, output, asked: None });
            }
            Err(found) => faults.extend(found.into_vec()),
        }
    }
    faults.extend(shared_output(&requests));
    faults.extend(participant_files::check(&federation, folder));
    warnings.extend(participant_files::note(&federation, &file.to_string_lossy()));
    let decided = release::of_federation(asked, images, &requests);
    warnings.extend(decided.warning);
    for request in &mut requests {
        request.asked = Some((decided.target, decided.origin.clone()));
    }
    Faults::check(Said::after(faults).into_vec(), || Read { federation, requests, warnings })
}

fn config_file(participant: &Participant, folder: &Path) -> Result<Option<Box<Document>>, Faults> {
    let Some((path, place)) = participant.config_file() else { return Ok(None) };
    let path = crate::environment::shortest(&flare_file_tree::resolved(&folder.join(path)));
    let bytes = prepare::read_config_file(&path).map_err(|faults| {
        faults.map(|fault| match fault.code {
            // `--config` does not go with `--federation`.
            Code::ConfigNotFound => fault.hint("name a file at `config`, relative to federation.yaml, or let `init` write one"),
            _ => fault,
        })
    });
    let bytes = bytes.map_err(|faults| faults.map(|fault| fault.at(place.clone())))?;
    flare_yaml::parse(&bytes, &path.to_string_lossy(), Code::InvalidConfig).map(|document| Some(Box::new(document)))
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

/// Checks every kit alone and all against each other, without writing. Gives the warnings of all, in order.
///
/// Of each kit only its [`Facts`] are kept, and of those only what the neighbours need, so that memory stays flat.
pub(crate) fn check(requests: &[KitRequest], neighbours: &Neighbours, options: &RunOptions) -> Result<Vec<Diagnostic>, Failure> {
    let alone = matches!(neighbours, Neighbours::Apart);
    let (mut warnings, mut faults) = (Said::default(), Said::default());
    let mut facts = Vec::with_capacity(if alone { 0 } else { requests.len() });
    parallel::in_order(
        requests,
        |request| check_one(request, alone, options),
        |result| match result {
            Ok(Checked { value, warnings: found }) => {
                facts.extend(value);
                warnings.extend(found);
            }
            Err(found) => faults.extend(found.into_vec()),
        },
    );
    // A participant that cannot be read has no place among the others, so those checks wait for the next run.
    if faults.is_empty() {
        match across(requests, neighbours, &facts) {
            Ok(checked) => warnings.extend(checked.warnings),
            Err(found) => faults.extend(found.into_vec()),
        }
    }
    let warnings = warnings.into_vec();
    match Faults::check(faults.into_vec(), || ()) {
        Ok(()) => Ok(warnings),
        Err(faults) => Err(faults.after(warnings).into()),
    }
}

fn check_one(request: &KitRequest, alone: bool, options: &RunOptions) -> Result<Checked<Option<Facts>>, Faults> {
    let resolved = prepare::resolve(request, options)?;
    let facts = (!alone).then(|| resolved.facts.clone());
    let Checked { warnings, .. } = prepare::patch(request, resolved, options)?;
    Ok(Checked { value: facts, warnings })
}

fn across(requests: &[KitRequest], neighbours: &Neighbours, facts: &[Facts]) -> Result<Checked<()>, Faults> {
    match neighbours {
        Neighbours::Apart => Ok(Checked::clean(())),
        Neighbours::OneCluster => Faults::check(shared_keys(requests, facts), || Checked::clean(())),
        Neighbours::Federation(federation) => {
            let members: Vec<_> =
                federation.participants.iter().zip(facts).map(|(entry, facts)| Member { entry, facts }).collect();
            flare_federation::check_across(&members)
        }
    }
}

/// Defect 15 without a federation.yaml: each kit against the first that has its claim or its startup Secret.
fn shared_keys(requests: &[KitRequest], facts: &[Facts]) -> Vec<Diagnostic> {
    let mut owners = HashMap::new();
    let mut faults = Vec::new();
    for (request, facts) in requests.iter().zip(facts) {
        let keys = facts.keys();
        let firsts = keys.map(|key| *owners.entry((facts.namespace(), key)).or_insert(request));
        if let Some(first) = firsts.into_iter().find(|first| !std::ptr::eq(*first, request)) {
            faults.push(shared(first, request, facts));
        }
    }
    faults
}

fn shared(first: &KitRequest, second: &KitRequest, facts: &Facts) -> Diagnostic {
    let [(_, claim), (_, secret)] = facts.keys();
    let message = format!(
        "the kits `{}` and `{}` are for one namespace `{}` and share the claim `{claim}` or the Secret `{secret}`: the second would overwrite the first's keys",
        first.kit.display(),
        second.kit.display(),
        facts.namespace(),
    );
    Diagnostic::error(Code::InvalidArgs, message).hint(
        "give each participant a claim of its own in a federation.yaml (`init` writes one) and pass `--federation`; or pass `--separate-clusters`",
    )
}

/// Diagnostics in their order, each once: a fault in what participants share is found once per participant.
#[derive(Debug, Default)]
pub(crate) struct Said {
    list: Vec<Diagnostic>,
    known: HashSet<(String, Option<String>)>,
}

impl Said {
    /// Those that have been said, with what comes before anything that is new.
    pub(crate) fn after(list: Vec<Diagnostic>) -> Self {
        let mut said = Self::default();
        said.extend(list);
        said
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }
}

impl Extend<Diagnostic> for Said {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: T) {
        for one in diagnostics {
            if self.known.insert((one.message.clone(), one.place.as_ref().map(ToString::to_string))) {
                self.list.push(one);
            }
        }
    }
}
