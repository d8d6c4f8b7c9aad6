//! The prepared kits of a federation, each with its cluster.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use flare_cluster::Access;
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, printable};
use flare_federation::{Federation, Participant};
use flare_file_tree::Destination;
use flare_names::Role;
use flare_prepared_kit::{OpenOptions, PreparedKit};
use serde_json::{Map, Value};

use super::{federation, federation_clusters, kit_facts::KitFacts, participant_files, places};
use crate::context::Context;

/// A participant's prepared kit and its cluster.
#[derive(Debug)]
pub(crate) struct Destined {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) prepared: PathBuf,
    pub(super) kit: PreparedKit,
    /// The Helm values that federation.yaml names for it.
    pub(super) values: Map<String, Value>,
    pub(super) access: Access,
}

impl Destined {
    /// Adds values that the release gets on top of those of federation.yaml: the helper pod of a staging is like the parent's pod.
    pub(crate) fn give_values(&mut self, values: &Map<String, Value>) {
        self.kit.give_values(values.clone());
    }

    /// The name by which it calls its server, if it is a client.
    pub(crate) fn calls(&self) -> Option<&str> {
        let target = self.kit.plan().server_target.as_ref().filter(|_| self.role == Role::Client);
        target.map(|(host, _)| host.as_str())
    }

    /// Its prepared kit, with the values that the release gets on top of the chart's.
    pub(crate) const fn kit(&self) -> &PreparedKit {
        &self.kit
    }

    /// Its cluster.
    pub(crate) const fn access(&self) -> &Access {
        &self.access
    }

    /// What results say about it.
    pub(crate) fn facts(&self) -> KitFacts {
        KitFacts::of(&self.kit)
    }
}

/// Reads federation.yaml and opens every prepared kit. Nothing is sent to any cluster before all are valid.
///
/// `prepared` is the `--output` of `prepare`. A participant's `kubeconfig` and `context` take precedence over `access`.
pub(crate) fn read(
    context: &Context<'_>,
    file: &Path,
    prepared: Option<&Path>,
    access: &Access,
) -> Result<Checked<Vec<Destined>>, Faults> {
    let mut found = Collector::new();
    let federation = found.require_checked(federation::parse(file))?;
    let directory = federation::directory_of(file);
    let values = found.keep_checked(participant_files::read(&federation, directory)).unwrap_or_default();
    let entries = each_opened(&federation, values, directory, prepared, access, OpenOptions::default());
    found.finish(|| entries)?.and_then(|entries| all_of(context, &federation, entries))
}

/// As [`read`], of a federation that was read before, with the Helm values of its participants.
pub(crate) fn open_all(
    context: &Context<'_>,
    federation: &Federation,
    values: Vec<Map<String, Value>>,
    file: &Path,
    prepared: Option<&Path>,
    access: &Access,
) -> Result<Checked<Vec<Destined>>, Faults> {
    let directory = federation::directory_of(file);
    all_of(context, federation, each_opened(federation, values, directory, prepared, access, OpenOptions::default()))
}

/// All participants, or the faults of those that cannot be opened, or that share something in one cluster.
fn all_of(context: &Context<'_>, federation: &Federation, entries: Vec<Entry>) -> Result<Checked<Vec<Destined>>, Faults> {
    let mut found = Collector::new();
    let destined: Vec<Destined> = entries.into_iter().filter_map(|(_, entry)| found.keep_checked(entry)).collect();
    if !found.has_errors() {
        let kits: Vec<_> = destined.iter().map(|one| (one.kit.plan(), &one.access)).collect();
        found.keep(federation_clusters::refuse_shared(context, federation, &kits));
    }
    found.finish(|| destined)
}

/// A participant's name, and its prepared kit or why that cannot be opened.
pub(crate) type Entry = (String, Result<Checked<Destined>, Faults>);

