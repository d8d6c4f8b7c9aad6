//! What a reprovision is to do.

use std::path::PathBuf;

use flare_pvc_stage::BackupOptions;

use crate::pipeline::{
    install,
    request::{KitRequest, RunOptions},
    stage,
};

/// The participant, its new kit, and how each step is carried out.
#[derive(Debug)]
pub(crate) struct Input {
    /// The kit and its configuration; the output is the prepared kit with which the participant runs.
    pub(crate) kit: KitRequest,
    pub(crate) access: flare_cluster::Access,
    /// The namespace that the user names.
    pub(crate) namespace: Option<String>,
    pub(crate) run: RunOptions,
    /// The file of the backup; `None`: beside the prepared kit, where it replaces that of the run before.
    pub(crate) backup_file: Option<PathBuf>,
    pub(crate) backup: BackupOptions,
    pub(crate) staging: flare_pvc_stage::VolumeStageOptions,
    /// The deadline is also that of the checks.
    pub(crate) install: install::Options,
}

impl Input {
    /// A request about the prepared kit in its cluster.
    pub(super) fn request(&self) -> stage::Request<'_> {
        stage::Request {
            prepared: &self.kit.output,
            namespace: self.namespace.as_deref(),
            access: self.access.clone(),
            values: self.install.values.files.clone(),
        }
    }
}

/// Called with a short description of each step.
pub(crate) type Progress<'run> = install::Progress<'run>;
