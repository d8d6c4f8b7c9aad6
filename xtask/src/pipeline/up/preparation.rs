//! The part of `up` before the first cluster is accessed: reads and checks the whole federation, and prepares kits whose inputs changed.

use std::{path::PathBuf, time::Duration};

use flare_cluster::Access;
use flare_diagnostic::{Checked, Collector, Faults};
use flare_names::{Role, Target};
use flare_yaml::Node;
use serde_json::{Map, Value};

use super::{steps::State, values::ParticipantValues};
use crate::{
    context::Context,
    environment::Stopwatch,
    pipeline::{
        federation::{self, LoadedFederation, UniqueCollector},
        federation_kits::{self, Destined},
        parallel, prepare,
        request::RunOptions,
        values_file::values_of_file,
    },
};

/// The federation, and the options of its preparation.
#[derive(Debug)]
pub(crate) struct Preparation {
    /// The absolute path of federation.yaml.
    pub(crate) file: PathBuf,
    /// The directory for the prepared kits; `None` for each kit's own.
    pub(crate) output: Option<PathBuf>,
    /// `--target`.
    pub(crate) target: Option<Target>,
    /// The cluster of participants that name none.
    pub(crate) access: Access,
    /// A configuration on top of every participant's.
    pub(crate) overlay: Option<Node>,
    /// Absolute paths of values files on top of every participant's values.
    pub(crate) values: Vec<PathBuf>,
    /// Options of the preparation.
    pub(crate) options: RunOptions,
}

/// A prepared participant.
#[derive(Debug)]
pub(crate) struct PreparedParticipant {
    pub(crate) destined: Destined,
    pub(crate) values: ParticipantValues,
    /// The result of its preparation.
    pub(crate) state: State,
    /// How long that took, if its inputs had changed.
    pub(crate) took: Option<Duration>,
}

/// The state before the first cluster is accessed.
#[derive(Debug)]
pub(crate) enum PreparedFederation {
    /// All participants, in the order of the file.
    Ready(Vec<PreparedParticipant>),
    /// In a dry run, all participants if kits would be prepared: later steps cannot be checked for them.
    Would(Vec<WouldPrepare>),
}

/// A participant in a dry run in which kits would be prepared.
#[derive(Debug)]
pub(crate) struct WouldPrepare {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Whether its kit would be prepared.
    pub(crate) state: State,
}

/// Reads values files.
fn read_all(files: &[PathBuf]) -> Result<Vec<Map<String, Value>>, Faults> {
    let mut found = Collector::new();
    let values = files.iter().filter_map(|file| found.keep(values_of_file(file))).collect();
    found.finish(|| values).map(|checked| checked.value)
}

/// Reads, checks and prepares all participants.
pub(crate) fn prepare_all(context: &Context<'_>, preparation: &Preparation) -> Result<Checked<PreparedFederation>, Faults> {
    let Preparation { file, output, target, access, overlay, values: on_top, options } = preparation;
    let mut found = UniqueCollector::default();
    let on_top = read_all(on_top)?;
    let loaded = federation::read_to_install(file, output.as_deref(), *target)?;
    let LoadedFederation { federation, mut requests, values } = loaded.collect(&mut found);
    if let Some(overlay) = overlay {
        federation::lay_over(&mut requests, overlay);
    }
    context.step(|| format!("checking {} participants", requests.len()));
    let current = federation::check_for_installation(&requests, &federation, options)?.collect(&mut found);
    let (roles, current): (Vec<Role>, Vec<bool>) = current.into_iter().unzip();
    let states: Vec<State> = current.iter().map(|current| State::of_change(!current)).collect();
    if options.dry_run && current.contains(&false) {
        let participants = federation.participants.iter().zip(roles).zip(states);
        let would = participants.map(|((one, role), state)| WouldPrepare { name: one.name.clone(), role, state }).collect();
        return found.finish(|| PreparedFederation::Would(would));
    }
    let stale: Vec<_> = requests.iter().zip(&current).filter(|(_, current)| !**current).map(|(request, _)| request).collect();
    context.step(|| format!("preparing {} of {} kits", stale.len(), requests.len()));
    let prepared = parallel::each(&stale, |request| {
        let watch = Stopwatch::start();
        (prepare::prepare(request, options).map(|prepared| prepared.map(drop)), watch.elapsed())
    });
    let mut prepared = prepared.into_iter().map(|(prepared, took)| {
        found.keep_checked(prepared);
        took
    });
    let times: Vec<_> = current.iter().map(|current| if *current { None } else { prepared.next() }).collect();
    drop(prepared);
    let open = || federation_kits::open_all(context, &federation, values, file, output.as_deref(), access);
    let opened = (!found.has_errors()).then(open);
    let mut destined = opened.and_then(|opened| found.keep_checked(opened)).unwrap_or_default();
    for one in &mut destined {
        for values in &on_top {
            one.give_values(values);
        }
    }
    let mut values = Vec::with_capacity(destined.len());
    for (participant, destined) in federation.participants.iter().zip(&destined) {
        values.extend(found.keep_checked(ParticipantValues::of(participant, &destined.values)));
    }
    let all = destined.into_iter().zip(values).zip(states).zip(times);
    let prepared = all.map(|(((destined, values), state), took)| PreparedParticipant { destined, values, state, took }).collect();
    found.finish(|| PreparedFederation::Ready(prepared))
}
