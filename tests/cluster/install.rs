//! Installation of a chart by the real Helm.

use std::path::Path;
use std::process::Command;

use integration_tests::helm::helm;

use crate::cluster::succeed;
use crate::federation::chart;
use crate::namespace::Namespace;

/// `helm upgrade --install` of a prepared kit, which ends when the parent is ready.
pub(crate) fn install(namespace: &Namespace, release: &str, prepared: &Path, settings: &[&str]) {
    succeed(upgrade(namespace, release, prepared).args(["--wait", "--timeout", "120s"]).args(settings));
}

/// The command, without waiting.
pub(crate) fn upgrade(namespace: &Namespace, release: &str, prepared: &Path) -> Command {
    let mut command = namespace.helm(&helm());
    command.args(["upgrade", "--install", release]).arg(chart(prepared));
    command
}
