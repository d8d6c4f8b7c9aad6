//! A small API server for tests: it keeps objects in memory, refuses outdated versions as a real one does, and on request denies a
//! permission or loses an answer.
#![expect(clippy::disallowed_methods, reason = "a kubeconfig in a temporary directory")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use flare_cluster::{Access, Cluster, ClusterEnvironment, connect};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    time::{Duration, sleep, timeout},
};

/// What becomes of a request whose answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It is carried out, and the connection breaks.
    Answer,
    /// It is carried out after a while, and nobody is told.
    Late,
}

/// How late a late request is carried out.
const LATE: Duration = Duration::from_millis(150);

/// What the server knows, and what it was asked.
#[derive(Default)]
struct State {
    /// Path → object.
    objects: BTreeMap<String, Value>,
    version: u32,
    /// Method and path of each request that is not a review.
    asked: Vec<String>,
    /// A verb on a resource that the user may not use.
    forbidden: Option<(String, String)>,
    /// How the next request begins whose answer is lost.
    loss: Option<(&'static str, Loss)>,
}

/// The server. It lives as long as the test's runtime.
#[derive(Clone)]
pub(crate) struct ApiServer {
    state: Arc<Mutex<State>>,
}

impl ApiServer {
    /// Starts it, and connects to it.
    pub(crate) async fn start() -> (Self, Cluster) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { state: Arc::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(connection));
            }
        });
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "x", "users": [],
            "clusters": [{"name": "c", "cluster": {"server": address}}], "contexts": [{"name": "x", "context": {"cluster": "c"}}]});
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("config");
        std::fs::write(&file, config.to_string()).expect("a file");
        let access = Access { kubeconfig: Some(file), context: None };
        (server, connect(&access, &ClusterEnvironment::default()).await.expect("the server answers"))
    }

    /// Stores an object as another client.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.state.lock().expect("the state").store(path, object);
    }

    /// Removes an object as another client.
    pub(crate) fn remove(&self, path: &str) {
        self.state.lock().expect("the state").objects.remove(path);
    }

    pub(crate) fn object(&self, path: &str) -> Option<Value> {
        self.state.lock().expect("the state").objects.get(path).cloned()
    }

    /// Denies a verb on a resource from now on, and no other: its reviews, and if it is a list, the list.
    pub(crate) fn forbid(&self, verb: &str, resource: &str) {
        self.state.lock().expect("the state").forbidden = Some((verb.to_owned(), resource.to_owned()));
    }

    /// Loses the answer to the next request whose method and path begin like this.
    pub(crate) fn lose(&self, start: &'static str, loss: Loss) {
        self.state.lock().expect("the state").loss = Some((start, loss));
    }

    /// Whether the answer that was to be lost was lost.
    pub(crate) fn has_lost(&self) -> bool {
        self.state.lock().expect("the state").loss.is_none()
    }

    /// Method and path of every request that changes something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let state = self.state.lock().expect("the state");
        state.asked.iter().filter(|asked| !asked.starts_with("GET ")).cloned().collect()
    }

    /// The number of requests so far that begin like this.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.state.lock().expect("the state").asked.iter().filter(|asked| asked.starts_with(start)).count()
    }

    /// Waits until this holds of the server.
    pub(crate) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let reached = async {
            while !holds(self) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_mins(1), reached).await.expect("it is reached");
    }

    async fn serve(self, connection: TcpStream) -> Option<()> {
        let mut connection = BufReader::new(connection);
        loop {
            let (method, target, body) = read(&mut connection).await?;
            if target.contains("watch=true") {
                // Nothing changes while it is watched.
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
                connection.write_all(head.as_bytes()).await.ok()?;
                return std::future::pending().await;
            }
            let asked = format!("{method} {target}");
            let loss = self.state.lock().expect("the state").loss.take_if(|(start, _)| asked.starts_with(*start));
            if loss.is_some_and(|(_, loss)| loss == Loss::Late) {
                sleep(LATE).await;
            }
            let (status, answer) = self.state.lock().expect("the state").answer(&method, &target, &body);
            match loss {
                Some((_, Loss::Answer)) => return None,
                Some((_, Loss::Late)) => return std::future::pending().await,
                None => {}
            }
            let answer = answer.to_string();
            let head =
                format!("HTTP/1.1 {status} S\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", answer.len());
            connection.write_all((head + &answer).as_bytes()).await.ok()?;
        }
    }
}

