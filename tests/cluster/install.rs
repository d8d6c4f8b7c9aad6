//! Installation of a chart by the real Helm.

use std::path::Path;
use std::process::Command;

use integration_tests::helm::helm;

use crate::cluster::succeed;
use crate::federation::chart;
use crate::namespace::Namespace;

/// `helm upgrade --install` of a prepared kit, which ends when the parent is ready.
pub(crate) fn install(namespace: &Namespace, release: &str, prepared: &Path, settings: &[&str]) {
    install_with(&helm(), namespace, release, prepared, settings);
}

/// The same by a certain Helm.
pub(crate) fn install_with(program: &Path, namespace: &Namespace, release: &str, prepared: &Path, settings: &[&str]) {
    let mut command = upgrade_with(program, namespace, release, prepared);
    succeed(command.args(["--wait", "--timeout", "120s"]).args(settings));
}

/// The command, without waiting.
pub(crate) fn upgrade(namespace: &Namespace, release: &str, prepared: &Path) -> Command {
    upgrade_with(&helm(), namespace, release, prepared)
}

fn upgrade_with(program: &Path, namespace: &Namespace, release: &str, prepared: &Path) -> Command {
    let mut command = namespace.helm(program);
    command.args(["upgrade", "--install", release]).arg(chart(prepared));
    command
}
