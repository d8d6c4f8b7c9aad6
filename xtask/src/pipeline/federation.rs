//! federation.yaml → one request per participant, and the checks across participants.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_federation::{Federation, Member};
use flare_names::Target;
use flare_site_config::yaml;

use super::{
    parallel,
    prepare::{self, ConfigSource, KitRequest, RunOptions},
};
use crate::output::Failure;

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
    let bytes = flare_file_tree::read_file(file, 8 << 20, Code::InvalidFederation)?.ok_or_else(|| {
        Diagnostic::error(Code::InvalidFederation, format!("there is no federation file `{}`", file.display()))
            .hint("let `flare-kube init` write one")
            .at(file)
    })?;
    let mut warnings = Vec::new();
    let federation = Federation::parse(&bytes, &file.display().to_string())?.collect(&mut warnings);
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let target = target.or(federation.target).unwrap_or_default();
    let mut faults = Vec::new();
    let mut requests = Vec::new();
    for participant in &federation.participants {
        let kit = normal(&folder.join(&participant.kit));
        let output = output.map_or_else(|| kit.join("prepared/k8s"), |output| output.join(&participant.name));
        match config_node(&federation, participant, &folder) {
            Ok(node) => requests.push(KitRequest { kit, config: ConfigSource::Node(Box::new(node)), output, target }),
            Err(found) => faults.extend(found.into_vec()),
        }
    }
    Faults::check(faults, || Read { federation, requests, warnings })
}
