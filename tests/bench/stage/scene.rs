//! A participant in its own namespace, staged by the guide's commands and by flare-kube.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use integration_tests::bench;
use integration_tests::bench::cost::Cost;
use integration_tests::cluster::Cluster;
use integration_tests::cluster::copy::{CopyPod, HUGE, LARGE, Load, SMALL};
use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::guide;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, measured, succeed};
use integration_tests::command::Sandbox;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use serde_json::Value;

use crate::figures::Figures;

const SITE: &str = "site-1";

/// How many times as often the transfer of small files is measured as everything else.
const SMALL_FILES_TIMES: usize = 3;

/// The namespace and the program of the measurement.
pub(crate) struct Scene {
    namespace: Namespace,
    sandbox: Sandbox,
    program: PathBuf,
}

impl Scene {
    pub(crate) fn open(cluster: &Cluster) -> Self {
        let program = bench::program();
        Self { namespace: Namespace::alone_in(cluster.clone(), "bench-stage"), sandbox: Sandbox::new(), program }
    }

    /// Measures everything, each step `runs` times, in alternating order; the transfer of small files more often, since it is short compared
    /// with the variations of what is subtracted from it.
    pub(crate) fn measure(&self, runs: usize, figures: &mut Figures) {
        let plain = self.prepare("plain", &Federation::claim(SITE));
        let copies = CopyPod::start(&self.namespace);
        // The first pod waits until the node has pulled the image.
        self.stage(&plain, &["--create-pvc"]);
        self.delete_claim();
        for run in 0..runs {
            self.participant(run, &plain, &copies, figures);
        }
        for (load, runs) in [(SMALL, SMALL_FILES_TIMES * runs), (LARGE, runs)] {
            let source = self.sandbox.join(load.shown);
            load.make(&source);
            for run in 0..runs {
                self.transfer(run, load, &source, &copies, figures);
            }
        }
        figures.add_memory(HUGE, self.stage_alone("huge", Some(HUGE), &copies));
    }

    /// Stages one participant into a fresh claim, both ways.
    fn participant(&self, run: usize, kit: &Path, copies: &CopyPod<'_>, figures: &mut Figures) {
        let guide = || {
            copies.settle();
            let (time, _) = measured(|| guide::stage(&self.namespace, SITE, kit));
            self.delete_claim();
            time
        };
        let ours = || {
            copies.settle();
            let first = self.stage(kit, &["--create-pvc"]);
            let again = staged(self.staging(kit, &[]), false);
            self.delete_claim();
            (first, again)
        };
        let (guide, (first, again)) = in_turn(run, guide, ours);
        figures.add_participant(guide, first, again);
    }

    /// Transfers one load, both ways; flare-kube also stages the kit without it, to separate the transfer from everything else.
    fn transfer(&self, run: usize, load: Load, source: &Path, copies: &CopyPod<'_>, figures: &mut Figures) {
        let copy = || -> Duration {
            copies.settle();
            copies.copy(source, load)
        };
        let with = || self.stage_alone(&format!("with-{}-{run}", load.files), Some(load), copies);
        let without = || self.stage_alone(&format!("without-{}-{run}", load.files), None, copies);
        let (copy, (ours, without)) = in_turn(run, copy, || in_turn(run / 2, with, without));
        figures.add_transfer(load, copy, ours, without);
    }

    /// Stages a kit with a load in its `local/`, where a site may add files, in the place of the kit without it.
    ///
    /// Each has a claim of its own, since files can be created slowly where many were just deleted, see [`CopyPod::copy`].
    fn stage_alone(&self, name: &str, load: Option<Load>, copies: &CopyPod<'_>) -> Cost {
        let kit = self.prepare(name, &Federation::claim(name));
        self.stage(&kit, &["--create-pvc", "2Gi"]);
        if let Some(load) = load {
            load.make(&kit.join("local/load"));
        }
        // Otherwise the next one would wait for it, and be measured with that.
        let helpers = ["wait", "--for=delete", "pod", "--selector", "app.kubernetes.io/component=stage", "--timeout=60s"];
        succeed(self.namespace.kubectl().args(helpers));
        copies.settle();
        self.stage(&kit, &["--again"])
    }

    /// Stages a kit, which must change the volume.
    fn stage(&self, kit: &Path, flags: &[&str]) -> Cost {
        staged(self.staging(kit, flags), true)
    }

    fn staging(&self, kit: &Path, flags: &[&str]) -> Command {
        let mut command = self.namespace.cluster.program(&self.program);
        command.arg("stage").arg(kit).args(["--timeout", "600", "-o", "json"]).args(flags);
        command
    }

    /// A prepared kit for a claim.
    fn prepare(&self, name: &str, claim: &str) -> PathBuf {
        let config = self.sandbox.join("k8s.yaml");
        let (namespace, image) = (&self.namespace.name, self.namespace.cluster.image(Release::V28));
        let kit = workspace_directory().join("fixtures/kits/one-port-2.8.3").join(SITE);
        let text = format!("runtime: k8s\nnamespace: {namespace}\nparent: {{docker_image: {image:?}, workspace_pvc: {claim}}}\n");
        fs::write(&config, text).unwrap();
        let output = self.sandbox.join(name);
        let mut prepare = self.sandbox.command(&self.program);
        succeed(prepare.arg("prepare").arg(kit).arg("--config").arg(config).arg("--output").arg(&output));
        output
    }

    /// Deletes the claim and waits for the end of its volume, so that its removal does not disturb the next measurement.
    fn delete_claim(&self) {
        let claim = Federation::claim(SITE);
        let kubectl = |arguments: &[&str]| succeed(self.namespace.kubectl().args(arguments));
        let volume = kubectl(&["get", "pvc", &claim, "--output", "jsonpath={.spec.volumeName}"]);
        kubectl(&["delete", "pvc", &claim]);
        // A storage class may keep its volumes.
        let _ = attempt(self.namespace.kubectl().args(["wait", "--for=delete", &format!("pv/{volume}"), "--timeout=60s"]), &[]);
    }
}

/// Runs a staging and checks that it reports the expected `changed`.
fn staged(mut command: Command, changed: bool) -> Cost {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (cost, output) = Cost::of(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}\n{said}{}", String::from_utf8_lossy(&output.stderr));
    let envelope: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{command:?} printed no JSON: {error}\n{said}"));
    assert_eq!(envelope["data"]["changed"], changed, "{envelope:#}");
    cost
}

/// Runs both, in an order that alternates from run to run.
fn in_turn<A, B>(run: usize, one: impl FnOnce() -> A, other: impl FnOnce() -> B) -> (A, B) {
    if run.is_multiple_of(2) {
        let first = one();
        (first, other())
    } else {
        let first = other();
        (one(), first)
    }
}
