//! A namespace for one test: created at its beginning and deleted at its end; if the test fails, its objects are saved to disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Cluster;
use super::cluster_lock::ClusterLock;
use super::run::{attempt, succeed, succeed_json, succeed_with, wait};
use crate::cleanup::{self, CleanupGuard};
use crate::workspace_directory;

/// The label of every namespace of tests.
const MARK: &str = "flare-kube/test";
/// The label with the run that created an object.
pub(super) const RUN: &str = "flare-kube/run";
/// The age in seconds from which a namespace counts as a leftover if its run was on another machine and cannot be checked.
const OLD: i64 = 2 * 60 * 60;

/// A namespace that is deleted at the end of its test.
#[derive(Debug)]
pub struct Namespace {
    /// Its cluster.
    pub cluster: Cluster,
    /// Its name, from the names of the test and the run.
    pub name: String,
    // In this order: the lock is released after the namespace was deleted.
    _end: CleanupGuard,
    lock: Arc<ClusterLock>,
}

impl Namespace {
    /// A namespace without restrictions.
    pub fn open(test: &str) -> Self {
        Self::new(Cluster::named(), ClusterLock::shared(), test, &[])
    }

    /// A namespace that enforces Pod Security `restricted`.
    pub fn restricted(test: &str) -> Self {
        Self::new(Cluster::named(), ClusterLock::shared(), test, &["pod-security.kubernetes.io/enforce=restricted"])
    }

    /// A namespace of a test that changes the node: no other test uses its cluster meanwhile. That is the second cluster, if there is one.
    pub fn exclusive(test: &str) -> Self {
        is_in_the_group_of_exclusive_tests();
        match Cluster::second() {
            Some(cluster) => Self::on_a_quiet_node(cluster, ClusterLock::second(), test),
            None => Self::alone_in(Cluster::named(), test),
        }
    }

    /// A namespace of a test that measures times: no other test has one meanwhile.
    pub fn measuring(test: &str) -> Self {
        is_in_the_group_of_exclusive_tests();
        Self::alone_in(Cluster::named(), test)
    }

    /// Like [`Self::measuring`], in a given cluster, for benches.
    pub fn alone_in(cluster: Cluster, test: &str) -> Self {
        Self::on_a_quiet_node(cluster, ClusterLock::machine(), test)
    }

    fn on_a_quiet_node(cluster: Cluster, lock: ClusterLock, test: &str) -> Self {
        // Namespaces that other tests deleted may still be terminating.
        let path = r#"jsonpath={.items[?(@.status.phase=="Terminating")].metadata.name}"#;
        let ending = || attempt(cluster.kubectl().args(["get", "namespaces", "--output", path, "--selector", MARK]), &[]);
        let gone = || ending().is_ok_and(|names| names.is_empty()).then_some(());
        wait(Duration::from_mins(2), || format!("the end of other tests' namespaces: {:?}", ending()), gone);
        Self::new(cluster, lock, test, &[])
    }

    /// A namespace with an active quota of `hard` limits, such as `{"pods": "1"}`.
    pub fn with_quota(test: &str, hard: &Value) -> Self {
        let namespace = Self::open(test);
        let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": hard}});
        namespace.apply(&quota);
        let status =
            || succeed_json(namespace.kubectl().args(["get", "resourcequota", "quota", "--output", "json"]))["status"].take();
        let counted = || (status()["hard"] == *hard && status()["used"].is_object()).then_some(());
        wait(Duration::from_secs(30), || format!("the quota to be counted: {}", status()), counted);
        namespace
    }

    fn new(cluster: Cluster, lock: ClusterLock, test: &str, labels: &[&str]) -> Self {
        Self::with_lock(cluster, Arc::new(lock), name_of(test), labels)
    }

    /// A further namespace under the lock of this one.
    #[must_use]
    pub fn beside(&self, test: &str) -> Self {
        Self::with_lock(self.cluster.clone(), Arc::clone(&self.lock), name_of(test), &[])
    }

