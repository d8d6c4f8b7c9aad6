//! A small API server: stores pods, Secrets and events in memory, streams watches, and can fail at any request. The tests
//! simulate the kubelet.

mod answers;
mod http;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use flare_cluster::{Access, Cluster, ClusterEnvironment, connect};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    sync::{broadcast, watch},
};

use self::http::{name, request, respond, respond_with, selected, status, version};

const NAMESPACE: &str = "fl";

/// What happens to a request instead of its normal answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is refused with this status.
    Status(u16),
    /// It is carried out, but the connection is closed before the answer.
    AnswerLost,
    /// It is carried out, and something on the way answers what cannot be read.
    Garbled,
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
        connect(&Access { kubeconfig: Some(file), context: None }, &ClusterEnvironment::default()).await.unwrap()
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
                Some(Fault::Garbled) => {
                    let _ = self.answer(&method, path, &body);
                    respond_with(&mut write, 200, "application/json", "{").await;
                    continue;
                }
                Some(Fault::AnswerLost) => {
                    let _ = self.answer(&method, path, &body);
                    return;
                }
                None if is_watch => return self.stream(path, version(query), write).await,
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
}

fn collection(resource: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/{resource}")
}
