//! Installation of a chart with the real Helm.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flare_helm::{Helm, ReleaseId, RunLimits, Setting, Upgrade, Values, Wait};
use serde_json::json;

use super::federation::chart;
use super::namespace::Namespace;
use super::run::{succeed, succeed_json, wait};
use crate::helm::helm;

/// Installs a prepared kit as flare-kube does, and waits until Helm finds the parent ready. `settings` are in the syntax of `--set`.
pub fn install(namespace: &Namespace, release: &str, prepared: &Path, settings: &[&str]) {
    install_with(&helm(), namespace, release, prepared, settings);
}

/// The same with a given Helm.
pub fn install_with(program: &Path, namespace: &Namespace, release: &str, prepared: &Path, settings: &[&str]) {
    let limits = RunLimits { time: Duration::from_mins(5), stop: &AtomicBool::new(false) };
    let place = ReleaseId {
        release: release.to_owned(),
        namespace: namespace.name.clone(),
        kubeconfig: Some(namespace.cluster.kubeconfig().to_owned()),
        context: None,
    };
    let settings = settings.iter().map(|setting| Setting::Guessed((*setting).to_owned())).collect();
    let values = Values { settings, ..Values::default() };
    let installed = Helm::find(Some(program), &[], &limits)
        .and_then(|helm| helm.release(&place, limits).upgrade(&chart(prepared), &values, Upgrade { wait: Wait::Ready }));
    installed.unwrap_or_else(|fault| panic!("{release}: {fault}"));
}

/// A run of Helm itself, without waiting, also for charts of the reference.
pub fn upgrade(namespace: &Namespace, release: &str, prepared: &Path) -> Command {
    let mut command = namespace.helm(&helm());
    command.args(["upgrade", "--install", release]).arg(chart(prepared));
    command
}

/// Kills Helm while it waits for a release, which is then locked in the state `pending`.
pub fn lock(namespace: &Namespace, release: &str, prepared: &Path, pending: &str) {
    let mut upgrade = upgrade(namespace, release, prepared);
    upgrade.args(["--wait", "--set", "image.tag=no-such-tag"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut killed = upgrade.spawn().unwrap();
    let state = || {
        let listed = succeed_json(namespace.helm(&helm()).args(["list", "--all", "--output", "json"]));
        listed[0]["status"].as_str().unwrap_or_default().to_owned()
    };
    wait(Duration::from_mins(1), state, || (state() == pending).then_some(()));
    killed.kill().unwrap();
    killed.wait().unwrap();
}

/// Gives a Service of type `LoadBalancer`, once there is one, its address, in place of a cloud's controller.
pub fn give_address(namespace: &Namespace, service: &str, address: &str) {
    let get = ["get", "service", service, "--ignore-not-found", "--output", "jsonpath={.spec.type}"];
    let kind = || succeed(namespace.kubectl().args(get));
    wait(Duration::from_mins(2), kind, || (kind() == "LoadBalancer").then_some(()));
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}).to_string();
    let patch = ["patch", "service", service, "--subresource=status", "--type=merge", "--patch", &status];
    succeed(namespace.kubectl().args(patch));
}