    /// A further namespace with a fixed name, which an addon of a cluster would have.
    #[must_use]
    pub fn beside_named(&self, name: &str) -> Self {
        Self::with_lock(self.cluster.clone(), Arc::clone(&self.lock), name.to_owned(), &[])
    }

    fn with_lock(cluster: Cluster, lock: Arc<ClusterLock>, name: String, labels: &[&str]) -> Self {
        let ended = (cluster.clone(), name.clone());
        let end = CleanupGuard::plan(move || delete(&ended.0, &ended.1));
        let mut marks = json!({MARK: "true", RUN: cleanup::run_id()});
        for label in labels {
            let (key, value) = label.split_once('=').expect("a label has a value");
            marks[key] = json!(value);
        }
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}});
        succeed_with(cluster.kubectl().args(["create", "--filename", "-"]), object.to_string().as_bytes());
        let namespace = Self { cluster, name, _end: end, lock };
        // A pod is refused before the ServiceAccount exists. After a test without API server its controller pauses for up to half a minute.
        succeed(namespace.kubectl().args(["wait", "--for=create", "serviceaccount/default", "--timeout=120s"]));
        namespace
    }

    /// Whether no other test uses the cluster meanwhile.
    pub fn is_exclusive(&self) -> bool {
        self.lock.exclusive
    }

    /// kubectl in this namespace.
    pub fn kubectl(&self) -> Command {
        let mut command = self.cluster.kubectl();
        command.args(["--namespace", &self.name]);
        command
    }

    /// A Helm in this namespace.
    pub fn helm(&self, program: &Path) -> Command {
        let mut command = self.cluster.program(program);
        command.args(["--namespace", &self.name]);
        command
    }

    /// Applies an object, or a `List`.
    pub fn apply(&self, object: &Value) {
        succeed_with(self.kubectl().args(["apply", "--filename", "-"]), object.to_string().as_bytes());
    }

    /// The current state of a pod.
    pub fn pod(&self, name: &str) -> Value {
        succeed_json(self.kubectl().args(["get", "pod", name, "--output", "json"]))
    }

    /// Saves what explains a failure, and returns its directory. Secrets are left out, because they contain keys.
    pub fn keep(&self) -> PathBuf {
        let directory = workspace_directory().join("target/cluster-failures").join(&self.name);
        fs::create_dir_all(&directory).unwrap();
        let keep = |file: &str, command: &mut Command| {
            let text = attempt(command, &[]).unwrap_or_else(|said| said);
            fs::write(directory.join(file), text).unwrap();
        };
        let kinds = "deployments,replicasets,pods,services,endpointslices,persistentvolumeclaims,resourcequotas,serviceaccounts,\
                     roles,rolebindings,networkpolicies,configmaps";
        keep("objects.yaml", self.kubectl().args(["get", kinds, "--output", "yaml"]));
        keep("events.txt", self.kubectl().args(["get", "events", "--sort-by=.lastTimestamp"]));
        keep("pods.txt", self.kubectl().args(["describe", "pods"]));
        keep("nodes.txt", self.cluster.kubectl().args(["describe", "nodes"]));
        let pods = attempt(self.kubectl().args(["get", "pods", "--output", "json"]), &[]).unwrap_or_default();
        let pods: Value = serde_json::from_str(&pods).unwrap_or_default();
        for pod in pods["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let name = pod["metadata"]["name"].as_str().expect("a pod has a name");
            let states =
                ["initContainerStatuses", "containerStatuses"].map(|key| pod["status"][key].as_array().into_iter().flatten());
            for state in states.into_iter().flatten() {
                let container = state["name"].as_str().expect("a container has a name");
                let logs = || {
                    let mut logs = self.kubectl();
                    logs.args(["logs", name, "--container", container]);
                    logs
                };
                keep(&format!("{name}.{container}.log"), &mut logs());
                if state["restartCount"].as_u64().is_some_and(|count| count > 0) {
                    keep(&format!("{name}.{container}.previous.log"), logs().arg("--previous"));
                }
            }
        }
        directory
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A second panic would abort the process before anything is deleted.
        if std::thread::panicking() {
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.keep())) {
                Ok(directory) => eprintln!("kept logs, events and objects of the failed test: {}", directory.display()),
                Err(_) => eprintln!("what explains the failure of {} could not be kept", self.name),
            }
        }
    }
}

