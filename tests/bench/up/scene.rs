//! A federation in a namespace of its own, brought up, brought up again and taken down by one account, which the audit log names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flare_testbed::audit::{Filter, Log};
use integration_tests::bench;
use integration_tests::bench::account::Account;
use integration_tests::bench::cost::Cost;
use integration_tests::cluster::Cluster;
use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::helm::helm;
use integration_tests::reference::Release;
use serde_json::Value;

use crate::figures::{Measured, Run};

/// The requests of a parent in `describe`, and those with which many parents find room on a small node. They run within their requests
/// for memory; a parent at rest takes next to no processor time.
const RESOURCES: [&str; 2] = ["cpu: 50m, memory: 256Mi", "cpu: 10m, memory: 192Mi"];

/// The kits of the largest federation; smaller ones take some of its sites.
pub(crate) struct Scene<'bench> {
    cluster: &'bench Cluster,
    log: &'bench Log,
    federation: Federation,
    program: PathBuf,
    parallel: usize,
}

impl<'bench> Scene<'bench> {
    pub(crate) fn open(cluster: &'bench Cluster, log: &'bench Log, sites: usize, parallel: usize) -> Self {
        eprintln!("provisioning a server and {sites} sites");
        let federation = Federation::with_sites(Release::V28, sites);
        Self { cluster, log, federation, program: bench::program(), parallel }
    }

    /// From startup kits to registered sites, again with nothing to change, and down.
    pub(crate) fn measure(&self, sites: usize) -> Measured {
        eprintln!("{sites} sites");
        // Names of their own, because the audit log still has the requests of the namespaces before.
        let namespace = Namespace::alone_in(self.cluster.clone(), &format!("bench-up-{sites}"));
        let directory = tempfile::tempdir().unwrap();
        let account = Account::new(&namespace, "operator", "cluster-admin", directory.path());
        let participants = &self.federation.participants[..=sites];
        let file = self.federation.describe_some(&namespace, participants);
        let [of_tests, small] = RESOURCES;
        for name in participants {
            self.federation.edit(name, of_tests, small);
        }
        let prepared = directory.path().join("prepared");
        let verb = |verb: &str| {
            let mut command = Command::new(&self.program);
            command.env("KUBECONFIG", &account.kubeconfig).arg(verb).arg("--federation").arg(&file);
            command.arg("--prepared").arg(&prepared).arg("--helm").arg(helm()).args(["--timeout", "900", "-o", "json"]);
            command
        };
        let parallel = self.parallel.to_string();
        let up = || {
            let mut up = verb("up");
            up.args(["--create-pvc", "1Gi", "--parallel", &parallel]);
            up
        };
        Measured {
            sites,
            first: self.run(&account, &mut up(), |state| state != "unchanged"),
            again: self.run(&account, &mut up(), |state| state == "unchanged"),
            down: self.run(&account, &mut verb("down"), |_| true),
        }
    }

    /// Runs a verb that must succeed, with an expected state of each participant's `install` step.
    fn run(&self, account: &Account, command: &mut Command, is_expected: impl Fn(&str) -> bool) -> Run {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let from = now();
        let (cost, output) = Cost::of(command);
        let until = now();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{command:?}\n{said}{}", String::from_utf8_lossy(&output.stderr));
        let envelope: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON: {error}\n{said}"));
        for participant in envelope["data"]["participants"].as_array().expect("participants") {
            let state = participant["steps"]["install"].as_str().unwrap_or_default();
            assert!(participant["ok"] == true && is_expected(state), "{participant:#}");
        }
        let run = Run { cost, requests: self.requests(account, &from, &until) };
        eprintln!("{}: {:.1} s, {} requests", program_verb(command), run.seconds(), run.total());
        run
    }

    /// The account's requests by resource: those of flare-kube and of the Helms that it starts.
    fn requests(&self, account: &Account, from: &str, until: &str) -> BTreeMap<String, u32> {
        let filter = Filter { user: Some(&account.user), from: Some(from), until: Some(until), ..Filter::default() };
        let mut counts = BTreeMap::new();
        for request in self.log.requests(&filter).unwrap_or_else(|faults| panic!("{}", faults.first())) {
            let program = if request.user_agent.starts_with("Helm/") { "Helm" } else { "flare-kube" };
            let resource = request.resource.as_deref().unwrap_or("no object");
            *counts.entry(format!("{program} {} {resource}", request.verb)).or_default() += 1;
        }
        assert!(!counts.is_empty(), "the audit log has no request of the run: is it that of this cluster?");
        counts
    }
}

/// The time in the form of the audit log.
fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

fn program_verb(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    format!("{program} {}", command.get_args().next().unwrap_or_default().to_string_lossy())
}
