//! A federation in its own namespace, from the startup kits to jobs and restarts, with the reference or with flare-kube.

use std::path::{Path, PathBuf};
use std::time::Instant;

use flare_testbed::audit::Log;
use integration_tests::cluster::Cluster;
use integration_tests::cluster::admin::Admin;
use integration_tests::cluster::federation::{Federation, PARTICIPANTS};
use integration_tests::cluster::install::upgrade;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{measured, succeed};
use integration_tests::cluster::{guide, stage};
use integration_tests::helm::helm;
use integration_tests::reference::Release;

use crate::figures::Figures;
use crate::requests::{Requests, of_parents};

/// Whose charts are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    /// `nvflare deploy prepare`.
    Reference,
    /// `flare-kube prepare`.
    Ours,
}

/// What is measured, and with which programs.
pub(crate) struct Scene<'a> {
    pub(crate) cluster: &'a Cluster,
    /// The path of flare-kube.
    pub(crate) program: &'a Path,
    pub(crate) audit_log: &'a Path,
    pub(crate) release: Release,
    pub(crate) party: Party,
}

const SERVER: &str = "nvflare-server";
const SITE: &str = "site-1";

impl Scene<'_> {
    /// Measures everything, from the kits to the end of the parents.
    pub(crate) fn measure(&self, runs: usize, figures: &mut Figures) {
        let name = if self.party == Party::Reference { "reference" } else { "ours" };
        let test = format!("{name}-{}", self.release.target().replace('.', "-"));
        let namespace = Namespace::alone_in(self.cluster.clone(), &test);
        let federation = Federation::provision(self.release);
        let prepared = self.prepare(&namespace, &federation, runs, figures);
        self.stage(&namespace, &prepared, runs, figures);
        for name in PARTICIPANTS {
            self.install(&namespace, name, &prepared(name), figures);
        }
        for _ in 1..runs {
            uninstall(&namespace, SITE);
            self.install(&namespace, SITE, &prepared(SITE), figures);
        }
        self.jobs(&namespace, &federation, runs, figures);
        // The reference's parent always takes its whole grace period, on any machine.
        for _ in 0..if self.party == Party::Reference { 1 } else { runs } {
            for name in [SITE, SERVER] {
                self.restart(&namespace, name, figures);
            }
        }
    }

    /// The label of the figures, such as `2.8.3, the reference's chart`.
    fn label(&self) -> String {
        let chart = if self.party == Party::Reference { "reference's chart" } else { "our chart" };
        format!("{chart}, nvflare {}", self.release.version())
    }

    /// Prepares every participant; returns the path of each prepared kit.
    fn prepare(
        &self,
        namespace: &Namespace,
        federation: &Federation,
        runs: usize,
        figures: &mut Figures,
    ) -> impl Fn(&str) -> PathBuf + use<> {
        let directory = match self.party {
            Party::Ours => {
                let (time, directory) = measured(|| federation.prepare(namespace, self.program));
                figures.add("our `prepare --federation`, three kits", "", time);
                directory
            }
            Party::Reference => {
                let what = format!("`nvflare deploy prepare` of one kit, {}", self.release.version());
                let mut directory = PathBuf::new();
                for name in PARTICIPANTS.into_iter().cycle().take(runs.max(PARTICIPANTS.len())) {
                    let (time, output) = measured(|| federation.prepare_by_reference(namespace, name));
                    figures.add(&what, "", time);
                    output.parent().expect("a kit lies in a directory").clone_into(&mut directory);
                }
                directory
            }
        };
        move |name| directory.join(name)
    }

    /// Stages all: by the guide, `runs` times, for the first release of the reference, otherwise quickly.
    fn stage(&self, namespace: &Namespace, prepared: &impl Fn(&str) -> PathBuf, runs: usize, figures: &mut Figures) {
        let by_the_guide = self.party == Party::Reference && self.release == Release::V28;
        for index in 0..PARTICIPANTS.len().max(if by_the_guide { runs } else { 0 }) {
            let name = PARTICIPANTS[index % PARTICIPANTS.len()];
            if by_the_guide && index < runs {
                let (time, steps) = measured(|| guide::stage(namespace, name, &prepared(name)));
                figures.add("staging of one participant by the guide's commands", "sum of the four rows below", time);
                for (step, time) in steps {
                    figures.add(&format!("staging: {step}"), "", time);
                }
            } else {
                stage::as_root(namespace, name, &prepared(name));
            }
        }
    }

    /// Installs and waits as the guide does; for a site also until it is registered.
    fn install(&self, namespace: &Namespace, name: &str, prepared: &Path, figures: &mut Figures) {
        let label = self.label();
        let began = Instant::now();
        let (time, _) = measured(|| succeed(&mut upgrade(namespace, name, prepared)));
        figures.add(&format!("`helm upgrade --install`, {label}"), "", time);
        let (time, ()) = measured(|| namespace.wait_for_rollout(name));
        let note = if self.party == Party::Reference { "until the container runs" } else { "until the parent listens" };
        figures.add(&format!("`kubectl rollout status` after it, {label}"), note, time);
        if name == SERVER {
            // So that the time of a site does not include waiting for a server that has just started.
            namespace.wait_for_line(name, "Server started", std::time::Duration::from_mins(2));
        } else {
            namespace.wait_for_registration(name);
            let note = "by the site's log, with a server that runs";
            figures.add(&format!("from `helm upgrade` to registered, {label}"), note, began.elapsed());
        }
    }

    fn jobs(&self, namespace: &Namespace, federation: &Federation, runs: usize, figures: &mut Figures) {
        let admin = Admin::start(namespace, federation);
        let mut requests = Requests::of(self.release);
        let log = Log::open(self.audit_log).unwrap_or_else(|faults| panic!("{}", faults.first()));
        for _ in 0..runs {
            let before = of_parents(namespace, &log).len();
            let ended = admin.run_hello();
            assert_eq!(ended.status, "FINISHED:COMPLETED");
            requests.add_job(&of_parents(namespace, &log), before, ended.time);
            let note = "two rounds, two sites";
            figures.add(&format!("job `hello` to `FINISHED:COMPLETED`, {}", self.label()), note, ended.time);
        }
        // flare-kube's charts run the same launcher.
        if self.party == Party::Reference {
            figures.add_requests(requests);
        }
    }

    fn restart(&self, namespace: &Namespace, name: &str, figures: &mut Figures) {
        let role = if name == SERVER { "server" } else { "site" };
        let label = self.label();
        let pod = namespace.parent(name);
        let began = Instant::now();
        let (time, _) = measured(|| succeed(namespace.kubectl().args(["delete", "pod", &pod])));
        figures.add(&format!("`kubectl delete pod` of the {role}'s parent, {label}"), "until the pod is gone", time);
        namespace.wait_for_rollout(name);
        figures.add(&format!("the {role}'s parent ready again, {label}"), "from `kubectl delete pod`", began.elapsed());
    }
}

/// Uninstalls a participant, without its grace period.
fn uninstall(namespace: &Namespace, name: &str) {
    let pod = namespace.parent(name);
    succeed(namespace.helm(&helm()).args(["uninstall", name]));
    succeed(namespace.kubectl().args(["delete", "pod", &pod, "--grace-period=1", "--ignore-not-found"]));
}
