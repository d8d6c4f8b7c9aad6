//! The same fault with the reference's chart, its printed command and the user guide's section "Verify The Deployment".

use std::path::Path;

use integration_tests::bench::guide_times::{FILE, GuideTime};
use integration_tests::cluster::run::{attempt, measured, succeed};
use integration_tests::helm::helm;
use integration_tests::reference::Release;

use super::SITE;
use super::site::Site;

/// In place of the guide's 300 s.
const TIMEOUT: &str = "--timeout=60s";

/// The guide's commands for a look.
const LOOKS: [&str; 3] =
    ["logs deploy/site-1 --tail=200", "describe pod -l app.kubernetes.io/instance=site-1", "get events --sort-by=.lastTimestamp"];

/// Installs the reference's chart in place of ours, with the same values, and looks where the words of the cause are to be seen.
pub(super) fn try_by(site: &Site<'_>, fault: &str, words: &str) {
    let Some(file) = std::env::var_os(FILE) else { return };
    succeed(site.namespace.helm(&helm()).args(["uninstall", SITE, "--ignore-not-found", "--wait"]));
    let chart = site.sandbox.join("by-reference/helm_chart");
    let mut prepare = site.sandbox.command(Release::V28.nvflare());
    prepare.args(["deploy", "prepare"]).arg(&site.kit).arg("--output").arg(site.sandbox.join("by-reference"));
    succeed(prepare.arg("--config").arg(site.sandbox.join("k8s.yaml")));
    let mut upgrade = site.namespace.helm(&helm());
    upgrade.args(["upgrade", "--install", SITE]).arg(chart);
    upgrade.args(site.settings.borrow().iter().flat_map(|setting| ["--set-json", setting]));
    let (helm_time, deployed) = measured(|| attempt(&mut upgrade, &[]).is_ok());
    let mut status = site.namespace.kubectl();
    status.args(["rollout", "status", &format!("deployment/{SITE}"), TIMEOUT]);
    let (rollout_time, rolled_out) = measured(|| attempt(&mut status, &[]).is_ok());
    let says = |look: &str| {
        let said = attempt(site.namespace.kubectl().args(look.split(' ')), &[]);
        said.unwrap_or_else(|said| said).contains(words)
    };
    let seen_in = LOOKS.iter().find(|look| says(look)).map(|look| format!("kubectl {look}"));
    GuideTime {
        fault: fault.to_owned(),
        helm: (deployed, helm_time.as_secs_f64()),
        rollout: (rolled_out, rollout_time.as_secs_f64()),
        seen_in,
    }
    .record(Path::new(&file));
}
