//! federation.yaml → one request per participant, and the cross checks.

mod unique_collector;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, printable};
use flare_federation::{Federation, Member, Participant, ParticipantFacts, target::Reason};
use flare_file_tree::Destination;
use flare_names::{Role, Target};
use flare_yaml::{Document, Node};
use serde_json::{Map, Value};

pub(crate) use self::unique_collector::UniqueCollector;
use super::{
    output_path::default_output,
    parallel, participant_files, prepare, read_config, release,
    request::{ConfigSource, KitRequest, RunOptions},
};

/// The largest federation.yaml that is read, in bytes; the parser has a lower limit, with its own message.
const LARGEST_FEDERATION: u64 = 8 << 20;

/// Which kits of a run may share a cluster.
#[derive(Debug)]
pub(crate) enum Isolation {
    /// Each kit has its own cluster, so nothing is shared.
    SeparateClusters,
    /// All are in one cluster: no two may have the same namespace and claim (defect 15).
    OneCluster,
    /// The participants of a federation, in the order of the requests.
    Federation(Box<Federation>),
}

/// A federation with the requests of its participants.
#[derive(Debug)]
pub(crate) struct LoadedFederation {
    pub(crate) federation: Federation,
    /// One per participant, in the same order.
    pub(crate) requests: Vec<KitRequest>,
    /// The Helm values of each participant, in the same order.
    pub(crate) values: Vec<Map<String, Value>>,
}

/// Reads federation.yaml and the config files that it names. Relative paths refer to its directory.
pub(crate) fn read(file: &Path, output: Option<&Path>, target: Option<Target>) -> Result<Checked<LoadedFederation>, Faults> {
    let mut loaded = read_to_install(file, output, target)?;
    loaded.warnings.extend(participant_files::note(&loaded.value.federation, &file.to_string_lossy()));
    Ok(loaded)
}

/// As [`read`], for a verb that uses every key.
pub(crate) fn read_to_install(
    file: &Path,
    output: Option<&Path>,
    target: Option<Target>,
) -> Result<Checked<LoadedFederation>, Faults> {
    let mut collector = Collector::new();
    let federation = collector.require_checked(parse(file))?;
    let directory = directory_of(file);
    let mut images = Vec::new();
    let mut requests = Vec::new();
    for participant in &federation.participants {
        let kit = collector.require(kit_of(participant, directory))?;
        collector.extend(missing(participant, &kit));
        let output = output_of(&kit, output);
        if let Some(document) = collector.keep(config_file(participant, directory)) {
            images.extend(release::image_of(&participant.config_node(document.as_deref().map(|document| &document.root))));
            let config = ConfigSource::Participant { participant: Box::new(participant.clone()), document };
            requests.push(KitRequest { kit, config, output, asked: None });
        }
    }
    collector.extend(shared_output(&requests).map(|(second, fault)| match &second.config {
        ConfigSource::Participant { participant, .. } => fault.at(participant.places.kit.clone()),
        ConfigSource::File(_) => fault,
    }));
    let values = collector.keep_checked(participant_files::read(&federation, directory)).unwrap_or_default();
    let asked = target.map(|target| (target, Reason::Flag));
    let asked = asked.or_else(|| federation.target.map(|target| (target, Reason::Federation)));
    let decision = release::of_federation(asked, images, &requests);
    collector.extend(decision.warning);
    for request in &mut requests {
        request.asked = Some((decision.target, decision.reason.clone()));
    }
    collector.finish(|| LoadedFederation { federation, requests, values }).map_err(unique)
}

/// Lays a configuration over that of every participant.
pub(crate) fn lay_over(requests: &mut [KitRequest], overlay: &Node) {
    for request in requests {
        let ConfigSource::Participant { document, .. } = &mut request.config else { continue };
        let root = match document.take() {
            Some(config) => Node::overlay(config.root, overlay.clone()),
            None => overlay.clone(),
        };
        *document = Some(Box::new(Document { root, faults: Collector::new() }));
    }
}

