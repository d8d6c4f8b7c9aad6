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

    /// Measures everything, each step `runs` times, in alternating order.
    pub(crate) fn measure(&self, runs: usize, figures: &mut Figures) {
        let plain = self.prepare("plain", None);
        let copies = CopyPod::start(&self.namespace);
        // The first pod waits until the node has pulled the image.
        self.stage(&plain, &["--create-pvc"]);
        self.delete_claim();
        for run in 0..runs {
            self.participant(run, &plain, &copies, figures);
        }
        self.stage(&plain, &["--create-pvc"]);
        for load in [SMALL, LARGE] {
            let kit = self.prepare(load.shown, Some(load));
            for run in 0..runs {
                self.transfer(run, load, [&plain, &kit], &copies, figures);
            }
        }
        let kit = self.prepare(HUGE.shown, Some(HUGE));
        figures.add_memory(HUGE, self.stage_alone(&kit, &copies));
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
    fn transfer(&self, run: usize, load: Load, [plain, kit]: [&Path; 2], copies: &CopyPod<'_>, figures: &mut Figures) {
        let copy = || -> Duration {
            copies.settle();
            copies.copy(&loaded(kit), load)
        };
        let ours = || in_turn(run / 2, || self.stage_alone(kit, copies), || self.stage_alone(plain, copies));
        let (copy, (ours, without)) = in_turn(run, copy, ours);
        figures.add_transfer(load, copy, ours, without);
    }

    /// Stages onto the existing claim, without a kit on it.
    fn stage_alone(&self, kit: &Path, copies: &CopyPod<'_>) -> Cost {
        succeed(self.namespace.cluster.program(&self.program).arg("unstage").arg(kit).arg("--remove-kit"));
        copies.settle();
        self.stage(kit, &[])
    }

    /// Stages a kit that is not on the volume yet.
    fn stage(&self, kit: &Path, flags: &[&str]) -> Cost {
        staged(self.staging(kit, flags), true)
    }

    fn staging(&self, kit: &Path, flags: &[&str]) -> Command {
        let mut command = self.namespace.cluster.program(&self.program);
        command.arg("stage").arg(kit).args(["--timeout", "600", "-o", "json"]).args(flags);
        command
    }

    /// A prepared kit with a load in its `local/`, where a site may add files.
    fn prepare(&self, name: &str, load: Option<Load>) -> PathBuf {
        let config = self.sandbox.join("k8s.yaml");
        let (namespace, image) = (&self.namespace.name, self.namespace.cluster.image(Release::V28));
        let (claim, kit) = (Federation::claim(SITE), workspace_directory().join("fixtures/kits/one-port-2.8.3").join(SITE));
        let text = format!("runtime: k8s\nnamespace: {namespace}\nparent: {{docker_image: {image:?}, workspace_pvc: {claim}}}\n");
        fs::write(&config, text).unwrap();
        let output = self.sandbox.join(name);
        let mut prepare = self.sandbox.command(&self.program);
        succeed(prepare.arg("prepare").arg(kit).arg("--config").arg(config).arg("--output").arg(&output));
        if let Some(load) = load {
            load.make(&loaded(&output));
        }
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

/// The path of a kit's load.
fn loaded(kit: &Path) -> PathBuf {
    kit.join("local/load")
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
