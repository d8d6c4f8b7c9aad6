//! One launcher with its jobs in a namespace of its own, by its own ServiceAccount, which the audit log names.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use flare_testbed::audit::{Filter, Log};
use integration_tests::bench::account::Account;
use integration_tests::cluster::Cluster;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use serde_json::{Value, json};

use crate::figures::{Measured, Party, Place};
use crate::program::{Program, now};

/// Seconds between the ends of two jobs.
const STEP: f64 = 0.1;
/// The longest wait for everything that must happen.
const LIMIT: Duration = Duration::from_mins(10);
/// How long a launcher may take to see the last end.
const LATEST: Duration = Duration::from_mins(3);

/// What is measured.
pub(crate) struct Scene<'bench> {
    pub(crate) cluster: &'bench Cluster,
    pub(crate) log: &'bench Log,
    pub(crate) party: Party,
    pub(crate) place: Place,
    pub(crate) jobs: u32,
    pub(crate) window: Duration,
}

impl Scene<'_> {
    /// Runs all jobs to their ends. The window begins when all of them run.
    pub(crate) fn measure(&self) -> Measured {
        eprintln!("{} jobs, {:?}, {:?}", self.jobs, self.party, self.place);
        // Names of their own, because the audit log still has the requests of the namespaces before.
        let name = format!("bench-launch-{:?}-{:?}", self.party, self.place).to_lowercase();
        let namespace = Namespace::alone_in(self.cluster.clone(), &name);
        let directory = tempfile::tempdir().unwrap();
        let account = Account::new(&namespace, "launcher", "edit", directory.path());
        let start = 60.0 + f64::from(self.jobs);
        let settings = json!({"kubeconfig": account.kubeconfig, "namespace": namespace.name, "jobs": self.jobs,
            "image": self.cluster.image(Release::V28), "python": "/usr/local/bin/python3", "pending_timeout": 900,
            "scheduler": (self.place == Place::WithoutKubelet).then_some("flare-kube-bench"), "step": STEP,
            "end": now() + start + self.window.as_secs_f64()});
        let witness = self.witness(&namespace);
        let launcher = self.launcher(&settings, &witness);
        launcher.wait_for(&["ready"], 1, LIMIT);
        let before = launcher.memory();
        launcher.send("go");
        let limit = if self.place == Place::Node { Duration::from_secs_f64(start) } else { LIMIT };
        // A launcher may lose jobs. That is a figure, not a reason to measure nothing.
        launcher.wait_for(&["running", "lost"], self.jobs, limit);
        let from = jiff::Timestamp::now();
        thread::sleep(self.window);
        let until = jiff::Timestamp::now();
        let grown = (launcher.memory() - before).max(0.0);
        if self.place == Place::WithoutKubelet {
            end_all(&launcher, &witness);
        }
        witness.wait_for(&["Succeeded", "Failed"], launcher.count(&["created"]), LIMIT);
        let seen_all = launcher.tells(&["ended", "lost"], self.jobs, LATEST);
        eprintln!("every end was seen: {}", seen_all && launcher.count(&["lost"]) == 0);
        Measured {
            party: self.party,
            place: self.place,
            jobs: self.jobs,
            lost: launcher.count(&["lost"]),
            window: self.window,
            polled: self.requests(&namespace, &account.user, Some([from, until])),
            all: self.requests(&namespace, &account.user, None),
            memory: grown / f64::from(self.jobs),
            reactions: reactions(&witness, &launcher, until.as_duration().as_secs_f64()),
        }
    }

    /// Who knows first that a pod has ended: the one who patches it, or else a plain watch.
    fn witness(&self, namespace: &Namespace) -> Arc<Program> {
        let program = if self.place == Place::WithoutKubelet { "kubelet.py" } else { "witness.py" };
        let mut witness = Command::new(Release::V28.python());
        Program::start(witness.arg(script(program)).arg(self.cluster.kubeconfig()).arg(&namespace.name), |_| {})
    }

    fn launcher(&self, settings: &Value, witness: &Arc<Program>) -> Arc<Program> {
        let mut command = match self.party {
            Party::Ours => Command::new(std::env::current_exe().unwrap()),
            Party::Reference => Command::new(Release::V28.python()),
        };
        match self.party {
            Party::Ours => command.arg("worker"),
            Party::Reference => command.arg(script("reference.py")),
        };
        let kubelet = (self.place == Place::WithoutKubelet).then(|| Arc::clone(witness));
        Program::start(command.arg(settings.to_string()), move |told| {
            if let Some(kubelet) = kubelet.as_ref().filter(|_| told.word == "created") {
                kubelet.send(&format!("Running {} {}", told.pod, told.rest));
            }
        })
    }

    /// The launcher's requests by verb and resource: of a window those beyond creates and deletes, otherwise all.
    fn requests(&self, namespace: &Namespace, user: &str, window: Option<[jiff::Timestamp; 2]>) -> BTreeMap<String, u32> {
        let [from, until] = window.map_or([None, None], |times| times.map(|time| Some(format!("{time:.6}"))));
        let filter = Filter {
            user: Some(user),
            namespace: Some(&namespace.name),
            from: from.as_deref(),
            until: until.as_deref(),
            ..Filter::default()
        };
        let mut counts = BTreeMap::new();
        for request in self.log.requests(&filter).unwrap_or_else(|faults| panic!("{}", faults.first())) {
            if window.is_none() || !["create", "delete"].contains(&request.verb.as_str()) {
                let resource = request.resource.as_deref().unwrap_or("no object");
                *counts.entry(format!("{} {resource}", request.verb)).or_default() += 1;
            }
        }
        assert!(
            window.is_some() || !counts.is_empty(),
            "the audit log has no request of the launcher: is it that of this cluster?"
        );
        counts
    }
}

fn script(name: &str) -> std::path::PathBuf {
    workspace_directory().join("tests/bench/launch").join(name)
}

/// Ends one job after the other, well and badly in turn.
fn end_all(launcher: &Program, kubelet: &Program) {
    for (number, told) in launcher.lines("created").iter().enumerate() {
        let phase = if number % 2 == 0 { "Succeeded" } else { "Failed" };
        kubelet.send(&format!("{phase} {} {}", told.pod, told.rest));
        thread::sleep(Duration::from_secs_f64(STEP / 2.0));
    }
}

/// Seconds from a pod's end to the launcher's word about it, sorted; infinite for an end that it never saw.
///
/// Until the window is over no pod ends, so what a launcher told before that was not an end that it saw.
fn reactions(witness: &Program, launcher: &Program, window_end: f64) -> Vec<f64> {
    let mut seen = launcher.times(&["ended"]);
    seen.retain(|_, seen| *seen > window_end);
    let ends = witness.times(&["Succeeded", "Failed"]);
    let mut reactions: Vec<_> =
        ends.iter().map(|(pod, end)| seen.get(pod).map_or(f64::INFINITY, |seen| (seen - end).max(0.0))).collect();
    reactions.sort_by(f64::total_cmp);
    reactions
}
