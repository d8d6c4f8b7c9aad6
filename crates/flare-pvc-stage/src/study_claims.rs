//! The claims with the data of studies: checked before a job needs them, and created on request.

mod judgement;

use std::{collections::BTreeMap, future::Future, time::Duration};

use flare_cluster::{
    Cluster, Operation, Selection, claim_state,
    k8s_openapi::api::{
        core::v1::{Node, PersistentVolumeClaim},
        storage::v1::StorageClass,
    },
};
use flare_diagnostic::{Collector, Diagnostic, Faults};
use tokio::time::sleep;

pub use judgement::ClaimUse;

use crate::{
    NewClaim,
    bounded::bounded,
    claim::make,
    study_claims::judgement::{Binding, ClaimContext, is_pending, judge, state},
};

/// How often claims that get their volume at once are read, with a pause of one second.
const LOOKS: u32 = 15;

/// Options of a check of study claims.
#[derive(Debug, Clone)]
pub struct StudyClaimOptions {
    /// Creates missing claims.
    pub create: Option<NewClaim>,
    /// Changes nothing.
    pub dry_run: bool,
    /// How long the whole check may take.
    pub deadline: Duration,
}

/// A claim that was found or created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedClaim {
    /// Its name.
    pub name: String,
    /// The studies that use it, without duplicates.
    pub studies: Vec<String>,
    /// Whether a study writes to it.
    pub writable: bool,
    /// `Bound`, `Pending`, `Lost`, `Terminating` or `missing`.
    pub state: String,
    /// Whether it was created, or with `dry_run` would be.
    pub created: bool,
}

/// The result of a check.
#[derive(Debug, Clone, Default)]
pub struct StudyClaimReport {
    /// The claims, in the order of their first use.
    pub claims: Vec<CheckedClaim>,
    /// Errors for what keeps jobs from starting, and warnings; each at the place of a use.
    pub findings: Collector,
}

/// Checks the claims that studies use, and creates missing ones on request. `workspace` is the parent's claim. `stop` ends it early.
///
/// # Errors
/// Every missing permission, before anything is changed; every claim that the cluster refuses to create; `TIMED_OUT`, `INTERRUPTED`,
/// and the errors of flare-cluster. Faults of claims are in the report instead.
pub async fn check_study_claims(
    cluster: &Cluster,
    namespace: &str,
    workspace: &str,
    uses: &[ClaimUse],
    options: &StudyClaimOptions,
    stop: impl Future<Output = ()>,
) -> Result<StudyClaimReport, Faults> {
    let check = Check { cluster, namespace, workspace, options };
    bounded(options.deadline, "the check", stop, Box::pin(check.all(uses))).await
}

struct Check<'run> {
    cluster: &'run Cluster,
    namespace: &'run str,
    workspace: &'run str,
    options: &'run StudyClaimOptions,
}

/// A claim and all its uses.
struct Used<'run> {
    name: &'run str,
    uses: Vec<&'run ClaimUse>,
    claim: Option<PersistentVolumeClaim>,
    created: bool,
    binding: Binding,
}

