//! The input of a run of `prepare`: kits with their configurations and outputs, and common options.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use flare_diagnostic::Faults;
use flare_federation::{Participant, target::Reason};
use flare_names::Target;
use flare_site_plan::{Acceptance, LauncherChoice};

use crate::interrupt::Interrupt;

/// Where the configuration of a kit comes from.
#[derive(Debug, Clone)]
pub(crate) enum ConfigSource {
    /// A file, which the kits of a run share.
    File(Arc<ConfigFile>),
    /// A participant's entry in federation.yaml, and the file that it names.
    Participant {
        /// The entry.
        participant: Box<Participant>,
        /// The parsed file.
        document: Option<Box<flare_yaml::Document>>,
    },
}

impl ConfigSource {
    /// That of a file, which is read when it is first needed.
    pub(crate) fn file(path: PathBuf) -> Self {
        Self::File(Arc::new(ConfigFile { path, read: OnceLock::new() }))
    }
}

/// A configuration file. It is read once, so that all kits of a run have the same one, and so have their check and their writing.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    /// Its path, absolute.
    pub(crate) path: PathBuf,
    /// The parsed file, or why it could not be read; empty before it is needed.
    pub(crate) read: OnceLock<Result<flare_yaml::Document, Faults>>,
}

/// One kit to prepare. All paths are absolute.
#[derive(Debug, Clone)]
pub(crate) struct KitRequest {
    /// The startup kit.
    pub(crate) kit: PathBuf,
    /// Its configuration.
    pub(crate) config: ConfigSource,
    /// Where the prepared kit goes.
    pub(crate) output: PathBuf,
    /// The requested release; `None`: image and kit decide.
    pub(crate) asked: Option<(Target, Reason)>,
}

/// The options for every kit of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunOptions {
    /// The faults that the user accepts.
    pub(crate) acceptance: Acceptance,
    /// The program that is to start job pods.
    pub(crate) launcher: LauncherChoice,
    /// The current time in seconds since 1970.
    pub(crate) now: i64,
    /// Whether files that users added to an earlier output, or edited there, may be lost.
    pub(crate) discard_changes: bool,
    /// The user's working directory, absolute and without links, as the system tells it.
    pub(crate) working_directory: PathBuf,
    /// Whether only the difference is shown and nothing is written.
    pub(crate) dry_run: bool,
    /// Ctrl-C.
    pub(crate) interrupt: Interrupt,
}
