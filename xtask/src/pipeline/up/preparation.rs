//! Everything of `up` before the first cluster is asked: the federation is read and checked as a whole, and kits whose inputs changed are
//! prepared.

use std::path::PathBuf;

use flare_cluster::Access;
use flare_diagnostic::{Checked, Faults};
use flare_names::Target;
use flare_yaml::Node;

use super::{steps::State, values::ParticipantValues};
use crate::{
    context::Context,
    pipeline::{
        federation::{self, LoadedFederation, UniqueCollector},
        parallel, prepare,
        request::RunOptions,
        stage_federation::{self, Destined},
    },
};

/// Which federation, and how its kits are prepared.
#[derive(Debug)]
pub(crate) struct Preparation {
    /// federation.yaml; absolute.
    pub(crate) file: PathBuf,
    /// The directory that receives the prepared kits; `None` for each kit's own.
    pub(crate) output: Option<PathBuf>,
    /// `--target`.
    pub(crate) target: Option<Target>,
    /// The cluster of participants that name none.
    pub(crate) access: Access,
    /// A configuration that is laid over that of every participant.
    pub(crate) overlay: Option<Node>,
    /// How kits are prepared.
    pub(crate) options: RunOptions,
}

/// A participant that is prepared.
#[derive(Debug)]
pub(crate) struct PreparedParticipant {
    pub(crate) destined: Destined,
    pub(crate) values: ParticipantValues,
    /// What its preparation did.
    pub(crate) state: State,
}

/// What stands before the first cluster is asked.
#[derive(Debug)]
pub(crate) enum PreparedFederation {
    /// All participants, in the order of the file.
    Ready(Vec<PreparedParticipant>),
    /// In a dry run, by name, which kits would be prepared: what would come after cannot be looked at.
    Would(Vec<(String, State)>),
}

/// Reads, checks and prepares all participants.
pub(crate) fn prepare_all(context: &Context<'_>, preparation: &Preparation) -> Result<Checked<PreparedFederation>, Faults> {
    let Preparation { file, output, target, access, overlay, options } = preparation;
    let mut found = UniqueCollector::default();
    let loaded = federation::read_to_install(file, output.as_deref(), *target)?;
    let LoadedFederation { federation, mut requests } = loaded.collect(&mut found);
    if let Some(overlay) = overlay {
        federation::lay_over(&mut requests, overlay);
    }
    context.step(|| format!("checking {} participants", requests.len()));
    let current = federation::check_for_installation(&requests, &federation, options)?.collect(&mut found);
    let states: Vec<State> = current.iter().map(|current| State::of_change(!current)).collect();
    let names = federation.participants.iter().map(|participant| participant.name.clone());
    if options.dry_run && current.contains(&false) {
        let would: Vec<_> = names.zip(states).collect();
        return found.finish(|| PreparedFederation::Would(would));
    }
    let stale: Vec<_> = requests.iter().zip(&current).filter(|(_, current)| !**current).map(|(request, _)| request).collect();
    context.step(|| format!("preparing {} of {} kits", stale.len(), requests.len()));
    for prepared in parallel::each(&stale, |request| prepare::prepare(request, options).map(|prepared| prepared.map(drop))) {
        found.keep_checked(prepared);
    }
    let destined =
        if found.has_errors() { None } else { found.keep_checked(stage_federation::read(file, output.as_deref(), access)) };
    let destined = destined.unwrap_or_default();
    let directory = federation::directory_of(file);
    let mut values = Vec::with_capacity(destined.len());
    for participant in &federation.participants {
        values.extend(found.keep_checked(ParticipantValues::of(participant, directory)));
    }
    let all = destined.into_iter().zip(values).zip(states);
    let prepared = all.map(|((destined, values), state)| PreparedParticipant { destined, values, state }).collect();
    found.finish(|| PreparedFederation::Ready(prepared))
}