impl Check<'_> {
    async fn all(&self, uses: &[ClaimUse]) -> Result<StudyClaimReport, Faults> {
        self.cluster.check_access(&self.needed()).await?;
        let mut claims = grouped(uses);
        for used in &mut claims {
            used.claim = self.claims().find(used.name).await?;
        }
        self.make_missing(&mut claims).await?;
        self.find_bindings(&mut claims).await?;
        if !self.options.dry_run {
            self.wait_for_volumes(&mut claims).await?;
        }
        let several_nodes = self.has_several_nodes().await?;
        let context = ClaimContext { namespace: self.namespace, workspace: self.workspace, several_nodes };
        let mut report = StudyClaimReport::default();
        for used in claims {
            report.findings.extend(judge(&used.uses, used.claim.as_ref(), used.binding, context));
            report.claims.push(used.into_checked());
        }
        Ok(report)
    }

    fn needed(&self) -> Vec<Operation> {
        let verbs: &[_] = if self.options.create.is_some() { &["get", "create", "patch"] } else { &["get"] };
        verbs.iter().map(|verb| Operation::on::<PersistentVolumeClaim>(verb, Some(self.namespace))).collect()
    }

    fn claims(&self) -> flare_cluster::Objects<PersistentVolumeClaim> {
        self.cluster.namespaced::<PersistentVolumeClaim>(self.namespace)
    }

    /// Creates missing claims. Tries all of them, so that all refusals are reported together.
    async fn make_missing(&self, claims: &mut [Used<'_>]) -> Result<(), Faults> {
        let Some(new) = &self.options.create else { return Ok(()) };
        let mut refused = Collector::new();
        for used in claims.iter_mut().filter(|used| used.claim.is_none()) {
            match make(self.cluster, self.namespace, used.name, new, self.options.dry_run).await {
                Ok(claim) => (used.claim, used.created) = (Some(claim), true),
                Err(fault) => refused.push(used.uses.iter().take(1).fold(fault, |fault, first| fault.at(first.place.clone()))),
            }
        }
        refused.finish(|| ()).map(|_| ())
    }

    /// Reads the binding mode of each claim's storage class. Not every user may read storage classes.
    async fn find_bindings(&self, claims: &mut [Used<'_>]) -> Result<(), Diagnostic> {
        let classes = self.cluster.unnamespaced::<StorageClass>();
        let mut known = BTreeMap::new();
        for used in claims {
            let Some(claim) = used.claim.as_ref().filter(|claim| is_pending(claim)) else { continue };
            if used.created && self.options.dry_run {
                used.binding = Binding::NotAsked;
                continue;
            }
            let class = claim_state::storage_class(claim).unwrap_or_default().to_owned();
            if !class.is_empty() && !known.contains_key(&class) {
                let readable = self.cluster.may(&classes.operation("get").object(&class)).await?;
                let binding = if readable { Binding::of(classes.find(&class).await?.as_ref()) } else { Binding::Unknown };
                known.insert(class.clone(), binding);
            }
            used.binding = known.get(&class).copied().unwrap_or(Binding::AtOnce);
        }
        Ok(())
    }

    /// Waits for volumes that are created without waiting for a pod.
    async fn wait_for_volumes(&self, claims: &mut [Used<'_>]) -> Result<(), Diagnostic> {
        for _ in 0..LOOKS {
            let mut open = claims.iter_mut().filter(|used| used.waits_for_volume()).peekable();
            if open.peek().is_none() {
                return Ok(());
            }
            sleep(Duration::from_secs(1)).await;
            for used in open {
                used.claim = self.claims().find(used.name).await?;
            }
        }
        Ok(())
    }

    /// Whether the cluster has several nodes; false if the user may not list them.
    async fn has_several_nodes(&self) -> Result<bool, Diagnostic> {
        let nodes = self.cluster.unnamespaced::<Node>();
        if !self.cluster.may(&nodes.operation("list")).await? {
            return Ok(false);
        }
        Ok(nodes.list(&Selection::default()).await?.len() > 1)
    }
}

impl Used<'_> {
    fn waits_for_volume(&self) -> bool {
        self.binding == Binding::AtOnce && self.claim.as_ref().is_some_and(is_pending)
    }

    fn into_checked(self) -> CheckedClaim {
        let mut studies: Vec<String> = Vec::new();
        for one in &self.uses {
            if !studies.contains(&one.study) {
                studies.push(one.study.clone());
            }
        }
        CheckedClaim {
            name: self.name.to_owned(),
            studies,
            writable: self.uses.iter().any(|one| !one.read_only),
            state: state(self.claim.as_ref().filter(|_| self.binding != Binding::NotAsked)).to_owned(),
            created: self.created,
        }
    }
}

/// The uses grouped by claim, in the order of each claim's first use.
fn grouped(uses: &[ClaimUse]) -> Vec<Used<'_>> {
    let mut claims: Vec<Used<'_>> = Vec::new();
    for one in uses {
        if let Some(known) = claims.iter_mut().find(|known| known.name == one.claim) {
            known.uses.push(one);
        } else {
            let binding = Binding::Unknown;
            claims.push(Used { name: &one.claim, uses: vec![one], claim: None, created: false, binding });
        }
    }
    claims
}
