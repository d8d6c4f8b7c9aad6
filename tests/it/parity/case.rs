//! One comparison: a kit, a config, the output's path, and the expected results of both sides.

use std::path::{Path, PathBuf};

use integration_tests::kit::Tree;
use integration_tests::reference::Release;

/// The role of a kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

impl Role {
    /// The role in file names: `server.crt`, `fed_client.json`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    /// The role file.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Server => "startup/fed_server.json",
            Self::Client => "startup/fed_client.json",
        }
    }
}

/// The path of the output, relative to the directory of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// `--output` with this path below the side's directory.
    At(String),
    /// No `--output`: `KIT/prepared/k8s`.
    Default,
    /// `--output` inside the kit.
    InKit(String),
}

/// Where the config comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Config {
    /// `--config` with a file of these bytes.
    File(Vec<u8>),
    /// No `--config`: `KIT/config.yaml`, with these bytes.
    InKit(Vec<u8>),
    /// `--config` with a path that does not exist.
    Missing,
}

/// The expected results. A difference names its reason, which the summary counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Both succeed.
    Good,
    /// Both fail, with the same exit status and error code.
    Refused,
    /// Only flare-kube fails.
    OnlyWeRefuse { code: &'static str, reason: &'static str },
    /// Both fail, the reference with another code or by a crash.
    OtherCode { code: &'static str, reason: &'static str },
    /// Only the reference fails; the outputs are compared with the config `reference_config` for the reference.
    OnlyReferenceRefuses { reason: &'static str },
}

/// Facts about a generated case that a deviation may depend on.
#[derive(Debug, Clone, Default)]
pub(crate) struct CaseFacts {
    /// `parent.docker_image` as written.
    pub(crate) image: String,
    /// `parent.resources` is `{}`.
    pub(crate) empty_resources: bool,
    /// Name of the participant.
    pub(crate) name: String,
    /// The reference's stable name of it, with the limit of a Service.
    pub(crate) stable_name: String,
}

/// One comparison.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) index: usize,
    pub(crate) release: Release,
    pub(crate) role: Role,
    /// The kit's directory name, which is the participant's name if the kit has none.
    pub(crate) directory: String,
    pub(crate) kit: Tree,
    pub(crate) config: Config,
    /// The config for the reference, if it reads the original differently from the specification.
    pub(crate) reference_config: Option<Vec<u8>>,
    pub(crate) output: Output,
    /// What exists at the output's path before the run.
    pub(crate) earlier_output: Option<Tree>,
    pub(crate) expected: Expected,
    pub(crate) facts: CaseFacts,
    /// Whether the charts are also rendered with Helm.
    pub(crate) render: bool,
    /// The changes of kit and config in order, for the report of a failure.
    pub(crate) notes: Vec<String>,
}

/// The paths of one side of a case.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) directory: PathBuf,
    pub(crate) kit: PathBuf,
    pub(crate) config: Option<PathBuf>,
    pub(crate) output: Option<PathBuf>,
    /// The path of the output, whether named or by default.
    pub(crate) prepared: PathBuf,
}

impl Case {
    /// Writes kit and config below `directory`, which must be empty, for one side.
    pub(crate) fn write(&self, directory: &Path, config: &Config) -> Side {
        let kit = directory.join("kits").join(&self.directory);
        self.kit.write(&kit);
        let config = match config {
            Config::File(bytes) => {
                let path = directory.join("k8s.yaml");
                std::fs::write(&path, bytes).unwrap();
                Some(path)
            }
            Config::InKit(bytes) => {
                if kit.is_dir() {
                    std::fs::write(kit.join("config.yaml"), bytes).unwrap();
                }
                None
            }
            Config::Missing => Some(directory.join("missing.yaml")),
        };
        let output = match &self.output {
            Output::At(path) => Some(directory.join(path)),
            Output::InKit(path) => Some(kit.join(path)),
            Output::Default => None,
        };
        let prepared = output.clone().unwrap_or_else(|| kit.join("prepared/k8s"));
        if let Some(earlier) = &self.earlier_output {
            earlier.write(&prepared);
        }
        Side { directory: directory.to_path_buf(), kit, config, output, prepared }
    }

    /// The config for the reference.
    pub(crate) fn config_of_reference(&self) -> Config {
        self.reference_config.as_ref().map_or_else(|| self.config.clone(), |bytes| Config::File(bytes.clone()))
    }

    /// The command that runs only this case.
    pub(crate) fn rerun(&self) -> String {
        format!(
            "FLARE_KUBE_PARITY_SEED={} FLARE_KUBE_PARITY_CASE={} cargo test -p integration-tests --test it parity::",
            self.seed, self.index
        )
    }
}
