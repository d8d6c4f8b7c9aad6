//! Checks the claims with study data that a prepared kit names in its cluster.

use std::path::Path;

use flare_diagnostic::{Checked, Collector, Faults};
use flare_doctor::offline::study_file_content;
use flare_pod_manifest::{StudyClaim, study_claims};
use flare_prepared_kit::OpenOptions;
use flare_pvc_stage::{ClaimUse, StudyClaimOptions, StudyClaimReport, check_study_claims};

use super::{places, stage::Request};
use crate::{context::Context, runtime};

/// The claims in the kit's study file, and their state in the cluster.
#[derive(Debug)]
pub(crate) struct StudyData {
    pub(crate) namespace: String,
    /// The study file; `None` if the kit has none.
    pub(crate) file: Option<String>,
    pub(crate) report: StudyClaimReport,
}

/// Reads the study file and checks its claims. Without claims, no cluster is needed.
pub(crate) fn check(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &StudyClaimOptions,
) -> Result<Checked<StudyData>, Faults> {
    let mut found = Collector::new();
    // Edits of the study file are expected, and other changes do not matter here.
    let kit = found.require_checked(request.open(OpenOptions { accept_changes: true }))?;
    let plan = kit.plan();
    let studies = request.located(study_claims(plan.target, |path| study_file_content(kit.tree(), path)));
    let studies = found.require_checked(studies)?;
    let (namespace, workspace) = (plan.namespace.as_str(), plan.workspace.claim.as_str());
    let uses: Vec<_> = studies.claims.into_iter().map(|claim| claim_use(claim, request.prepared)).collect();
    let mut report = StudyClaimReport::default();
    if !uses.is_empty() {
        let (uses, stop) = (&uses, runtime::interrupted(&context.interrupt));
        let checked = request.in_cluster_to_its_end(context, options.deadline, |cluster| async move {
            check_study_claims(&cluster, namespace, workspace, uses, options, stop).await
        });
        report = found.require(checked)?;
    }
    found.finish(|| StudyData { namespace: namespace.to_owned(), file: studies.file, report })
}

fn claim_use(StudyClaim { study, claim, read_only, place }: StudyClaim, prepared: &Path) -> ClaimUse {
    ClaimUse { study, claim: claim.to_string(), read_only, place: places::whole(&place, prepared) }
}
