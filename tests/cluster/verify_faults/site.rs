//! A site with a fault, and what `verify` must say about it.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use integration_tests::bench::fault_times::FaultTime;
use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::upgrade;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{succeed, wait};
use integration_tests::cluster::stage;
use integration_tests::cluster::witness::Witness;
use integration_tests::command::Sandbox;
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use super::{CLAIM, SERVER, SITE, guide};
use crate::PROGRAM;

/// A row of the table.
pub(super) struct Fault<'row> {
    what: &'row str,
    id: &'row str,
    words: &'row str,
    known: Option<(&'row str, usize)>,
    guide: Option<&'row str>,
    arguments: &'row [&'row str],
}

/// What is wrong, and the id and some words of the finding that must say so.
pub(super) const fn fault<'row>(what: &'row str, id: &'row str, words: &'row str) -> Fault<'row> {
    Fault { what, id, words, known: None, guide: None, arguments: &["--timeout", "90"] }
}

impl<'row> Fault<'row> {
    /// The words with which Kubernetes says it in an event or in the state of a container, and how often it says them until that
    /// decides.
    pub(super) const fn known(self, words: &'row str, times: usize) -> Self {
        Self { known: Some((words, times)), ..self }
    }

    /// The words of the cause in the output of one of the user guide's commands. The fault is in namespace, claim, kit or in values that
    /// the reference's chart has too.
    pub(super) const fn guide(self, words: &'row str) -> Self {
        Self { guide: Some(words), ..self }
    }

    /// Other arguments of `verify`.
    pub(super) const fn with(self, arguments: &'row [&'row str]) -> Self {
        Self { arguments, ..self }
    }
}

/// `site-1` in its own namespace, prepared but not installed.
pub(super) struct Site<'run> {
    pub(super) namespace: Namespace,
    pub(super) sandbox: Sandbox,
    pub(super) kit: PathBuf,
    first: &'run Namespace,
    witness: Witness,
    /// The values of the last installation.
    pub(super) settings: RefCell<Vec<String>>,
}

impl<'run> Site<'run> {
    /// Prepares the federation's kit in another namespace.
    pub(super) fn new(first: &'run Namespace, federation: &Federation, fault: &str) -> Self {
        let (namespace, sandbox) = (first.beside(&format!("verify-{fault}")), Sandbox::new());
        let kit = sandbox.join("kit");
        Tree::read(&federation.kit(SITE)).write(&kit);
        let witness = Witness::start(&namespace);
        Self { namespace, sandbox, kit, first, witness, settings: RefCell::default() }
    }

    /// Prepares the current kit with these requests and limits.
    pub(super) fn prepare(&self, resources: &str) -> &Self {
        let config = self.sandbox.join("k8s.yaml");
        let image = self.namespace.cluster.image(Release::V28);
        let text = format!(
            "runtime: k8s\nnamespace: {}\nparent:\n  docker_image: {image}\n  workspace_pvc: {CLAIM}\n  resources: {resources}\n",
            self.namespace.name
        );
        fs::write(&config, text).unwrap();
        let mut prepare = self.sandbox.command(PROGRAM);
        prepare.arg("prepare").arg(&self.kit).arg("--config").arg(config).arg("--output").arg(self.prepared());
        succeed(&mut prepare);
        self
    }

    /// The prepared kit.
    pub(super) fn prepared(&self) -> PathBuf {
        self.sandbox.join("prepared")
    }

    /// An empty claim.
    pub(super) fn claim(&self, access_mode: &str, class: Option<&str>) -> &Self {
        let mut spec = json!({"accessModes": [access_mode], "resources": {"requests": {"storage": "1Gi"}}});
        if let Some(class) = class {
            spec["storageClassName"] = json!(class);
        }
        self.namespace
            .apply(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}));
        self
    }

    /// Puts the prepared kit onto its claim, which is made.
    pub(super) fn stage(&self) -> &Self {
        stage::by_program(&self.namespace, Path::new(PROGRAM), &self.prepared());
        self
    }

    /// A Service in this namespace for the server in the first one.
    pub(super) fn call_server(&self, name: &str) -> &Self {
        let external = format!("{SERVER}.{}.svc.cluster.local", self.first.name);
        let spec = json!({"type": "ExternalName", "externalName": external});
        self.namespace.apply(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}));
        self
    }

    /// Installs by Helm alone, without waiting.
    pub(super) fn install(&self, settings: &[&str]) -> &Self {
        *self.settings.borrow_mut() = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut command = upgrade(&self.namespace, SITE, &self.prepared());
        succeed(command.args(settings.iter().flat_map(|setting| ["--set-json", setting])));
        self
    }

    /// `verify` must report the fault.
    pub(super) fn expect(&self, fault: &Fault<'_>) {
        let began = Instant::now();
        let mut verify = self.namespace.cluster.program(PROGRAM);
        verify.arg("verify").arg(self.prepared()).args(["-o", "json", "--stable", "3"]).args(fault.arguments);
        let document = failed(&mut verify, 1);
        self.named(fault, "verify", began, &document);
        if let Some(words) = fault.guide {
            guide::try_by(self, fault.what, words);
        }
    }

    /// The findings of a verb must contain the fault. Records the time since the verb began and since Kubernetes knew the fault.
    pub(super) fn named(&self, fault: &Fault<'_>, verb: &str, began: Instant, document: &Value) {
        let (end, Fault { id, words, .. }) = (Instant::now(), fault);
        let findings = document["data"]["findings"].as_array().expect("findings");
        let said = |finding: &&Value| finding["message"].as_str().is_some_and(|message| message.contains(words));
        let found = findings.iter().find(|finding| finding["id"] == *id && finding["severity"] == "error" && said(finding));
        let found = found.unwrap_or_else(|| panic!("no error {id} with `{words}` in {findings:#?}"));
        assert!(found["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{found:#}");
        let known = fault.known.map(|(words, time)| {
            // The verb may have been faster than Kubernetes, which then says it later, or than the watch.
            let heard = || self.witness.heard(words, time);
            wait(Duration::from_mins(1), || format!("Kubernetes to say `{words}` {time} times"), heard)
        });
        let after_known = known.map(|known| end.duration_since(known.max(began)).as_secs_f64());
        let text = |text: &str| text.to_owned();
        FaultTime {
            fault: text(fault.what),
            verb: text(verb),
            id: text(id),
            words: text(words),
            seconds: end.duration_since(began).as_secs_f64(),
            after_known,
        }
        .record();
    }

    /// Runs kubectl in the site's namespace.
    pub(super) fn kubectl(&self, arguments: &[&str]) {
        succeed(self.namespace.kubectl().args(arguments));
    }
}

/// The envelope of a verb that ended with this status because of a fault.
pub(super) fn failed(verb: &mut Command, status: i32) -> Value {
    let output = verb.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("PRIVATE KEY") && !said.contains("Token:  "), "{said}");
    serde_json::from_str(&said).expect("an envelope")
}
