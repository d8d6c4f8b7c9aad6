//! The cluster of `demo --cluster`, and the steps that use it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use flare_cluster::Access;
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, printable};
use flare_pvc_stage::{NewClaim, Options};
use flare_testbed::{ClusterName, Provider, Status, UpOptions, image::FlareImage};
use flare_yaml::{Document, Node};
use serde_json::{Value, json};

use crate::{
    context::Context,
    output::{Outcome, VerbResult},
    pipeline::{
        request::{ConfigSource, KitRequest},
        stage,
        stage_federation::{self, Done, Staging},
    },
};

/// The cluster's name, so that a developer's `local` is left alone.
const NAME: &str = "demo";
/// The release of the federation's kits.
const IMAGE: FlareImage = FlareImage::Flare283;
/// The time limit for staging all participants, including the node's first pull of the image.
const LIMIT: Duration = Duration::from_mins(10);

/// The running cluster.
pub(super) struct DemoCluster {
    pub(super) status: Status,
    kubeconfig: PathBuf,
    image: String,
}

impl DemoCluster {
    /// Starts the cluster, unless it runs.
    pub(super) fn up(context: &Context<'_>) -> Result<Checked<Self>, Faults> {
        // The kits need FLARE's image, which clusters of other providers do not have.
        let options = UpOptions {
            provider: Some(Provider::Source),
            images: vec![IMAGE],
            timeout: Duration::from_mins(5),
            ..UpOptions::default()
        };
        let name = ClusterName::new(NAME)?;
        let checked = context.with_testbed(|testbed| flare_testbed::up(testbed, &name, &options))?;
        let missing = |what: &str| Diagnostic::error(Code::Internal, format!("the cluster `{NAME}` runs and has no {what}"));
        let mut found = Collector::new();
        let status = checked.collect(&mut found);
        let kubeconfig = found.require(status.kubeconfig.clone().ok_or_else(|| missing("kubeconfig")))?;
        let registry = found.require(status.registry.clone().ok_or_else(|| missing("registry")))?;
        let image = format!("{registry}/{}:{}", FlareImage::REPOSITORY, IMAGE.tag());
        found.finish(|| Self { status, kubeconfig, image })
    }

    /// Replaces the image that the federation names, an example that no registry has, by this cluster's.
    pub(super) fn set_image(&self, requests: &mut [KitRequest]) -> Result<(), Faults> {
        let text = format!("parent:\n  docker_image: {:?}\n", self.image);
        let image = flare_yaml::parse(text.as_bytes(), "the image of the demo's cluster", Code::InvalidConfig)?;
        for request in requests {
            let ConfigSource::Participant { document, .. } = &mut request.config else { continue };
            let root = match document.take() {
                Some(config) => Node::overlay(config.root, image.root.clone()),
                None => image.root.clone(),
            };
            *document = Some(Box::new(Document { root, faults: Collector::new() }));
        }
        Ok(())
    }

    /// Stages every participant; returns the report of each.
    pub(super) fn stage(
        &self,
        context: &Context<'_>,
        federation: &Path,
        prepared: &Path,
    ) -> Result<Checked<Vec<(Value, String)>>, Faults> {
        let access = Access { kubeconfig: Some(self.kubeconfig.clone()), context: None };
        let mut found = Collector::new();
        let participants = found.require_checked(stage_federation::read(federation, Some(prepared), &access))?;
        let claim = NewClaim { size: "1Gi".to_owned(), storage_class: None, access_mode: "ReadWriteOnce".to_owned() };
        let options = Options {
            create_namespace: true,
            create_claim: Some(claim),
            image: None,
            rollback: false,
            restart: true,
            again: false,
            repair: false,
            dry_run: false,
            deadline: LIMIT,
            run: stage::run_name(),
        };
        let bar = context.progress(participants.len());
        let staged = stage_federation::stage(context, &participants, &Staging::Volume(options), || bar.inc(1));
        bar.finish_and_clear();
        let staged = found.require_checked(staged.map_err(|unfinished| unfinished.faults))?;
        found.finish(|| participants.iter().zip(staged).map(|(one, done)| told(&one.name, &done)).collect())
    }
}

fn told(name: &str, done: &Done) -> (Value, String) {
    let Done::Volume(staged) = done else { return (Value::Null, String::new()) };
    let data = json!({"namespace": staged.namespace, "claim": staged.claim, "files": staged.files, "bytes": staged.bytes,
        "fingerprint": staged.fingerprint, "changed": staged.changed});
    let what = if staged.changed { "staged" } else { "staged already:" };
    let (files, claim, namespace) = (staged.files, &staged.claim, &staged.namespace);
    (data, format!("{}: {what} {files} files on claim {claim} in namespace {namespace}\n", printable(name)))
}

/// Ends the cluster, and removes everything of it.
pub(super) fn down(context: &Context<'_>) -> VerbResult {
    let name = ClusterName::new(NAME)?;
    let removed = context.with_testbed(|testbed| flare_testbed::down(testbed, &name))?;
    let text = if removed.is_nothing() {
        format!("nothing of a cluster `{NAME}` is there\n")
    } else {
        format!("the cluster `{NAME}` is removed with all that was in it\n")
    };
    Ok(Outcome { data: json!(removed), text, warnings: Vec::new() })
}