/// Reads only federation.yaml.
pub(crate) fn parse(file: &Path) -> Result<Checked<Federation>, Faults> {
    let bytes = flare_file_tree::read_file(file, LARGEST_FEDERATION, Code::InvalidFederation, Code::InvalidFederation)?;
    Federation::parse(&bytes, &file.to_string_lossy())
}

/// The directory that relative paths in a federation.yaml refer to.
pub(crate) fn directory_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}

/// The startup kit of a participant, absolute.
pub(crate) fn kit_of(participant: &Participant, directory: &Path) -> Result<PathBuf, Diagnostic> {
    let kit = crate::environment::shortest(&flare_file_tree::resolved(&directory.join(&participant.kit)));
    crate::environment::utf8(kit)
}

/// The fault of a kit that is not there, at the place where federation.yaml names it.
fn missing(participant: &Participant, kit: &Path) -> Option<Diagnostic> {
    matches!(Destination::inspect(kit), Ok(Destination::Absent)).then(|| {
        let (name, path) = (printable(&participant.name), printable(&kit.to_string_lossy()).into_owned());
        Diagnostic::error(Code::InvalidKit, format!("there is no startup kit of `{name}`: no directory `{path}`"))
            .hint("correct `kit`, which is relative to the directory of federation.yaml")
            .at(participant.places.kit.clone())
    })
}

/// The directory of a participant's prepared kit: below `output`, if one was named.
pub(crate) fn output_of(kit: &Path, output: Option<&Path>) -> PathBuf {
    output.map_or_else(|| default_output(kit), |output| output.join(kit.file_name().unwrap_or_default()))
}

/// Removes duplicate faults, such as those of a file that several participants name.
fn unique(faults: Faults) -> Faults {
    let mut unique = UniqueCollector::default();
    unique.extend(faults.clone());
    unique.finish(|| ()).err().unwrap_or(faults)
}

fn config_file(participant: &Participant, directory: &Path) -> Result<Option<Box<Document>>, Faults> {
    let Some((path, place)) = participant.config_file() else { return Ok(None) };
    let path = crate::environment::shortest(&flare_file_tree::resolved(&directory.join(path)));
    let bytes = read_config::read_config_file(&path).map_err(|faults| {
        faults.map(|fault| match fault.code {
            // `--config` cannot be used with `--federation`.
            Code::ConfigNotFound => fault.hint("name a file at `config`, relative to federation.yaml, or let `init` write one"),
            _ => fault,
        })
    });
    let bytes = bytes.map_err(|faults| faults.map(|fault| fault.at(place.clone())))?;
    flare_yaml::parse(&bytes, &path.to_string_lossy(), Code::InvalidConfig).map(|document| Some(Box::new(document)))
}

/// The fault if two kits have the same output, so that one would overwrite the other, and the second of them.
pub(crate) fn shared_output(requests: &[KitRequest]) -> Option<(&KitRequest, Diagnostic)> {
    let mut seen = std::collections::BTreeMap::new();
    requests.iter().find_map(|request| {
        let other = seen.insert(&request.output, &request.kit)?;
        Some((request, shared_directory(other, &request.kit, &request.output)))
    })
}

/// The fault of two kits whose prepared kits would have the same directory, since theirs have the same name.
pub(crate) fn shared_directory(first: &Path, second: &Path, output: &Path) -> Diagnostic {
    let shown = |path: &Path| printable(&path.to_string_lossy()).into_owned();
    let message = format!(
        "the prepared kits of `{}` and `{}` would share the directory `{}`, which has the name of their directories",
        shown(first),
        shown(second),
        shown(output)
    );
    Diagnostic::error(Code::InvalidArgs, message)
        .hint("rename one of the kits' directories; or name no directory for all, so that each is prepared inside its own kit")
}

