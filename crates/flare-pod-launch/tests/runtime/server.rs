//! A small API server: stores pods, Secrets and events in memory, streams watches, and can fail at any request. The tests
//! simulate the kubelet.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use flare_cluster::{Access, Cluster, Environment, connect};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{broadcast, watch},
};

const NAMESPACE: &str = "fl";

/// What happens to a request instead of its normal answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is refused with this status.
    Status(u16),
    /// It is carried out, but the connection is closed before the answer.
    AnswerLost,
    /// The connection is closed.
    Closed,
    /// It is never answered.
    Silence,
    /// It is carried out and answered two seconds later.
    Slow,
    /// The connection is closed, and the request carried out four seconds later.
    Late,
}

/// The requests that fail: method, part of the path, and number of requests.
struct Trouble {
    method: &'static str,
    path: &'static str,
    times: usize,
    fault: Fault,
}

#[derive(Default)]
struct State {
    /// Path → object.
    objects: BTreeMap<String, Value>,
    version: u64,
    /// Every change with its version, for watches that resume.
    history: Vec<(u64, String, Value)>,
    asked: Vec<String>,
    troubles: Vec<Trouble>,
    log: String,
}

#[derive(Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// The newest version.
    changes: watch::Sender<u64>,
    /// Closes all watches.
    broken: broadcast::Sender<()>,
    directory: Arc<TempDir>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            changes: watch::channel(0).0,
            broken: broadcast::channel(16).0,
            directory: Arc::new(TempDir::new().unwrap()),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        server
    }

    pub(crate) async fn connect(&self) -> Cluster {
        let file = self.directory.path().join("kubeconfig");
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "a",
            "clusters": [{"name": "a", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "a", "user": {}}], "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]});
        #[expect(clippy::disallowed_methods, reason = "a test makes its kubeconfig")]
        std::fs::write(&file, config.to_string()).unwrap();
        connect(&Access { kubeconfig: Some(file), context: None }, &Environment::default()).await.unwrap()
    }

    /// Lets this number of the next requests fail.
    pub(crate) fn trouble(&self, method: &'static str, path: &'static str, times: usize, fault: Fault) {
        self.state.lock().unwrap().troubles.push(Trouble { method, path, times, fault });
    }

    pub(crate) fn end_trouble(&self) {
        self.state.lock().unwrap().troubles.clear();
    }

    /// Closes every watch.
    pub(crate) fn break_watches(&self) {
        let _ = self.broken.send(());
    }

    pub(crate) fn set_log(&self, log: &str) {
        log.clone_into(&mut self.state.lock().unwrap().log);
    }

    /// Method and path of every request so far; watches are distinguished from lists.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// The number of requests that begin with `start`.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.asked().iter().filter(|asked| asked.starts_with(start)).count()
    }

    pub(crate) fn object(&self, resource: &str, name: &str) -> Option<Value> {
        self.state.lock().unwrap().objects.get(&format!("{}/{name}", collection(resource))).cloned()
    }

    pub(crate) fn names(&self, resource: &str) -> Vec<String> {
        let start = format!("{}/", collection(resource));
        let state = self.state.lock().unwrap();
        state.objects.keys().filter_map(|path| path.strip_prefix(&start)).map(str::to_owned).collect()
    }

    /// How many objects of a resource were ever made.
    pub(crate) fn made(&self, resource: &str) -> usize {
        let state = self.state.lock().unwrap();
        let of = collection(resource);
        state.history.iter().filter(|(_, collection, change)| *collection == of && change["type"] == "ADDED").count()
    }

    /// Waits until the object exists.
    pub(crate) async fn wait_for(&self, resource: &str, name: &str) -> Value {
        for _ in 0..500 {
            if let Some(object) = self.object(resource, name) {
                return object;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {resource} {name}; asked were {:#?}", self.asked());
    }

    /// Sets a pod's status, as a kubelet or the scheduler does.
    pub(crate) fn set_status(&self, pod: &str, status: Value) {
        self.change("pods", pod, |object| object["status"] = status);
    }

    pub(crate) fn change(&self, resource: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let path = format!("{}/{name}", collection(resource));
        let mut object = self.state.lock().unwrap().objects.get(&path).cloned().expect("there is such an object");
        change(&mut object);
        self.put(&path, object, "MODIFIED");
    }

    /// Creates an object as another client.
    pub(crate) fn make(&self, resource: &str, name: &str, object: Value) {
        self.put(&format!("{}/{name}", collection(resource)), object, "ADDED");
    }

    /// Deletes an object as another client.
    pub(crate) fn remove(&self, resource: &str, name: &str) {
        let removed = self.state.lock().unwrap().objects.remove(&format!("{}/{name}", collection(resource)));
        self.tell(resource, "DELETED", removed.expect("there is such an object"));
    }

    fn tell(&self, resource: &str, kind: &str, mut object: Value) {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        self.note(&mut state, collection(resource), json!({"type": kind, "object": object}));
    }

    fn note(&self, state: &mut State, collection: String, change: Value) {
        let version = state.version;
        state.history.push((version, collection, change));
        self.changes.send_replace(version);
    }

    fn put(&self, path: &str, mut object: Value, kind: &str) -> Value {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        let version = state.version.to_string();
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(version);
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(format!("uid-{version}"));
        }
        state.objects.insert(path.to_owned(), object.clone());
        let collection = path.rsplit_once('/').unwrap().0.to_owned();
        self.note(&mut state, collection, json!({"type": kind, "object": object}));
        object
    }

    async fn serve(self, stream: TcpStream) {
        let (read, mut write) = stream.into_split();
        let mut reader = BufReader::new(read);
        while let Some((method, target, body)) = request(&mut reader).await {
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let is_watch = query.contains("watch=true");
            let shown = if is_watch { "WATCH" } else { method.as_str() };
            let fault = {
                let mut state = self.state.lock().unwrap();
                state.asked.push(format!("{shown} {path}"));
                // The path of a create lacks the object's name.
                let at = if method == "POST" { format!("{path}/{}", name(&body)) } else { path.to_owned() };
                let hit = state.troubles.iter_mut().find(|one| one.times > 0 && one.method == shown && at.contains(one.path));
                hit.map(|one| {
                    one.times -= 1;
                    one.fault
                })
            };
            match fault {
                Some(Fault::Closed) => return,
                Some(Fault::Silence) => std::future::pending().await,
                Some(Fault::Slow) => tokio::time::sleep(Duration::from_secs(2)).await,
                Some(Fault::Status(code)) => {
                    respond(&mut write, code, &status(code)).await;
                    continue;
                }
                Some(Fault::Late) => {
                    let (server, path) = (self.clone(), path.to_owned());
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_secs(4)).await;
                        server.answer(&method, &path, &body);
                    });
                    return;
                }
                Some(Fault::AnswerLost) => {
                    let _ = self.answer(&method, path, &body);
                    return;
                }
                None if is_watch => return self.stream(path, from(query), write).await,
                None => {}
            }
            if path.ends_with("/log") {
                let log = self.state.lock().unwrap().log.clone();
                respond_with(&mut write, 200, "text/plain", selected(&log, query)).await;
                continue;
            }
            let (code, answer) = self.answer(&method, path, &body);
            respond(&mut write, code, &answer).await;
        }
    }

    /// Streams the changes of a collection after a version.
    async fn stream(&self, path: &str, mut version: u64, mut write: OwnedWriteHalf) {
        let (mut changes, mut broken) = (self.changes.subscribe(), self.broken.subscribe());
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        if write.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        loop {
            let newer: Vec<_> = {
                let state = self.state.lock().unwrap();
                changes.mark_unchanged();
                let newer = state.history.iter().filter(|(at, collection, _)| *at > version && collection == path);
                let lines: Vec<_> = newer.map(|(_, _, change)| change.to_string()).collect();
                version = state.version;
                lines
            };
            for line in newer {
                if write.write_all(format!("{:x}\r\n{line}\n\r\n", line.len() + 1).as_bytes()).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = broken.recv() => return,
            }
        }
    }

    fn answer(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let there = self.state.lock().unwrap().objects.get(path).cloned();
        let sent = || serde_json::from_str::<Value>(body).unwrap();
        match (method, there) {
            ("GET", _) if path == "/version" => (
                200,
                json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "", "gitTreeState": "", "buildDate": "",
                    "goVersion": "", "compiler": "", "platform": ""}),
            ),
            ("GET", Some(object)) => (200, object),
            ("GET", None) if path.rsplit('/').next().is_some_and(|last| ["pods", "events", "secrets"].contains(&last)) => {
                let state = self.state.lock().unwrap();
                let items: Vec<_> = state
                    .objects
                    .iter()
                    .filter(|(at, _)| at.starts_with(&format!("{path}/")))
                    .map(|(_, object)| object)
                    .collect();
                let version = state.version.to_string();
                (200, json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items}))
            }
            ("POST", _) => {
                let mut object = sent();
                let at = format!("{path}/{}", object["metadata"]["name"].as_str().unwrap_or_default());
                if self.state.lock().unwrap().objects.contains_key(&at) {
                    return (409, status(409));
                }
                if path.ends_with("/pods") {
                    object["status"] = json!({"phase": "Pending"});
                }
                (201, self.put(&at, object, "ADDED"))
            }
            ("PUT" | "PATCH", Some(old)) => {
                let mut object = if method == "PUT" { sent() } else { merged(old.clone(), sent()) };
                object["metadata"]["uid"] = old["metadata"]["uid"].clone();
                (200, self.put(path, object, "MODIFIED"))
            }
            ("DELETE", Some(object)) => {
                let wanted = serde_json::from_str::<Value>(body).unwrap_or_default()["preconditions"]["uid"].take();
                if !wanted.is_null() && wanted != object["metadata"]["uid"] {
                    return (409, status(409));
                }
                let (at, name) = path.rsplit_once('/').unwrap();
                self.remove(at.rsplit('/').next().unwrap(), name);
                (200, object)
            }
            _ => (404, status(404)),
        }
    }
}

