//! The claims with study data that a prepared kit names, looked at in its cluster.

use flare_diagnostic::{Checked, Collector, Faults};
use flare_pod_manifest::{StudyClaim, study_claims};
use flare_prepared_kit::OpenOptions;
use flare_pvc_stage::{ClaimUse, StudyClaimOptions, StudyClaimReport, check_study_claims};

use super::{stage::Request, study_files::content};
use crate::{context::Context, runtime};

/// What the kit's study file names, and what the cluster has of it.
#[derive(Debug)]
pub(crate) struct StudyData {
    pub(crate) namespace: String,
    /// The study file; `None` where the kit has none.
    pub(crate) file: Option<String>,
    pub(crate) report: StudyClaimReport,
}

/// Reads the study file and checks its claims. Where there are none, no cluster is asked.
pub(crate) fn check(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &StudyClaimOptions,
) -> Result<Checked<StudyData>, Faults> {
    let mut found = Collector::new();
    // An edited study file is what this is for, and no other change matters here.
    let kit = found.require_checked(request.open(OpenOptions { accept_changes: true }))?;
    let plan = kit.plan();
    let studies = found.require_checked(study_claims(plan.target, |path| content(kit.tree(), path)))?;
    let (namespace, workspace) = (plan.namespace.as_str(), plan.workspace.claim.as_str());
    let uses: Vec<_> = studies.claims.into_iter().map(claim_use).collect();
    let mut report = StudyClaimReport::default();
    if !uses.is_empty() {
        let (uses, stop) = (&uses, runtime::interrupted(&context.interrupt));
        let checked = request.in_cluster(context, options.deadline, |cluster| async move {
            check_study_claims(&cluster, namespace, workspace, uses, options, stop).await
        });
        report = found.require(checked)?;
    }
    found.finish(|| StudyData { namespace: namespace.to_owned(), file: studies.file, report })
}

fn claim_use(claim: StudyClaim) -> ClaimUse {
    ClaimUse { study: claim.study, claim: claim.claim.to_string(), read_only: claim.read_only, place: claim.place }
}
