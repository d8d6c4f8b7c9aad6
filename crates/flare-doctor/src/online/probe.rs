//! The program that runs in the parent's pod, its request and its answer.

use std::collections::BTreeMap;

use flare_cluster::{Cluster, Exec, Input};
use flare_diagnostic::{Code, Diagnostic};
use serde::{Deserialize, Serialize};

use crate::rollout::RunningParent;

/// The program, which is sent as input so that the URL of the request stays short.
pub(super) const PROGRAM: &str = include_str!("probe.py");

/// How long it may take. Each of its connections has a deadline of 8 s.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(90);

/// The program's input.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Request {
    /// Where the workspace is mounted.
    pub(super) root: String,
    /// Path relative to `root` → SHA-256.
    pub(super) files: BTreeMap<String, String>,
    pub(super) namespace: String,
    /// The permissions that the launcher needs.
    pub(super) rights: Vec<Right>,
    pub(super) links: Vec<Link>,
}

/// A verb on a resource in the namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Right {
    pub(super) group: String,
    pub(super) resource: String,
    pub(super) verb: String,
}

/// A connection that the participant makes or accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Link {
    pub(super) id: &'static str,
    pub(super) host: String,
    pub(super) port: u16,
    /// The name that the certificate must contain.
    pub(super) name: String,
    pub(super) tls: bool,
    /// Files in the pod.
    pub(super) root: String,
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
}

/// The result of a step, or its failure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tried<T> {
    Value(T),
    Fault(Fault),
}

/// The failure of a step.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// `OpenSSL`'s error number for a refused certificate.
    pub(super) code: Option<i64>,
    /// The system's message.
    pub(super) said: String,
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A name does not resolve.
    Name,
    /// The other side's certificate is refused.
    Certificate,
    /// Another TLS failure.
    Tls,
    Refused,
    Closed,
    Missing,
    Denied,
    Import,
    Timeout,
    Other,
}

/// The program's output.
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

/// The connection to the API server.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Api {
    /// The HTTP status with the strict rules for certificates.
    pub(super) strict: Tried<u16>,
    /// The HTTP status without the strict rules.
    pub(super) status: u16,
    pub(super) refused: Vec<Right>,
}

/// The answer about one link. A step is absent if an earlier one failed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LinkAnswer {
    pub(super) resolved: Tried<Vec<String>>,
    pub(super) connected: Option<Tried<bool>>,
    pub(super) tls: Option<Tried<Handshake>>,
    pub(super) without_name: Option<Tried<Handshake>>,
}

/// A completed handshake.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Handshake {
    /// The names in the certificate.
    pub(super) names: Vec<String>,
    /// Whether the other side closed the connection right after the handshake.
    pub(super) closed: bool,
}

/// Runs the program with the parent's own Python.
pub(super) async fn run(
    cluster: &Cluster,
    namespace: &str,
    running: &RunningParent,
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

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::expect_used, reason = "the program runs on this machine here")]
mod tests {
    use std::{
        io::Write as _,
        net::TcpListener,
        process::{Command, Stdio},
    };

    use super::*;

    /// Runs the program with this machine's Python, as `run` does in a pod.
    fn answer(request: &Request) -> Answer {
        let asked = serde_json::to_vec(request).expect("JSON");
        let reading = "import sys; exec(sys.stdin.buffer.read(int(sys.argv[1])))";
        let mut child = Command::new("python3")
            .args(["-c", reading, &PROGRAM.len().to_string(), &asked.len().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is on this machine");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(&[PROGRAM.as_bytes(), &asked].concat()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success());
        serde_json::from_slice(&output.stdout).expect("an answer")
    }

    fn link(id: &'static str, host: &str, port: u16) -> Link {
        let (root, name) = ("/nothing/rootCA.pem".to_owned(), host.to_owned());
        Link { id, host: host.to_owned(), port, name, tls: true, root, certificate: None, key: None }
    }

    fn request(files: &[(&str, &str)], root: &str, links: Vec<Link>) -> Request {
        let right = Right { group: String::new(), resource: "pods".into(), verb: "create".into() };
        let files = files.iter().map(|(path, digest)| ((*path).to_owned(), (*digest).to_owned())).collect();
        Request { root: root.to_owned(), files, namespace: "fl".into(), rights: vec![right], links }
    }

    #[test]
    fn files_are_compared_by_their_digests() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/kits/plain-2.8.3/site-1");
        let same = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let answer = answer(&request(&[("startup/none.json", same), ("startup/client.crt", same)], root, Vec::new()));
        assert_eq!(
            (answer.kit.missing, answer.kit.changed),
            (vec!["startup/none.json".to_owned()], vec!["startup/client.crt".to_owned()])
        );
        let Tried::Fault(fault) = answer.api else { panic!("this machine is not a pod") };
        assert!(matches!(fault.kind, Kind::Missing | Kind::Denied), "{fault:?}");
        assert!(answer.python >= [3, 8, 0], "{:?}", answer.python);
    }

    #[test]
    fn each_step_of_a_connection_says_how_it_failed() {
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let open = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = open.local_addr().expect("a port").port();
        let links =
            vec![link("name", "no-such-host.invalid", 1), link("closed", "127.0.0.1", closed), link("root", "127.0.0.1", port)];
        let answer = answer(&request(&[], "/nothing", links));
        let kind = |tried: &Tried<bool>| match tried {
            Tried::Fault(fault) => Some(fault.kind),
            Tried::Value(_) => None,
        };
        assert!(matches!(&answer.links["name"].resolved, Tried::Fault(fault) if fault.kind == Kind::Name));
        assert!(answer.links["name"].connected.is_none());
        assert_eq!(answer.links["closed"].connected.as_ref().and_then(kind), Some(Kind::Refused));
        assert_eq!(answer.links["root"].connected, Some(Tried::Value(true)));
        assert!(matches!(&answer.links["root"].tls, Some(Tried::Fault(fault)) if fault.kind == Kind::Missing), "no such root");
    }
}
