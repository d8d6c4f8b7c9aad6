//! Installation of a chart with the real Helm.

use std::path::Path;
use std::process::Command;

use super::federation::chart;
use super::namespace::Namespace;
use super::run::succeed;
use crate::helm::helm;

/// `helm upgrade --install` of a prepared kit, until the parent is ready.
pub fn install(namespace: &Namespace, release: &str, prepared: &Path, settings: &[&str]) {
    install_with(&helm(), namespace, release, prepared, settings);
}

/// The same with a given Helm.
pub fn install_with(program: &Path, namespace: &Namespace, release: &str, prepared: &Path, settings: &[&str]) {
    let mut command = upgrade_with(program, namespace, release, prepared);
    succeed(command.args(["--wait", "--timeout", "300s"]).args(settings));
}

/// The command, without waiting.
pub fn upgrade(namespace: &Namespace, release: &str, prepared: &Path) -> Command {
    upgrade_with(&helm(), namespace, release, prepared)
}

fn upgrade_with(program: &Path, namespace: &Namespace, release: &str, prepared: &Path) -> Command {
    let mut command = namespace.helm(program);
    command.args(["upgrade", "--install", release]).arg(chart(prepared));
    command
}
