//! A small federation, provisioned by the reference, and its prepared kits.

use std::fs;
use std::path::{Path, PathBuf};

use super::namespace::Namespace;
use super::run::succeed;
use crate::command::Sandbox;
use crate::reference::Release;
use crate::workspace_directory;

/// The participants that run in the cluster, the server first.
pub const PARTICIPANTS: [&str; 3] = ["nvflare-server", "site-1", "site-2"];

/// Startup kits of a server, its sites and an admin.
#[derive(Debug)]
pub struct Federation {
    sandbox: Sandbox,
    /// Those that run in the cluster, the server first.
    pub participants: Vec<String>,
    /// The release of the reference that provisioned it.
    pub release: Release,
}

impl Federation {
    /// Provisions a server and two sites anew.
    pub fn provision(release: Release) -> Self {
        Self::with_sites(release, 2)
    }

    /// Provisions a server and so many sites anew: `site-1`, `site-2`, ….
    pub fn with_sites(release: Release, sites: usize) -> Self {
        let sandbox = Sandbox::new();
        let sites: Vec<_> = (1..=sites).map(|number| format!("site-{number}")).collect();
        let project = fs::read_to_string(workspace_directory().join("tests/cluster/project.yml")).unwrap();
        let line = |site: &str| format!("  - {{name: {site}, type: client, org: nvidia}}\n");
        let [_, both @ ..] = PARTICIPANTS;
        let named: String = both.iter().map(|site| line(site)).collect();
        assert!(project.contains(&named), "no two sites in\n{project}");
        let project = project.replace(&named, &sites.iter().map(|site| line(site)).collect::<String>());
        fs::write(sandbox.join("project.yml"), project).unwrap();
        let mut provision = sandbox.command(release.nvflare());
        succeed(provision.args(["provision", "-w", "ws", "-p", "project.yml"]));
        let participants = std::iter::once(PARTICIPANTS[0].to_owned()).chain(sites).collect();
        Self { sandbox, participants, release }
    }

    /// The startup kit of a participant or of the admin.
    pub fn kit(&self, name: &str) -> PathBuf {
        self.sandbox.join("ws/flare-kube cluster tests/prod_00").join(name)
    }

    /// The claim of a participant.
    pub fn claim(participant: &str) -> String {
        format!("nvflws-{participant}")
    }

    /// Prepares all participants with flare-kube; returns the directory of the prepared kits.
    pub fn prepare(&self, namespace: &Namespace, program: &Path) -> PathBuf {
        let file = self.describe(namespace);
        let output = self.sandbox.join("prepared");
        let mut prepare = self.sandbox.command(program);
        succeed(prepare.arg("prepare").arg("--federation").arg(file).arg("--output").arg(&output));
        output
    }

    /// Writes a federation.yaml with all participants, and a k8s.yaml for each; returns the former.
    pub fn describe(&self, namespace: &Namespace) -> PathBuf {
        self.describe_some(namespace, &self.participants)
    }

    /// As [`Self::describe`], with only some of the participants.
    pub fn describe_some(&self, namespace: &Namespace, participants: &[String]) -> PathBuf {
        let participants: String = participants
            .iter()
            .map(|name| {
                let (kit, config) = (self.kit(name), self.config(namespace, name));
                format!(
                    "  - {{name: {name}, kit: {:?}, config: {:?}}}\n",
                    kit.display().to_string(),
                    config.display().to_string()
                )
            })
            .collect();
        let file = self.sandbox.join("federation.yaml");
        fs::write(&file, format!("defaults: {{target: \"{}\"}}\nparticipants:\n{participants}", self.release.target())).unwrap();
        file
    }

    /// The k8s.yaml of a participant, once it is described.
    pub fn config_file(&self, participant: &str) -> PathBuf {
        self.sandbox.join(format!("{participant}.yaml"))
    }

    /// Replaces a text in the k8s.yaml of a participant.
    pub fn edit(&self, participant: &str, from: &str, to: &str) {
        let path = self.config_file(participant);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "no `{from}` in\n{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Prepares one participant with the reference; returns its prepared kit.
    pub fn prepare_by_reference(&self, namespace: &Namespace, participant: &str) -> PathBuf {
        let output = self.sandbox.join(format!("reference/{}/{participant}", namespace.name));
        let mut prepare = self.sandbox.command(self.release.nvflare());
        prepare.args(["deploy", "prepare"]).arg(self.kit(participant)).arg("--output").arg(&output);
        succeed(prepare.arg("--config").arg(self.config(namespace, participant)));
        output
    }

    fn config(&self, namespace: &Namespace, participant: &str) -> PathBuf {
        let path = self.config_file(participant);
        let text = format!(
            "runtime: k8s\nnamespace: {}\nparent:\n  docker_image: {}\n  workspace_pvc: {}\n  \
             resources: {{requests: {{cpu: 50m, memory: 256Mi}}}}\n",
            namespace.name,
            namespace.cluster.image(self.release),
            Self::claim(participant)
        );
        fs::write(&path, text).unwrap();
        path
    }
}

/// The chart of a prepared kit.
pub fn chart(prepared: &Path) -> PathBuf {
    prepared.join("helm_chart")
}