/// The version from which a watch resumes.
fn from(query: &str) -> u64 {
    number(query, "resourceVersion=").unwrap_or_default()
}

fn number(query: &str, key: &str) -> Option<u64> {
    query.split('&').find_map(|part| part.strip_prefix(key)).and_then(|text| text.parse().ok())
}

/// The part of a log that a kubelet sends: of the last lines, the first bytes.
fn selected<'log>(log: &'log str, query: &str) -> &'log str {
    let lines = number(query, "tailLines=").map_or(usize::MAX, |lines| usize::try_from(lines).unwrap());
    let begin = log.trim_end_matches('\n').rmatch_indices('\n').nth(lines - 1).map_or(0, |(at, _)| at + 1);
    let bytes = number(query, "limitBytes=").map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap());
    &log[begin..log.len().min(begin.saturating_add(bytes))]
}

/// Merges maps.
fn merged(mut old: Value, new: Value) -> Value {
    let Value::Object(entries) = new else { return new };
    for (key, value) in entries {
        let before = old[&key].take();
        old[&key] = merged(before, value);
    }
    old
}

/// The name of a sent object.
fn name(body: &str) -> String {
    let object: Value = serde_json::from_str(body).unwrap_or_default();
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn collection(resource: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/{resource}")
}

fn status(code: u16) -> Value {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "AlreadyExists",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let details = if code == 429 { json!({"retryAfterSeconds": 1}) } else { json!({}) };
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": format!("refused with {code}"), "details": details})
}

async fn respond(write: &mut OwnedWriteHalf, code: u16, answer: &Value) {
    respond_with(write, code, "application/json", &answer.to_string()).await;
}

async fn respond_with(write: &mut OwnedWriteHalf, code: u16, kind: &str, body: &str) {
    let head = format!("HTTP/1.1 {code} Status\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = write.write_all(format!("{head}{body}").as_bytes()).await;
}

/// Reads the next request: method, path with query, and body.
async fn request(reader: &mut BufReader<OwnedReadHalf>) -> Option<(String, String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).await.ok()?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        length = header.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some((method, path, String::from_utf8(body).ok()?))
}