impl State {
    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        object["metadata"]["uid"] = json!("u");
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    /// Status and body.
    fn answer(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let path = target.split('?').next().unwrap_or_default();
        if path == "/version" {
            let texts =
                ["major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"];
            return (200, texts.into_iter().map(|text| (text.to_owned(), json!("1"))).collect::<serde_json::Map<_, _>>().into());
        }
        if path.ends_with("/selfsubjectaccessreviews") {
            return reviewed(body, &json!({"allowed": !self.denies(&body["spec"]["resourceAttributes"])}));
        }
        if path.ends_with("/selfsubjectrulesreviews") {
            // It has no rules to show, so that each right is asked for.
            return reviewed(body, &json!({"resourceRules": [], "nonResourceRules": [], "incomplete": true}));
        }
        if path.ends_with("/selfsubjectreviews") {
            return reviewed(body, &json!({"userInfo": {"username": "anna"}}));
        }
        self.asked.push(format!("{method} {path}"));
        if method == "GET"
            && ["/pods", "/events", "/configmaps", "/persistentvolumeclaims"].iter().any(|kind| path.ends_with(kind))
        {
            if self.forbidden.as_ref().is_some_and(|(verb, of)| verb == "list" && path.rsplit('/').next() == Some(of.as_str())) {
                return refused(403, "Forbidden");
            }
            let below = format!("{path}/");
            let items: Vec<_> = self.objects.iter().filter(|(at, _)| at.starts_with(&below)).map(|(_, object)| object).collect();
            return (200, json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}));
        }
        if method == "POST" {
            let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap_or_default());
            return if self.objects.contains_key(&path) {
                refused(409, "AlreadyExists")
            } else {
                (201, self.store(&path, body.clone()))
            };
        }
        let Some(object) = self.objects.get(path).cloned() else {
            // Server-side apply, whose body is a whole object, creates what is missing.
            let applies = method == "PATCH" && body["kind"].is_string();
            return if applies { (201, self.store(path, body.clone())) } else { refused(404, "NotFound") };
        };
        let is_outdated = |version: &Value| version.is_string() && *version != object["metadata"]["resourceVersion"];
        match method {
            "GET" => (200, object),
            "PUT" if is_outdated(&body["metadata"]["resourceVersion"]) => refused(409, "Conflict"),
            "PUT" => (200, self.store(path, body.clone())),
            "PATCH" => {
                let mut changed = object;
                merge(&mut changed, body);
                (200, self.store(path, changed))
            }
            "DELETE" if is_outdated(&body["preconditions"]["resourceVersion"]) => refused(409, "Conflict"),
            _ => {
                self.objects.remove(path);
                (200, json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))
            }
        }
    }

    fn denies(&self, asked: &Value) -> bool {
        let part = asked["subresource"].as_str().map(|part| format!("/{part}")).unwrap_or_default();
        let resource = format!("{}{part}", asked["resource"].as_str().unwrap_or_default());
        self.forbidden.as_ref().is_some_and(|(verb, of)| asked["verb"] == json!(verb) && resource == *of)
    }
}

/// The answer to a review is the review with its status.
fn reviewed(review: &Value, status: &Value) -> (u16, Value) {
    let mut review = review.clone();
    review["status"] = status.clone();
    (201, review)
}

fn refused(code: u16, reason: &str) -> (u16, Value) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
        "reason": reason, "message": reason});
    (code, status)
}

/// A JSON merge patch (RFC 7386).
fn merge(object: &mut Value, change: &Value) {
    let Value::Object(changes) = change else { return object.clone_from(change) };
    if !object.is_object() {
        *object = json!({});
    }
    for (key, change) in changes {
        merge(&mut object[key.as_str()], change);
    }
    if let Value::Object(fields) = object {
        fields.retain(|_, field| !field.is_null());
    }
}

/// Method, path with query, and body of the next request.
async fn read(connection: &mut BufReader<TcpStream>) -> Option<(String, String, Value)> {
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
    Some((words.next()?.to_owned(), words.next()?.to_owned(), serde_json::from_slice(&body).unwrap_or_default()))
}