/// As [`read`], for verbs that only look at participants or remove them: kits that were edited since count as well, and a participant whose
/// kit cannot be opened, or whose kubeconfig is no longer there, does not keep the others from being used.
pub(crate) fn entries(file: &Path, prepared: Option<&Path>, access: &Access) -> Result<Checked<Vec<Entry>>, Faults> {
    let mut found = Collector::new();
    let federation = found.require_checked(federation::parse(file))?;
    let directory = federation::directory_of(file);
    let opened = each_opened(&federation, Vec::new(), directory, prepared, access, OpenOptions { accept_changes: true });
    let entries = federation.participants.iter().zip(opened).map(|(participant, (name, opened))| {
        let kubeconfig = participant_files::kubeconfig(participant, directory);
        (name, opened.and_then(|destined| kubeconfig.map(|()| destined)))
    });
    let entries = entries.collect();
    found.finish(|| entries)
}

/// Opens the prepared kit of each participant.
fn each_opened(
    federation: &Federation,
    values: Vec<Map<String, Value>>,
    directory: &Path,
    prepared: Option<&Path>,
    access: &Access,
    options: OpenOptions,
) -> Vec<Entry> {
    let mut outputs: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut open_one = |participant: &Participant, values: Map<String, Value>| {
        let kit = federation::kit_of(participant, directory)?;
        let mut found = Collector::new();
        let output = federation::output_of(&kit, prepared);
        if let Some(first) = outputs.get(&output) {
            let fault = federation::shared_directory(first, &kit, &output);
            return Err(fault.at(participant.places.kit.clone()).into());
        }
        outputs.insert(output.clone(), kit);
        let access = access_of(participant, directory, access);
        let mut destined = found.require_checked(open(participant, output, access, options))?;
        // The helper pod of a staging is like the parent pod, which gets these values from Helm.
        destined.kit.give_values(values.clone());
        destined.values = values;
        found.finish(|| destined)
    };
    // If the values have a fault, nothing is done with the kits, whose faults are reported with it.
    let values = values.into_iter().chain(std::iter::repeat(Map::new()));
    let participants = federation.participants.iter().zip(values);
    participants.map(|(participant, values)| (participant.name.clone(), open_one(participant, values))).collect()
}

fn open(participant: &Participant, prepared: PathBuf, access: Access, options: OpenOptions) -> Result<Checked<Destined>, Faults> {
    if matches!(Destination::inspect(&prepared), Ok(Destination::Absent)) {
        let message = format!("`{}` has no prepared kit here", printable(&participant.name));
        let hint = "run `prepare --federation`, or name the directory that was its `--output` by `--prepared`";
        return Err(Diagnostic::error(Code::InvalidPreparedKit, message).hint(hint).at(prepared.as_path()).into());
    }
    let opened = PreparedKit::open_on_disk(&prepared, options);
    let opened = opened.map_err(|faults| faults.map_all(|fault| below(fault, &prepared)))?;
    let mut found = Collector::new();
    found.extend(opened.warnings.into_iter().map(|warning| below(warning, &prepared)));
    let kit = opened.value;
    let (name, role) = (kit.plan().participant.clone(), kit.plan().role);
    if name != participant.name {
        let message = format!(
            "the prepared kit is that of `{}`, and federation.yaml expects `{}` here",
            printable(&name),
            printable(&participant.name)
        );
        let hint = "prepare the federation again, or name the directory that was `--output` of `prepare` by `--prepared`";
        found.push(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(prepared.as_path()));
    }
    found.finish(|| Destined { name, role, prepared, kit, values: Map::new(), access })
}

/// Adds to a diagnostic the participant's prepared kit as its place, or the place below it.
pub(super) fn below(diagnostic: Diagnostic, prepared: &Path) -> Diagnostic {
    if diagnostic.place.is_some() { places::located(diagnostic, prepared) } else { diagnostic.at(prepared) }
}

fn access_of(participant: &Participant, directory: &Path, access: &Access) -> Access {
    let own = participant.kubeconfig.as_ref().map(|path| directory.join(path));
    // A context belongs to its kubeconfig, so the command line's context does not apply to another file.
    let context = participant.context.clone().or_else(|| access.context.clone().filter(|_| own.is_none()));
    Access { kubeconfig: own.or_else(|| access.kubeconfig.clone()), context }
}
