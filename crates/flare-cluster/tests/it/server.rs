//! A small API server: canned answers, by a function of the request, over HTTP/1.1 with or without TLS.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use flare_cluster::{Access, Cluster, ClusterEnvironment, connect};
use flare_diagnostic::Diagnostic;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::program::{self, Program};

/// The server's clock, which stands still: as RFC 9110 writes it.
pub(crate) const DATE: &str = "Sat, 01 Jan 2000 00:00:00 GMT";

/// A request of a client.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// How the server answers.
pub(crate) enum Answer {
    /// A status and a body.
    Json(u16, Value),
    /// The same beside a header `Retry-After`.
    Later(u16, &'static str, Value),
    /// A status and a page.
    Page(u16, &'static str),
    /// The lines of a watch; then the connection is kept open.
    Lines(Vec<Value>),
    /// A program, with the negotiated subprotocol.
    Program(&'static str, Program),
    /// The connection is closed.
    Close,
    /// Nothing, for ever.
    Silence,
}

pub(crate) type Handler = dyn Fn(&Asked) -> Answer + Send + Sync;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    directory: TempDir,
}

/// A refusal by a Kubernetes API.
pub(crate) fn refusal(code: u16, reason: &str, message: &str, details: &Value) -> Answer {
    Answer::Json(
        code,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "code": code, "reason": reason, "message": message, "details": details}),
    )
}

/// The answers to questions about the version and the user, which connecting asks.
pub(crate) fn usual(asked: &Asked) -> Option<Answer> {
    if asked.path.starts_with("/version") {
        let version = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
        return Some(Answer::Json(200, version));
    }
    if asked.path.contains("/selfsubjectreviews") {
        let review = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
            "status": {"userInfo": {"username": "anna"}}});
        return Some(Answer::Json(201, review));
    }
    None
}

/// The answer to an access review.
pub(crate) fn review(allowed: bool) -> Answer {
    Answer::Json(
        201,
        json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
            "status": {"allowed": allowed}}),
    )
}

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("an address");
        let (asked, handler): (_, Arc<Handler>) = (Arc::new(Mutex::new(Vec::new())), Arc::new(handler));
        let record = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                connection.set_nodelay(true).expect("a socket option");
                tokio::spawn(serve(connection, Arc::clone(&handler), Arc::clone(&record)));
            }
        });
        Self { address, asked, directory: TempDir::new().expect("a directory") }
    }

    /// How many requested paths contain this text.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.asked.lock().expect("the record").iter().filter(|asked| asked.path.contains(part)).count()
    }

    pub(crate) fn last(&self, part: &str) -> Asked {
        self.asked.lock().expect("the record").iter().rfind(|asked| asked.path.contains(part)).expect("it was asked").clone()
    }

    /// A kubeconfig for this server, with the token `secret-token`.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_with(&json!({"server": format!("http://{}", self.address)}), &json!({"token": "secret-token"}))
    }

    pub(crate) fn kubeconfig_with(&self, cluster: &Value, user: &Value) -> PathBuf {
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "there",
            "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "there", "context": {"cluster": "c", "user": "u", "namespace": "site-1"}}]});
        let path = self.directory.path().join("config");
        std::fs::write(&path, config.to_string()).expect("a file");
        path
    }

    pub(crate) async fn connect(&self) -> Cluster {
        connected(self.kubeconfig()).await.expect("the server answers")
    }
}

pub(crate) async fn connected(kubeconfig: PathBuf) -> Result<Cluster, Diagnostic> {
    let access = Access { kubeconfig: Some(kubeconfig), context: None };
    connect(&access, &ClusterEnvironment::default()).await
}

pub(crate) async fn serve<S>(mut connection: S, handler: Arc<Handler>, record: Arc<Mutex<Vec<Asked>>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    while let Some(asked) = read(&mut connection).await {
        record.lock().expect("the record").push(asked.clone());
        match handler(&asked) {
            Answer::Json(status, body) => write(&mut connection, status, "application/json", &body.to_string()).await,
            Answer::Later(status, after, body) => {
                let kind = format!("application/json\r\nRetry-After: {after}");
                write(&mut connection, status, &kind, &body.to_string()).await;
            }
            Answer::Page(status, body) => write(&mut connection, status, "text/html", body).await,
            Answer::Lines(lines) => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
                let _ = connection.write_all(head.as_bytes()).await;
                for line in lines {
                    if line == json!("break") {
                        return;
                    }
                    let line = format!("{line}\n");
                    let _ = connection.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes()).await;
                }
                std::future::pending::<()>().await;
            }
            Answer::Program(protocol, program) => return program::serve(connection, &asked.headers, protocol, program).await,
            Answer::Close => return,
            Answer::Silence => tokio::time::sleep(Duration::from_mins(10)).await,
        }
    }
}

async fn read<S: AsyncRead + Unpin>(connection: &mut S) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let lowered = head.to_ascii_lowercase();
    let length = lowered.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    let mut first = head.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    Some(Asked { method, path, headers: head, body: String::from_utf8(body).ok()? })
}

async fn write<S: AsyncWrite + Unpin>(connection: &mut S, status: u16, kind: &str, body: &str) {
    let head = format!("HTTP/1.1 {status} Some\r\nDate: {DATE}\r\nContent-Type: {kind}\r\nContent-Length: {}", body.len());
    let answer = format!("{head}\r\n\r\n{body}");
    let _ = connection.write_all(answer.as_bytes()).await;
}

/// A port at which nothing listens.
pub(crate) async fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    listener.local_addr().expect("an address")
}
