//! The cluster of `demo --cluster`, and the steps that use it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use flare_cluster::Access;
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, printable};
use flare_names::Role;
use flare_pvc_stage::{NewClaim, VolumeStageOptions};
use flare_testbed::{ClusterName, Provider, Status, UpOptions, image::FlareImage};
use flare_yaml::Node;
use serde_json::{Value, json};

use super::demo_job::{self, EndedJob};
use crate::{
    context::Context,
    output::{Outcome, VerbResult},
    pipeline::{
        install::{self, Given, Until},
        request::RunOptions,
        stage,
        stage_federation::Staging,
        up::{self, Options, Preparation, PreparedFederation, PreparedParticipant, Reached, Steps},
    },
};

/// The cluster's name, so that a developer's `local` is left alone.
const NAME: &str = "demo";
/// The release of the federation's kits.
const IMAGE: FlareImage = FlareImage::Flare283;
/// The time limit for each step of a participant, including the node's first pull of the image.
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

    /// A configuration with this cluster's image, since federation.yaml names an example that no registry has.
    pub(super) fn image(&self) -> Result<Node, Faults> {
        let text = format!("parent:\n  docker_image: {:?}\n", self.image);
        Ok(flare_yaml::parse(text.as_bytes(), "the image of the demo's cluster", Code::InvalidConfig)?.root)
    }

    /// The warning of a demo that failed: its cluster stays, so that it can be looked at.
    pub(super) fn still_runs(&self, context: &Context<'_>) -> Diagnostic {
        let (program, kubeconfig) = (context.environment.program, self.kubeconfig.display());
        let hint = format!("look around with `export KUBECONFIG={kubeconfig}`; `{program} demo --down` ends it");
        Diagnostic::warning(Code::Notice, format!("the cluster `{NAME}` still runs")).hint(hint)
    }

    fn access(&self) -> Access {
        Access { kubeconfig: Some(self.kubeconfig.clone()), context: None }
    }

    /// Runs a job of the federation that is up, with the admin's kit. `None` if it has no server.
    pub(super) fn run_job(
        &self,
        context: &Context<'_>,
        root: &Path,
        admin: &Path,
        up: &[(PreparedParticipant, Reached)],
    ) -> Result<Option<EndedJob>, Faults> {
        let server = up.iter().find(|(prepared, _)| prepared.destined.role == Role::Server);
        let activity = context.activity();
        activity.show("submits a job as the admin, and waits for its end");
        let ended =
            server.map(|(server, _)| demo_job::run(context, root, admin, &self.access(), server.destined.kit())).transpose();
        activity.end();
        ended
    }

    /// Stages, installs and verifies every participant; returns the results.
    pub(super) fn bring_up(
        &self,
        context: &Context<'_>,
        federation: &Path,
        prepared: &Path,
        helm: Option<PathBuf>,
        options: RunOptions,
    ) -> Result<Checked<Vec<(PreparedParticipant, Reached)>>, Faults> {
        let preparation = Preparation {
            file: federation.to_owned(),
            output: Some(prepared.to_owned()),
            target: None,
            access: self.access(),
            overlay: Some(self.image()?),
            values: Vec::new(),
            options,
        };
        let mut found = Collector::new();
        let PreparedFederation::Ready(participants) = found.require_checked(up::prepare_all(context, &preparation))? else {
            return found.finish(Vec::new);
        };
        let activity = context.activity();
        let watch = |number: usize, _: Steps, words: &str| {
            let name = participants.get(number).map_or("", |one| one.destined.name.as_str());
            activity.show(&format!("{name}: {words}"));
        };
        let (reached, ended) = up::up(context, &participants, &up_options(helm), &watch);
        activity.end();
        found.require_checked(ended)?;
        found.finish(|| participants.into_iter().zip(reached).collect())
    }
}

/// Options for the demo's participants.
fn up_options(helm: Option<PathBuf>) -> Options {
    let claim = NewClaim { size: "1Gi".to_owned(), storage_class: None, access_mode: "ReadWriteOnce".to_owned() };
    let staging = VolumeStageOptions {
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
    let install = install::Options {
        helm,
        values: Given::default(),
        create_namespace: true,
        pull_secret: None,
        expose: None,
        called: Vec::new(),
        unlock: false,
        keep_failed: false,
        until: Until::Joined,
        dry_run: false,
        limit: LIMIT,
    };
    Options { staging: Staging::Volume(staging), install, limit: LIMIT, at_once: 2, dry_run: false }
}

/// The summary of a participant.
pub(super) fn told(participant: &PreparedParticipant, reached: &Reached) -> (Value, String) {
    let (destined, steps) = (&participant.destined, reached.steps);
    let state = if destined.role == Role::Server { "has started" } else { "is registered at its server" };
    (json!({"steps": steps.to_json(), "ok": steps.are_good()}), format!("{}: {state}\n", printable(&destined.name)))
}

/// How to inspect the demo, and how to remove it.
pub(super) fn next_steps(context: &Context<'_>, cluster: &DemoCluster, federation: &Path, prepared: &Path) -> String {
    let (program, kubeconfig) = (context.environment.program, cluster.kubeconfig.display());
    let (federation, prepared) = (federation.display(), prepared.display());
    format!(
        "look around: export KUBECONFIG={kubeconfig}\n  kubectl get pods --all-namespaces\n  \
         {program} status --federation {federation} --prepared {prepared}\nend it: {program} demo --down\n"
    )
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
