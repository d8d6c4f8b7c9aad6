//! Requests to an API server through kubectl. The program that all of Kubernetes is built into includes kubectl, so none
//! has to be installed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use flare_diagnostic::Faults;
use serde_json::Value;

use crate::{
    Context, build,
    command::{find, output, run},
    fault::failed,
    namespaces::state_label,
    process::{COMPONENT, STATE_LABEL},
    state::StateDirectory,
};

/// A kubectl for one cluster, with one kubeconfig and without the user's own settings.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    program: PathBuf,
    /// `kubectl`, if the program is all of Kubernetes.
    component: Option<&'static str>,
    kubeconfig: PathBuf,
    /// The cluster's state directory, for a cluster that is built from source.
    state_label: Option<String>,
}

impl Kubectl {
    /// The built-in kubectl, for a cluster that is built from source.
    pub(crate) fn built(hyperkube: &Path, state: &StateDirectory) -> Self {
        let state_label = Some(state_label(state));
        Self { program: hyperkube.to_owned(), component: Some("kubectl"), kubeconfig: state.kubeconfig(), state_label }
    }

    /// An installed kubectl, otherwise the built-in one, for a cluster of another provider.
    pub(crate) fn installed(context: &Context<'_>, kubeconfig: &Path) -> Result<Self, Faults> {
        let kubeconfig = kubeconfig.to_owned();
        if let Some(program) = find(context, "kubectl") {
            return Ok(Self { program, component: None, kubeconfig, state_label: None });
        }
        let program = build::programs(context)?.hyperkube;
        Ok(Self { program, component: Some("kubectl"), kubeconfig, state_label: None })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        // Its cache would be in the user's home directory.
        command.args(self.component).arg("--kubeconfig").arg(&self.kubeconfig).arg("--cache-dir=/dev/null/none");
        command.arg("--request-timeout=10s").args(arguments).env_remove("KUBECONFIG").env("KUBERC", "off");
        if let Some(state_label) = &self.state_label {
            // The cluster is on this machine, which no proxy can reach.
            command.env(STATE_LABEL, state_label).env(COMPONENT, "kubectl").env("NO_PROXY", "*").env("no_proxy", "*");
        }
        command
    }

    /// Whether the API server answers that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        output(&mut self.command(&["get", "--raw=/readyz"]), &[]).is_ok_and(|output| output.status.success())
    }

    /// The document at a path of the API; `None` if there is none or the server does not answer.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        let output = output(&mut self.command(&["get", &format!("--raw={path}")]), &[]).ok()?;
        if output.status.success() { serde_json::from_slice(&output.stdout).ok() } else { None }
    }

    /// Creates the objects of a document.
    pub(crate) fn create(&self, document: &[u8]) -> Result<(), Faults> {
        run(&mut self.command(&["create", "--validate=false", "--filename=-"]), document).map(drop)
    }

    /// Changes a node's status by a JSON patch.
    pub(crate) fn patch_node_status(&self, node: &str, patch: &Value) -> Result<(), Faults> {
        let patch = format!("--patch={patch}");
        run(&mut self.command(&["patch", "node", node, "--subresource=status", "--type=json", &patch]), &[]).map(drop)
    }

    /// The version of the API server.
    pub(crate) fn version(&self) -> Result<String, Faults> {
        let version = self.get("/version").ok_or_else(|| failed("the API server does not answer"))?;
        Ok(version["gitVersion"].as_str().unwrap_or("unknown").to_owned())
    }
}
