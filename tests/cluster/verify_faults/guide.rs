//! The same fault with the reference's chart, its printed command and the user guide's section "Verify The Deployment".

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::bench::guide_times::{FILE, Tried};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{hear, measured, succeed};
use integration_tests::helm::helm;
use integration_tests::reference::Release;

use super::fault::Fault;
use super::site::Site;
use super::{SERVER, SITE};

/// In place of the guide's 300 s.
const TIMEOUT: &str = "--timeout=60s";

/// How long the reader looks again, since a cause may show itself later.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the reader pauses between two looks at everything.
const PAUSE: Duration = Duration::from_secs(1);

/// The guide's commands for a look at the site.
const LOOKS: [&str; 4] = [
    "get pods,svc,pvc",
    "logs deploy/site-1 --tail=200",
    "describe pod -l app.kubernetes.io/instance=site-1",
    "get events --sort-by=.lastTimestamp",
];

/// Its look at the server.
const LOOK_AT_SERVER: &str = "logs deploy/nvflare-server --tail=200";

/// The file for what the reference and the guide say, if they are tried.
pub(super) fn times() -> Option<PathBuf> {
    std::env::var_os(FILE).map(PathBuf::from)
}

/// Installs the reference's chart in place of ours, with the same values, and looks where the cause is to be seen. What was read is kept
/// beside the file of the times.
pub(super) fn try_by(site: &Site<'_>, fault: &Fault<'_>, times: &Path) -> Tried {
    Reader { site, fault, read: String::new() }.follow(times)
}

/// Somebody who follows the guide.
struct Reader<'run> {
    site: &'run Site<'run>,
    fault: &'run Fault<'run>,
    /// All that the last look at everything said.
    read: String,
}

impl<'run> Reader<'run> {
    fn follow(mut self, times: &Path) -> Tried {
        self.remove_ours();
        let since = jiff::Timestamp::now();
        let settings = self.site.settings.borrow().clone();
        let helm = settings.map(|settings| {
            let mut upgrade = self.upgrade(&settings);
            let (time, (deployed, said)) = measured(|| hear(&mut upgrade));
            (deployed, time.as_secs_f64(), self.shows("helm upgrade --install", &said))
        });
        let _end = if let Some(done) = self.fault.done_by_reference {
            done(self.site)
        } else {
            (self.fault.done)(self.site);
            None
        };
        let began = Instant::now();
        let mut status = self.site.namespace.kubectl();
        status.args(["rollout", "status", &format!("deployment/{SITE}"), TIMEOUT]);
        let (time, (rolled_out, said)) = measured(|| hear(&mut status));
        let told = self.shows("kubectl rollout status", &said).map(|command| (command, time.as_secs_f64()));
        let by_helm = helm.as_ref().and_then(|(_, _, shown)| shown.clone()).map(|command| (command, 0.0));
        let seen = by_helm.or(told).or_else(|| self.look(began, &since.to_string()));
        self.keep(times);
        Tried {
            helm: helm.map(|(deployed, seconds, _)| (deployed, seconds)),
            rollout: (rolled_out, time.as_secs_f64()),
            seen,
            nowhere: self.fault.sign.nowhere().map(str::to_owned),
        }
    }

    /// Neither our pods nor their events may be taken for those of the reference.
    fn remove_ours(&self) {
        let instance = format!("app.kubernetes.io/instance={SITE}");
        succeed(self.site.namespace.helm(&helm()).args(["uninstall", SITE, "--ignore-not-found", "--wait"]));
        self.site.kubectl(&["wait", "pod", "--for=delete", "--selector", &instance, "--timeout=120s"]);
        self.site.kubectl(&["delete", "events", "--all"]);
    }

    /// The reference's printed command.
    fn upgrade(&self, settings: &[String]) -> Command {
        let (site, output) = (self.site, self.site.sandbox.join("by-reference"));
        // A site may be tried with several faults.
        if output.exists() {
            fs::remove_dir_all(&output).unwrap();
        }
        let mut prepare = site.sandbox.command(Release::V28.nvflare());
        prepare.args(["deploy", "prepare"]).arg(&site.kit).arg("--output").arg(&output);
        succeed(prepare.arg("--config").arg(site.sandbox.join("k8s.yaml")));
        let mut upgrade = site.namespace.helm(&helm());
        upgrade.args(["upgrade", "--install", SITE]).arg(output.join("helm_chart"));
        upgrade.args(settings.iter().flat_map(|setting| ["--set-json", setting]));
        upgrade
    }

    /// Looks at everything until the cause is to be seen; returns the command and the time since the reader began to verify.
    fn look(&mut self, began: Instant, since: &str) -> Option<(String, f64)> {
        let looking = Instant::now();
        loop {
            self.read.clear();
            for (command, namespace) in self.looks() {
                let mut kubectl = namespace.kubectl();
                kubectl.args(command.split(' '));
                if command == LOOK_AT_SERVER {
                    // Other sites may have called it before.
                    kubectl.arg(format!("--since-time={since}"));
                }
                let (_, said) = hear(&mut kubectl);
                if let Some(shown) = self.shows(&format!("kubectl {command}"), &said) {
                    return Some((shown, began.elapsed().as_secs_f64()));
                }
            }
            if looking.elapsed() >= PATIENCE {
                return None;
            }
            thread::sleep(PAUSE);
        }
    }

    fn looks(&self) -> Vec<(&'static str, &'run Namespace)> {
        let first = self.site.first;
        let server = first.kubectl().args(["get", "deployment", SERVER]).output().is_ok_and(|output| output.status.success());
        let mut looks: Vec<_> = LOOKS.into_iter().map(|look| (look, &self.site.namespace)).collect();
        if server {
            looks.insert(1, (LOOK_AT_SERVER, first));
        }
        looks
    }

    /// The command, if its output shows the cause.
    fn shows(&mut self, command: &str, output: &str) -> Option<String> {
        writeln!(self.read, "$ {command}\n{output}").expect("a text grows");
        self.fault.sign.is_in(command, output).then(|| command.to_owned())
    }

    /// Keeps what was read, so that somebody can judge whether the words of the table are the right ones.
    fn keep(&self, times: &Path) {
        let directory = times.with_file_name("guide-outputs");
        fs::create_dir_all(&directory).unwrap();
        let safe = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let name: String = self.fault.what.chars().map(safe).collect();
        fs::write(directory.join(name).with_extension("txt"), &self.read).unwrap();
    }
}