/// Those tests come first, one after another.
fn is_in_the_group_of_exclusive_tests() {
    if std::env::var_os("NEXTEST").is_some() {
        let group = std::env::var("NEXTEST_TEST_GROUP");
        assert_eq!(group.as_deref(), Ok("exclusive"), "name this test in .config/nextest.toml, which runs it before the others");
    }
}

fn name_of(test: &str) -> String {
    format!("it-{test}-{}", std::process::id())
}

/// Deletes a namespace without waiting; its pods get one second instead of their grace period.
fn delete(cluster: &Cluster, name: &str) {
    let arguments: [&[&str]; 2] = [
        &["delete", "namespace", name, "--wait=false", "--ignore-not-found"],
        &["delete", "pods", "--all", "--namespace", name, "--grace-period=1", "--wait=false"],
    ];
    for arguments in arguments {
        let output = cluster.kubectl().args(arguments).stdin(Stdio::null()).output();
        let failed = output.as_ref().map_or(true, |output| !output.status.success());
        if failed {
            let said = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
            eprintln!("the namespace {name} may still be there: kubectl {}: {said:?}", arguments.join(" "));
        }
    }
}

/// Waits until no namespace of this run is left.
pub fn wait_for_the_end_of_ours(cluster: &Cluster) {
    let selector = format!("{RUN}={}", cleanup::run_id());
    let left = || attempt(cluster.kubectl().args(["get", "namespaces", "--output", "name", "--selector", &selector]), &[]);
    let gone = || left().is_ok_and(|names| names.is_empty()).then_some(());
    wait(Duration::from_mins(2), || format!("the end of our own namespaces: {:?}", left()), gone);
}

/// Deletes the namespaces of runs that were killed.
pub(super) fn sweep(cluster: &Cluster) {
    let found = attempt(cluster.kubectl().args(["get", "namespaces", "--output", "json", "--selector", MARK]), &[]);
    let found: Value = serde_json::from_str(&found.unwrap_or_else(|said| panic!("the cluster cannot be used: {said}"))).unwrap();
    for namespace in found["items"].as_array().into_iter().flatten() {
        let metadata = &namespace["metadata"];
        let name = metadata["name"].as_str().expect("a namespace has a name");
        if metadata["deletionTimestamp"].is_null() && is_leftover(metadata, jiff::Timestamp::now()) {
            eprintln!("deleting {name}, which a killed run left");
            delete(cluster, name);
        }
    }
}

fn is_leftover(metadata: &Value, now: jiff::Timestamp) -> bool {
    cleanup::is_gone(metadata["labels"][RUN].as_str().unwrap_or_default()).unwrap_or_else(|| {
        let created = metadata["creationTimestamp"].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        created.is_some_and(|created| now.as_second() - created.as_second() > OLD)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{OLD, RUN, is_leftover};
    use crate::cleanup::run_id;

    #[test]
    fn leftovers_are_of_runs_that_are_gone_or_of_strangers_and_old() {
        let now: jiff::Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let leftover = |run: &str, age: i64| {
            let created = jiff::Timestamp::from_second(now.as_second() - age).unwrap().to_string();
            is_leftover(&json!({"creationTimestamp": created, "labels": {RUN: run}}), now)
        };
        let living = run_id();
        let (before_start, _) = living.rsplit_once('-').unwrap();
        assert!(!leftover(&living, 5) && !leftover(&living, OLD + 1));
        assert!(leftover(&format!("{before_start}-1"), 5));
        assert!(!leftover("other-machine", OLD) && leftover("other-machine", OLD + 1));
    }
}
