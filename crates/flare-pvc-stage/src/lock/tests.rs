//! The lock against a small API server.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use flare_cluster::{Access, Cluster, ClusterEnvironment, connect};
use flare_names::SecretName;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::{Duration, sleep, timeout},
};

use super::{Lock, name};

const HOLDER: &str = "stage-1";

/// An API server with one Lease, which refuses outdated versions as a real one does.
#[derive(Default)]
struct Leases {
    stored: Option<Value>,
    version: u32,
    renewals: u32,
    /// The next renewal is stored, but its answer is lost.
    loses_answer: bool,
}

impl Leases {
    fn store(&mut self, mut lease: Value) -> Value {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        lease["metadata"]["uid"] = json!("u");
        self.stored = Some(lease.clone());
        lease
    }

    /// Status and body; `None` for a connection that breaks.
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let refusal = |code: u16, reason: &str| {
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
                "reason": reason, "message": reason});
            Some((code, status))
        };
        if path.starts_with("/version") {
            let texts =
                ["major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"];
            return Some((
                200,
                texts.into_iter().map(|text| (text.to_owned(), json!("1"))).collect::<serde_json::Map<_, _>>().into(),
            ));
        }
        let current = self.stored.as_ref().map(|lease| lease["metadata"]["resourceVersion"].clone());
        match (method, current) {
            ("POST", Some(_)) => refusal(409, "AlreadyExists"),
            ("POST", None) => Some((201, self.store(body.clone()))),
            (_, None) => refusal(404, "NotFound"),
            ("GET", _) => Some((200, self.stored.clone()?)),
            ("PUT", Some(current)) if body["metadata"]["resourceVersion"] != current => refusal(409, "Conflict"),
            ("PUT", _) => {
                self.renewals += 1;
                let stored = self.store(body.clone());
                (!std::mem::take(&mut self.loses_answer)).then_some((200, stored))
            }
            ("DELETE", Some(current)) if body["preconditions"]["resourceVersion"] != current => refusal(409, "Conflict"),
            (_, _) => {
                self.stored = None;
                Some((200, json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})))
            }
        }
    }
}

async fn serve(connection: TcpStream, leases: Arc<Mutex<Leases>>) -> Option<()> {
    let mut connection = BufReader::new(connection);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        connection.read_line(&mut first).await.ok()?;
        loop {
            let mut line = String::new();
            connection.read_line(&mut line).await.ok()?;
            if let Some(found) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = found.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await.ok()?;
        let mut words = first.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let (status, answer) = leases.lock().expect("the leases").answer(method, path, &body)?;
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status} S\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", answer.len());
        connection.write_all((head + &answer).as_bytes()).await.ok()?;
    }
}

async fn cluster(leases: &Arc<Mutex<Leases>>, directory: &Path) -> Cluster {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let server = format!("http://{}", listener.local_addr().expect("an address"));
    let leases = Arc::clone(leases);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection, Arc::clone(&leases)));
        }
    });
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "x", "users": [],
        "clusters": [{"name": "c", "cluster": {"server": server}}], "contexts": [{"name": "x", "context": {"cluster": "c"}}]});
    let file = directory.join("config");
    std::fs::write(&file, config.to_string()).expect("a file");
    let access = Access { kubeconfig: Some(file), context: None };
    connect(&access, &ClusterEnvironment::default()).await.expect("the server answers")
}

/// Waits until this holds of the server.
async fn until(leases: &Mutex<Leases>, holds: impl Fn(&Leases) -> bool) {
    let reached = async {
        while !holds(&leases.lock().expect("the leases")) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_mins(1), reached).await.expect("it is reached");
}

fn holder(leases: &Mutex<Leases>) -> Option<String> {
    let leases = leases.lock().expect("the leases");
    Some(leases.stored.as_ref()?["spec"]["holderIdentity"].as_str()?.to_owned())
}

#[tokio::test]
async fn a_lost_answer_to_a_renewal_is_no_loss_of_the_lock() {
    let (leases, directory) = (Arc::new(Mutex::new(Leases::default())), tempfile::tempdir().expect("a directory"));
    let cluster = cluster(&leases, directory.path()).await;
    let lost = Arc::new(Notify::new());
    let lock = Lock::take(&cluster, "n", "c", HOLDER, Arc::clone(&lost)).await.expect("it is free");
    leases.lock().expect("the leases").loses_answer = true;
    until(&leases, |leases| !leases.loses_answer).await;
    let renewals = leases.lock().expect("the leases").renewals;
    until(&leases, |leases| leases.renewals > renewals + 1).await;
    lock.confirm().await.expect("it is still held");
    lock.release().await.expect("released");
    assert_eq!(holder(&leases), None);
}

#[tokio::test]
async fn the_holder_is_told_that_another_run_took_its_lock_and_leaves_it_to_that_one() {
    let (leases, directory) = (Arc::new(Mutex::new(Leases::default())), tempfile::tempdir().expect("a directory"));
    let cluster = cluster(&leases, directory.path()).await;
    let lost = Arc::new(Notify::new());
    let lock = Lock::take(&cluster, "n", "c", HOLDER, Arc::clone(&lost)).await.expect("it is free");
    let theirs = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name("c")},
        "spec": {"holderIdentity": "stage-2"}});
    leases.lock().expect("the leases").store(theirs);
    timeout(Duration::from_mins(1), lost.notified()).await.expect("it is told");
    assert_eq!(lock.confirm().await.expect_err("lost").code, flare_diagnostic::Code::StageLocked);
    lock.release().await.expect("nothing to release");
    assert_eq!(holder(&leases).as_deref(), Some("stage-2"));
}

#[test]
fn every_claim_has_a_lease_of_its_own_with_a_name_that_is_accepted() {
    assert_eq!(name("nvflws"), "flare-kube-stage-nvflws");
    let long = "c".repeat(252);
    let names = [format!("{long}a"), format!("{long}b"), "a.b".to_owned(), "a-b".to_owned()].map(|claim| name(&claim));
    for (index, name) in names.iter().enumerate() {
        assert!(SecretName::new(name.as_str()).is_ok(), "{name}");
        assert!(!names[..index].contains(name), "{name}");
    }
}
