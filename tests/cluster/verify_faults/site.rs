//! A site in which a fault can be set up, and the verbs that are tried there.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use integration_tests::cleanup::CleanupGuard;
use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::upgrade;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::succeed;
use integration_tests::cluster::stage;
use integration_tests::cluster::witness::Witness;
use integration_tests::command::Sandbox;
use integration_tests::helm::helm;
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use super::{CLAIM, SERVER, SITE};
use crate::PROGRAM;

/// `site-1` in its own namespace, prepared but not installed.
pub(super) struct Site<'run> {
    pub(super) namespace: Namespace,
    pub(super) sandbox: Sandbox,
    pub(super) kit: PathBuf,
    /// The namespace that all sites of a table share, perhaps with a server.
    pub(super) first: &'run Namespace,
    pub(super) witness: Witness,
    /// The values of the installation, ours or the reference's; `None` if nothing is to be installed.
    pub(super) settings: RefCell<Option<Vec<String>>>,
    /// What lasts as long as the site.
    held: RefCell<Vec<CleanupGuard>>,
}

impl<'run> Site<'run> {
    /// Prepares the federation's kit in another namespace.
    pub(super) fn new(first: &'run Namespace, federation: &Federation, fault: &str) -> Self {
        let (namespace, sandbox) = (first.beside(&format!("verify-{fault}")), Sandbox::new());
        let kit = sandbox.join("kit");
        Tree::read(&federation.kit(SITE)).write(&kit);
        let witness = Witness::start(&namespace);
        Self { namespace, sandbox, kit, first, witness, settings: RefCell::default(), held: RefCell::default() }
    }

    /// Takes the kit of another provisioning in place of this one's.
    pub(super) fn replace_kit(&self, another: &Federation) {
        fs::remove_dir_all(&self.kit).unwrap();
        Tree::read(&another.kit(SITE)).write(&self.kit);
    }

    /// Prepares the current kit with these requests and limits.
    pub(super) fn prepare(&self, resources: &str) -> &Self {
        self.configure(resources);
        self.prepare_as(&self.kit, &self.prepared());
        self
    }

    fn configure(&self, resources: &str) {
        let image = self.namespace.cluster.image(Release::V28);
        let text = format!(
            "runtime: k8s\nnamespace: {}\nparent:\n  docker_image: {image}\n  workspace_pvc: {CLAIM}\n  resources: {resources}\n",
            self.namespace.name
        );
        fs::write(self.sandbox.join("k8s.yaml"), text).unwrap();
    }

    fn prepare_as(&self, kit: &Path, output: &Path) {
        let mut prepare = self.sandbox.command(PROGRAM);
        prepare.arg("prepare").arg(kit).arg("--config").arg(self.sandbox.join("k8s.yaml")).arg("--output").arg(output);
        succeed(&mut prepare);
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

    /// Puts the kit of another participant of the federation onto the claim, which is made.
    pub(super) fn stage_another(&self, federation: &Federation, participant: &str) -> &Self {
        let another = self.sandbox.join("another");
        self.prepare_as(&federation.kit(participant), &another);
        stage::by_program(&self.namespace, Path::new(PROGRAM), &another);
        self
    }

    /// Puts the prepared kit onto its claim without any check of it, for the guide's reader, who makes none.
    pub(super) fn stage_unchecked(&self) -> &Self {
        stage::as_root_to(&self.namespace, CLAIM, SITE, &self.prepared());
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
        self.would_install(settings);
        let mut command = upgrade(&self.namespace, SITE, &self.prepared());
        succeed(command.args(settings.iter().flat_map(|setting| ["--set-json", setting])));
        self
    }

    /// Has the reference installed with these values, though flare-kube installs nothing.
    pub(super) fn would_install(&self, settings: &[&str]) -> &Self {
        *self.settings.borrow_mut() = Some(settings.iter().map(|setting| (*setting).to_owned()).collect());
        self
    }

    /// Undoes something only when the site ends.
    pub(super) fn hold(&self, guard: CleanupGuard) -> &Self {
        self.held.borrow_mut().push(guard);
        self
    }

    /// `install` of the prepared kit, with these flags.
    pub(super) fn installation(&self, arguments: &[&str]) -> Command {
        let mut install = self.namespace.cluster.program(PROGRAM);
        install.arg("install").arg(self.prepared()).args(["-o", "json"]).args(arguments).env("HELM", helm());
        install
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