/// Checks every kit alone and all against each other, without writing. Returns the warnings of all, in order.
///
/// Of each kit only its [`ParticipantFacts`] are kept, and only if the isolation needs them, so that memory use stays constant.
pub(crate) fn check(requests: &[KitRequest], isolation: &Isolation, options: &RunOptions) -> Result<Checked<()>, Faults> {
    let alone = matches!(isolation, Isolation::SeparateClusters);
    let mut found = UniqueCollector::default();
    let mut facts = Vec::with_capacity(if alone { 0 } else { requests.len() });
    parallel::in_order(
        requests,
        |request| check_one(request, alone, options),
        |result| facts.extend(found.keep_checked(result).flatten()),
    );
    // The cross checks need all participants, so they are skipped if one could not be read.
    if !found.has_errors() {
        found.keep_checked(cross_checks(requests, isolation, &facts));
    }
    found.finish(|| ())
}

/// As [`check`], for participants that are installed next: the checks are stricter, and a prepared kit that was made from the same inputs
/// need not be made again. Returns, for each participant, its role and whether its kit is prepared already.
pub(crate) fn check_for_installation(
    requests: &[KitRequest],
    federation: &Federation,
    options: &RunOptions,
) -> Result<Checked<Vec<(Role, bool)>>, Faults> {
    let mut found = UniqueCollector::default();
    let mut all = Vec::with_capacity(requests.len());
    parallel::in_order(
        requests,
        |request| {
            prepare::resolve(request, options)?.and_then(|resolved| {
                let facts = resolved.facts.clone();
                if prepare::is_current(request, &resolved, options)? {
                    return Ok(Checked::clean((facts, true)));
                }
                Ok(prepare::patch(request, resolved, options)?.map(|_| (facts, false)))
            })
        },
        |result| all.extend(found.keep_checked(result)),
    );
    if !found.has_errors() {
        let members: Vec<_> =
            federation.participants.iter().zip(&all).map(|(entry, (facts, _))| Member { entry, facts }).collect();
        found.keep_checked(flare_federation::check_for_installation(&members));
    }
    found.finish(|| all.into_iter().map(|(facts, is_current)| (facts.role(), is_current)).collect())
}

fn check_one(request: &KitRequest, alone: bool, options: &RunOptions) -> Result<Checked<Option<ParticipantFacts>>, Faults> {
    prepare::resolve(request, options)?.and_then(|resolved| {
        let facts = (!alone).then(|| resolved.facts.clone());
        Ok(prepare::patch(request, resolved, options)?.map(|_| facts))
    })
}

fn cross_checks(requests: &[KitRequest], isolation: &Isolation, facts: &[ParticipantFacts]) -> Result<Checked<()>, Faults> {
    match isolation {
        Isolation::SeparateClusters => Ok(Checked::clean(())),
        Isolation::OneCluster => shared_keys(requests, facts),
        Isolation::Federation(federation) => {
            let members: Vec<_> =
                federation.participants.iter().zip(facts).map(|(entry, facts)| Member { entry, facts }).collect();
            flare_federation::cross_check(&members)
        }
    }
}

/// Defect 15 without a federation.yaml: compares each kit with the first that has the same claim or startup Secret.
fn shared_keys(requests: &[KitRequest], facts: &[ParticipantFacts]) -> Result<Checked<()>, Faults> {
    let mut owners = HashMap::new();
    let mut found = Collector::new();
    for (request, facts) in requests.iter().zip(facts) {
        let keys = facts.unique_objects();
        let firsts = keys.map(|key| *owners.entry((facts.namespace(), key)).or_insert(request));
        if let Some(first) = firsts.into_iter().find(|first| !std::ptr::eq(*first, request)) {
            found.push(shared(first, request, facts));
        }
    }
    found.finish(|| ())
}

fn shared(first: &KitRequest, second: &KitRequest, facts: &ParticipantFacts) -> Diagnostic {
    let [(_, claim), (_, secret)] = facts.unique_objects();
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
