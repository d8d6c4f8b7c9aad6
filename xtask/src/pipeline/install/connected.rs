//! A prepared kit, connected to its cluster and to the user's Helm.

use std::path::PathBuf;

use flare_cluster::Cluster;
use flare_diagnostic::Faults;
use flare_helm::{Helm, ReleaseId};
use flare_prepared_kit::PreparedKit;
use tokio::time::Instant;

use super::run::{Options, Progress, Run};
use crate::{
    context::Context,
    pipeline::{helm, stage::Request},
};

/// What each step of an installation works with.
pub(super) struct Connected {
    pub(super) kit: PreparedKit,
    /// The directory of its chart.
    chart: PathBuf,
    cluster: Cluster,
    pub(super) helm: Helm,
    pub(super) place: ReleaseId,
}

impl Connected {
    /// Finds Helm, and connects to the cluster of the kit that `request` names.
    ///
    /// # Errors
    /// If there is no Helm that can be used, or the cluster cannot be reached.
    pub(super) async fn new(
        context: &Context<'_>,
        request: &Request<'_>,
        options: &Options,
        kit: PreparedKit,
    ) -> Result<Self, Faults> {
        let helm = helm::find(context, options.helm.as_deref())?;
        let cluster = request.connect(context, options.limit).await?;
        let (place, chart) = (helm::place(request, &kit, &cluster), request.prepared.join(PreparedKit::chart_path()));
        Ok(Self { kit, chart, cluster, helm, place })
    }

    /// A run that ends at `end`.
    pub(super) fn run<'run>(
        &'run self,
        context: &'run Context<'_>,
        options: &'run Options,
        end: Instant,
        progress: Progress<'run>,
    ) -> Run<'run> {
        let Self { kit, chart, cluster, helm, place } = self;
        Run { kit, chart, cluster, helm, place, options, stop: context.interrupt.flag(), end, progress }
    }
}
