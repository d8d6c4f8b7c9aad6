//! The plan as a value.

use std::fmt;

use flare_launcher_args::LauncherArgs;
use flare_names::{ClaimName, NamespaceName, ParticipantNames, PullSecretName, Role, Target, VolumeName};
use flare_site_config::{InternalSecurity, JobPodDefaults, image::ImageReference};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Every decided fact about one participant in Kubernetes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SitePlan {
    /// The FLARE release line.
    pub target: Target,
    /// Server or client.
    pub role: Role,
    /// The participant's name in FLARE, unchanged: `values.name`.
    pub participant: String,
    /// The name under which it logs in: a client's `uid`.
    pub site: String,
    /// The organisation of its certificate.
    pub organization: String,
    /// The project that provisioned it, if the kit names it.
    pub project: Option<String>,
    /// SHA-256 of the root certificate, which identifies the provisioning of the kit.
    pub root_fingerprint: String,
    /// Host and port at which the server is reached from outside, if the kit names them.
    pub server_target: Option<(String, Option<u16>)>,
    /// The names of its objects.
    pub names: ParticipantNames,
    /// The namespace of all objects.
    pub namespace: NamespaceName,
    /// The workspace volume.
    pub workspace: Workspace,
    /// The ports of the parent.
    pub ports: Ports,
    /// The link between parent and job pods.
    #[serde(rename = "internal")]
    pub internal_connection: InternalConnection,
    /// The parent pod.
    pub parent: Parent,
    /// The arguments of the job launcher.
    pub launcher: LauncherArgs,
    /// The program that starts job pods, with what only flare-kube's takes. Markers of 0.1.0 do not have it.
    #[serde(default, skip_serializing_if = "JobLauncher::is_flare")]
    pub job_launcher: JobLauncher,
    /// The study file that is written, if the kit has none.
    pub study_template: Option<StudyTemplate>,
}

/// The program that starts job pods: `prepare --launcher`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum JobLauncher {
    /// FLARE's own, which reads [`SitePlan::launcher`] alone.
    #[default]
    Flare,
    /// flare-kube's, which reads the site's defaults as well. They are facts of the plan only: FLARE's launcher refuses arguments
    /// that it does not know, so `resources.json.default` never has them.
    FlareKube(Box<JobPodDefaults>),
}

impl JobLauncher {
    /// Whether it is FLARE's own.
    pub const fn is_flare(&self) -> bool {
        matches!(self, Self::Flare)
    }

    /// The site's defaults for job pods.
    pub fn pod_defaults(&self) -> Option<&JobPodDefaults> {
        match self {
            Self::Flare => None,
            Self::FlareKube(defaults) => Some(defaults),
        }
    }
}

/// The persistent volume that holds the kit and everything that the parent writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workspace {
    /// The claim.
    pub claim: ClaimName,
    /// The volume's name in the pod.
    pub volume: VolumeName,
    /// Where parent and job pods mount their workspace; absolute, in its shortest form.
    pub mount_path: String,
}

/// The ports that the parent listens on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Ports {
    /// Of a server.
    Server {
        /// For clients; 8002 if the kit does not name it.
        fl: u16,
        /// For admin consoles, if it differs from `fl`.
        admin: Option<u16>,
        /// For job pods.
        parent: u16,
    },
    /// Of a client.
    Client {
        /// For job pods.
        parent: u16,
    },
}

impl Ports {
    /// The port for job pods.
    pub const fn parent(&self) -> u16 {
        match self {
            Self::Server { parent, .. } | Self::Client { parent } => *parent,
        }
    }
}

/// The link between a parent and its job pods: `internal` in `comm_config.json`. Its host is the Service's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InternalConnection {
    /// Clear or mutual TLS.
    pub security: InternalSecurity,
}

/// A parsed image reference, as in the chart's values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Registry and repository.
    pub repository: String,
    /// The tag; empty if there is none.
    pub tag: String,
    /// The digest with its algorithm; empty if there is none. It takes precedence over the tag.
    pub digest: String,
}

impl Image {
    /// Whether the reference fixes the image's content: it has a digest, or a tag other than `latest`.
    pub fn is_fixed(&self) -> bool {
        !self.digest.is_empty() || !matches!(self.tag.as_str(), "" | "latest")
    }
}

impl From<ImageReference> for Image {
    fn from(image: ImageReference) -> Self {
        Self { repository: image.repository, tag: image.tag.unwrap_or_default(), digest: image.digest.unwrap_or_default() }
    }
}

/// Shows the reference of a container runtime: repository, tag and digest.
impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.repository)?;
        for (mark, part) in [(':', &self.tag), ('@', &self.digest)] {
            if !part.is_empty() {
                write!(formatter, "{mark}{part}")?;
            }
        }
        Ok(())
    }
}

/// When a node pulls an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullPolicy {
    /// Whenever a pod starts.
    Always,
    /// If the node does not have it.
    IfNotPresent,
}

impl PullPolicy {
    /// As Kubernetes writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
        }
    }
}

/// The parent pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Its image.
    pub image: Image,
    /// `IfNotPresent` for a server, `Always` for a client, as in the reference.
    pub image_pull_policy: PullPolicy,
    /// Its command: the Python interpreter.
    pub command: Vec<String>,
    /// Its arguments, without a client's `uid=`, which the chart appends from `siteName`.
    pub args: Vec<String>,
    /// Requests and limits; empty means none.
    pub resources: Map<String, Value>,
    /// The pod's `securityContext`; empty means none.
    pub security_context: Map<String, Value>,
    /// Secrets with registry credentials.
    pub image_pull_secrets: Vec<PullSecretName>,
}

/// A study file that is written if the kit has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudyTemplate {
    /// `local/study_data.yaml` (2.8).
    StudyData,
    /// `local/study_runtime.yaml` (2.9).
    StudyRuntime,
}
