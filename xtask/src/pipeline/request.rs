//! What a run of `prepare` is asked for: kits with their configurations and outputs, and what holds for all of them.

use std::path::PathBuf;

use flare_federation::{Participant, target::Reason};
use flare_names::Target;
use flare_site_plan::Acceptance;

use crate::interrupt::Interrupt;

/// Where the configuration of a kit comes from.
#[derive(Debug, Clone)]
pub(crate) enum ConfigSource {
    /// A file.
    File(PathBuf),
    /// A participant's entry in federation.yaml, and the file that it names.
    Participant {
        /// The entry.
        participant: Box<Participant>,
        /// The file, read.
        document: Option<Box<flare_yaml::Document>>,
    },
}

/// One kit that is to be prepared. All paths are absolute.
#[derive(Debug, Clone)]
pub(crate) struct KitRequest {
    /// The startup kit.
    pub(crate) kit: PathBuf,
    /// Its configuration.
    pub(crate) config: ConfigSource,
    /// Where the prepared kit goes.
    pub(crate) output: PathBuf,
    /// The release that somebody asked for; where nobody did, image and kit decide.
    pub(crate) asked: Option<(Target, Reason)>,
}

/// What holds for every kit of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunOptions {
    /// What the user accepts.
    pub(crate) acceptance: Acceptance,
    /// The clock, in seconds since 1970.
    pub(crate) now: i64,
    /// Whether files that people put into an earlier output, or edited there, may be lost.
    pub(crate) discard_changes: bool,
    /// The directory in which the user is, absolute.
    pub(crate) working_directory: PathBuf,
    /// Whether nothing is written, and the difference is shown.
    pub(crate) dry_run: bool,
    /// Ctrl-C.
    pub(crate) interrupt: Interrupt,
}
