//! The program that runs in the parent's pod: what it is asked, and what it answers.

use std::collections::BTreeMap;

use flare_cluster::{Cluster, Exec, Input};
use flare_diagnostic::{Code, Diagnostic};
use serde::{Deserialize, Serialize};

use crate::rollout::Running;

/// The program, sent over the stream so that the request's address stays short.
pub(super) const PROGRAM: &str = include_str!("probe.py");

/// How long it may take: each of its connections has 8 s.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(90);

/// What it is asked.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Request {
    /// Where the workspace is mounted.
    pub(super) root: String,
    /// Path below it → SHA-256.
    pub(super) files: BTreeMap<String, String>,
    pub(super) namespace: String,
    /// What the launcher does.
    pub(super) rights: Vec<Right>,
    pub(super) links: Vec<Link>,
}

/// A verb on a resource of the namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Right {
    pub(super) group: String,
    pub(super) resource: String,
    pub(super) verb: String,
}

/// A connection that the participant, or somebody who calls it, makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Link {
    pub(super) id: &'static str,
    pub(super) host: String,
    pub(super) port: u16,
    /// The name that the certificate has to cover.
    pub(super) name: String,
    pub(super) tls: bool,
    /// Files in the pod.
    pub(super) root: String,
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
}

/// What a step gave, or how it failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tried<T> {
    Value(T),
    Fault(Fault),
}

/// How a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// `OpenSSL`'s number of a refused certificate.
    pub(super) code: Option<i64>,
    /// Words of the system.
    pub(super) said: String,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A name does not resolve.
    Name,
    /// The other side's certificate is refused.
    Certificate,
    /// Another failure of TLS.
    Tls,
    Refused,
    Closed,
    Missing,
    Denied,
    Import,
    Timeout,
    Other,
}

/// The answer.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Answer {
    pub(super) python: [u32; 3],
    pub(super) openssl: String,
    pub(super) packages: BTreeMap<String, Tried<String>>,
    pub(super) kubernetes: Tried<String>,
    pub(super) kit: Differences,
    pub(super) api: Tried<Api>,
    pub(super) links: BTreeMap<String, LinkAnswer>,
}

/// How the kit on the volume differs.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Differences {
    pub(super) missing: Vec<String>,
    pub(super) changed: Vec<String>,
    pub(super) unreadable: Vec<String>,
}

/// The way to the API server.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Api {
    /// By the strict rules for certificates: the HTTP status.
    pub(super) strict: Tried<u16>,
    /// The HTTP status without them.
    pub(super) status: u16,
    pub(super) refused: Vec<Right>,
}

/// One link. A step is absent where one before it failed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LinkAnswer {
    pub(super) resolved: Tried<Vec<String>>,
    pub(super) connected: Option<Tried<bool>>,
    pub(super) tls: Option<Tried<Handshake>>,
    pub(super) without_name: Option<Tried<Handshake>>,
}

/// A handshake that was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Handshake {
    /// The names of the certificate.
    pub(super) names: Vec<String>,
    /// Whether the other side ended the connection right after it.
    pub(super) closed: bool,
}

/// Runs the program with the parent's own Python.
pub(super) async fn run(
    cluster: &Cluster,
    namespace: &str,
    running: &Running,
    python: &str,
    request: &Request,
) -> Result<Answer, Diagnostic> {
    let unreadable = |what: &str| {
        Diagnostic::error(Code::PodProgramFailed, format!("the program in pod `{}` gave {what}", running.pod))
            .hint("check that the image's Python is 3.8 or newer")
    };
    let asked = serde_json::to_vec(request).map_err(|_| unreadable("nothing"))?;
    let input = [PROGRAM.as_bytes(), &asked].concat();
    let reading = "import sys; exec(sys.stdin.buffer.read(int(sys.argv[1])))";
    let (program, length) = (PROGRAM.len().to_string(), asked.len().to_string());
    let exec = Exec {
        namespace: namespace.to_owned(),
        pod: running.pod.clone(),
        container: Some(running.container.clone()),
        command: [python, "-c", reading, &program, &length].map(str::to_owned).into(),
        deadline: DEADLINE,
    };
    let size = input.len() as u64;
    let printed = exec.output(cluster, Input::Sized(input.as_slice(), size)).await?;
    serde_json::from_slice(&printed).map_err(|_| unreadable("no answer that can be read"))
}
