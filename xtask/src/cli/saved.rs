//! What `backup` and `restore` share: a kit, a file, and what of a volume goes from one to the other.

use std::path::{Path, PathBuf};

use flare_diagnostic::Diagnostic;

use super::arguments::{ClusterArguments, HelperArguments};
use crate::{context::Context, pipeline::stage::Request};

/// The arguments of both.
#[derive(Debug, clap::Args)]
pub(super) struct SavedArguments {
    /// The prepared kit of the participant whose volume it is: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// The file of the backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which data, separated by commas.
    #[arg(long, value_name = "WHAT", value_delimiter = ',', default_value = "all")]
    what: Vec<What>,
    /// Include the kit and private keys.
    #[arg(long)]
    pub(super) with_keys: bool,
    #[command(flatten)]
    pub(super) helper: HelperArguments,
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,
}

impl SavedArguments {
    /// The prepared kit and the file, absolute.
    pub(super) fn paths(&self, context: &Context<'_>) -> Result<(PathBuf, PathBuf), Diagnostic> {
        Ok((context.environment.absolute(&self.prepared)?, context.environment.absolute(&self.file)?))
    }

    /// The request about the volume.
    pub(super) fn request<'run>(&'run self, context: &Context<'_>, prepared: &'run Path) -> Result<Request<'run>, Diagnostic> {
        Ok(Request { values: self.helper.values(context)?, ..self.cluster.request(prepared) })
    }

    /// The chosen data.
    pub(super) fn what(&self) -> Vec<flare_pvc_stage::DataKind> {
        self.what.iter().copied().map(Into::into).collect()
    }
}

/// Something that a parent keeps on its volume.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// What admins uploaded and downloaded.
    Transfer,
    /// The job store, with the results of all jobs.
    Jobs,
    /// The snapshots from which a server takes jobs up again.
    Snapshots,
    /// The parent's logs.
    Logs,
    /// Everything but the kit.
    All,
}

impl From<What> for flare_pvc_stage::DataKind {
    fn from(what: What) -> Self {
        match what {
            What::Transfer => Self::Transfer,
            What::Jobs => Self::Jobs,
            What::Snapshots => Self::Snapshots,
            What::Logs => Self::Logs,
            What::All => Self::All,
        }
    }
}
