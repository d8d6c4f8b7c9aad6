//! A namespace for one test: made at its beginning, deleted at its end, and kept on disk where the test failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use integration_tests::workspace_folder;

use crate::cluster::{Cluster, attempt, succeed, wait};

/// A namespace that ends with its test.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// Its cluster.
    pub(crate) cluster: Cluster,
    /// Its name: that of the test and of the run.
    pub(crate) name: String,
}

impl Namespace {
    /// A namespace without any rule.
    pub(crate) fn open(test: &str) -> Self {
        Self::new(test, &[])
    }

    /// A namespace that enforces Pod Security `restricted`.
    pub(crate) fn restricted(test: &str) -> Self {
        Self::new(test, &["pod-security.kubernetes.io/enforce=restricted"])
    }

    fn new(test: &str, labels: &[&str]) -> Self {
        let cluster = Cluster::named();
        let name = format!("it-{test}-{}", std::process::id());
        succeed(cluster.kubectl().args(["create", "namespace", &name]));
        let namespace = Self { cluster, name };
        succeed(namespace.cluster.kubectl().args(["label", "namespace", &namespace.name, "flare-kube/test=true"]).args(labels));
        // A pod that is created before the ServiceAccount is refused.
        wait(
            Duration::from_secs(30),
            || "the ServiceAccount `default`".to_owned(),
            || attempt(namespace.kubectl().args(["get", "serviceaccount", "default"]), &[]).ok(),
        );
        namespace
    }

    /// kubectl in this namespace.
    pub(crate) fn kubectl(&self) -> Command {
        let mut command = self.cluster.kubectl();
        command.args(["--namespace", &self.name]);
        command
    }

    /// A Helm in this namespace.
    pub(crate) fn helm(&self, program: &Path) -> Command {
        let mut command = self.cluster.program(program);
        command.args(["--namespace", &self.name]);
        command
    }

    /// The log of a Deployment's pod, empty where there is none yet.
    pub(crate) fn log(&self, deployment: &str) -> String {
        attempt(self.kubectl().args(["logs", &format!("deployment/{deployment}")]), &[]).unwrap_or_default()
    }

    /// Waits until a client's parent that runs now has registered at the server.
    pub(crate) fn wait_for_registration(&self, site: &str) {
        let line = format!("Successfully registered client:{site}");
        wait(
            Duration::from_secs(90),
            || format!("`{line}` in\n{}", self.log(site)),
            || self.log(site).contains(&line).then_some(()),
        );
    }

    /// Keeps what explains a failure. Secrets are left out: they hold keys.
    fn keep(&self) -> PathBuf {
        let folder = workspace_folder().join("target/cluster-failures").join(&self.name);
        fs::create_dir_all(&folder).unwrap();
        let keep = |file: &str, command: &mut Command| {
            let text = attempt(command, &[]).unwrap_or_else(|said| said);
            fs::write(folder.join(file), text).unwrap();
        };
        let kinds = "deployments,replicasets,pods,services,persistentvolumeclaims,serviceaccounts,roles,rolebindings,configmaps";
        keep("objects.yaml", self.kubectl().args(["get", kinds, "--output", "yaml"]));
        keep("events.txt", self.kubectl().args(["get", "events", "--sort-by=.lastTimestamp"]));
        keep("pods.txt", self.kubectl().args(["describe", "pods"]));
        let pods = attempt(self.kubectl().args(["get", "pods", "--output", "name"]), &[]).unwrap_or_default();
        for pod in pods.lines() {
            keep(&format!("{}.log", pod.replace('/', "-")), self.kubectl().args(["logs", "--all-containers", pod]));
        }
        folder
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("kept logs, events and objects of the failed test: {}", self.keep().display());
        }
        let mut delete = self.cluster.kubectl();
        delete.args(["delete", "namespace", &self.name, "--wait=false"]);
        if let Err(said) = attempt(&mut delete, &[]) {
            eprintln!("the namespace {} is still there: {said}", self.name);
        }
    }
}
