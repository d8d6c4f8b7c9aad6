//! A small simulated cluster for job pods: an API server with watches, and a kubelet whose containers do what their image's name says.
//! It is faster than a real cluster and can fail on demand.
//!
//! Images: `fl/exit:CODE` runs briefly and exits with the code, `fl/run:1` runs until its pod is deleted, `fl/pull:1` cannot be pulled,
//! `fl/wait:1` is never scheduled, `fl/refused:1` is refused by a quota, `fl/invalid:1` with a quotation of the container.

use std::{
    collections::BTreeMap,
    io::{BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::api_server::read;

/// How long a state of a pod lasts.
const MOMENT: Duration = Duration::from_millis(60);

/// The resources that can be listed.
const COLLECTIONS: [&str; 5] = ["pods", "events", "secrets", "configmaps", "deployments"];

#[derive(Debug, Default)]
struct State {
    /// Path → object.
    objects: BTreeMap<String, Value>,
    /// Each change with its version and collection.
    history: Vec<(u64, String, String)>,
    version: u64,
    /// Method and path of each request, `WATCH` for watches.
    asked: Vec<String>,
}

/// The cluster. It runs until the process ends.
#[derive(Debug, Clone)]
pub struct PodCluster {
    address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
    /// How long it takes to replace an object; one is replaced after the other.
    replacing: Arc<Mutex<Duration>>,
}

impl PodCluster {
    /// Starts it on a free loopback port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cluster = Self { address: listener.local_addr().unwrap(), state: Arc::default(), replacing: Arc::default() };
        let serving = cluster.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(&connection));
            }
        });
        cluster
    }

    /// Writes a kubeconfig for it.
    pub fn kubeconfig(&self, path: &Path) -> PathBuf {
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": {"token": "t"}}],
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", self.address)}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]});
        std::fs::write(path, config.to_string()).unwrap();
        path.to_path_buf()
    }

    /// The number of requests that begin with `start`, such as `POST /api/v1/namespaces/fl/pods`.
    pub fn count(&self, start: &str) -> usize {
        self.state.0.lock().unwrap().asked.iter().filter(|asked| asked.starts_with(start)).count()
    }

    /// The names of a resource's objects in namespace `fl`.
    pub fn names(&self, resource: &str) -> Vec<String> {
        let start = format!("/api/v1/namespaces/fl/{resource}/");
        let state = self.state.0.lock().unwrap();
        state.objects.keys().filter_map(|path| path.strip_prefix(&start)).map(str::to_owned).collect()
    }

    /// Whether a pod is in a phase.
    pub fn has_pod_in(&self, phase: &str) -> bool {
        let state = self.state.0.lock().unwrap();
        state.objects.iter().any(|(path, object)| path.contains("/pods/") && object["status"]["phase"] == phase)
    }

    /// Creates an object as another client.
    pub fn make(&self, path: &str, object: Value) {
        self.put(path, object, "ADDED");
    }

    /// Lets each replacement of an object take this long, one after the other.
    pub fn replace_slowly(&self, pause: Duration) {
        *self.replacing.lock().unwrap() = pause;
    }

    fn put(&self, path: &str, mut object: Value, kind: &str) -> Value {
        let mut state = self.state.0.lock().unwrap();
        state.version += 1;
        let version = state.version;
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(version.to_string());
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(format!("uid-{version}"));
            metadata["creationTimestamp"] = json!(jiff::Timestamp::now().to_string());
        }
        state.objects.insert(path.to_owned(), object.clone());
        let line = json!({"type": kind, "object": object}).to_string();
        state.history.push((version, path.rsplit_once('/').unwrap().0.to_owned(), line));
        self.state.1.notify_all();
        object
    }

    /// Removes an object and what it owns.
    pub fn remove(&self, path: &str) -> Option<Value> {
        let mut state = self.state.0.lock().unwrap();
        let mut object = state.objects.remove(path)?;
        let uid = object["metadata"]["uid"].clone();
        state.objects.retain(|_, owned| owned["metadata"]["ownerReferences"][0]["uid"] != uid);
        state.version += 1;
        let version = state.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let line = json!({"type": "DELETED", "object": object}).to_string();
        state.history.push((version, path.rsplit_once('/').unwrap().0.to_owned(), line));
        self.state.1.notify_all();
        Some(object)
    }

    fn get(&self, path: &str) -> Option<Value> {
        self.state.0.lock().unwrap().objects.get(path).cloned()
    }

    fn serve(&self, connection: &TcpStream) {
        let mut reader = BufReader::new(connection);
        while let Some((method, target, body)) = read(&mut reader) {
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let is_watch = query.contains("watch=true");
            let shown = if is_watch { "WATCH" } else { method.as_str() };
            self.state.0.lock().unwrap().asked.push(format!("{shown} {path}"));
            if is_watch {
                return self.stream(path, query, connection);
            }
            let (status, kind, text) = if let Some(pod) = path.strip_suffix("/log") {
                (200, "text/plain", self.log(pod))
            } else {
                let (status, answer) = self.answer(&method, path, query, &body);
                (status, "application/json", answer.to_string())
            };
            let head = format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", text.len());
            if (&*connection).write_all(format!("{head}{text}").as_bytes()).is_err() {
                return;
            }
        }
    }

    /// A job's output, which contains its tokens, as user code may print them.
    fn log(&self, pod: &str) -> String {
        let pod = self.get(pod).unwrap_or_default();
        if pod["spec"]["containers"][0]["args"][1] == "-c" {
            // A canary that finds no way to its parent.
            let found = json!([{"id": "J03", "severity": "ok", "message": "nvflare", "hint": null},
                {"id": "J05", "severity": "error", "message": "no way to the parent", "hint": "see whether it runs"}]);
            return format!("hello\nflare-kube-canary {found}\n");
        }
        format!("hello\n{}\nthe last line\n", pod["spec"]["containers"][0]["args"])
    }

    /// Streams the changes of a collection after a version.
    fn stream(&self, path: &str, query: &str, mut connection: &TcpStream) {
        let from = query.split('&').find_map(|part| part.strip_prefix("resourceVersion="));
        let mut version: u64 = from.and_then(|text| text.parse().ok()).unwrap_or_default();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut written = connection.write_all(head.as_bytes());
        while written.is_ok() {
            let mut state = self.state.0.lock().unwrap();
            if state.version == version {
                state = self.state.1.wait_timeout(state, Duration::from_secs(1)).unwrap().0;
            }
            let of = |line: &str| is_selected(query, &serde_json::from_str::<Value>(line).unwrap_or_default()["object"]);
            let newer = state.history.iter().filter(|(at, collection, line)| *at > version && collection == path && of(line));
            let chunks: String = newer.map(|(_, _, line)| format!("{:x}\r\n{line}\n\r\n", line.len() + 1)).collect();
            version = state.version;
            drop(state);
            written = connection.write_all(chunks.as_bytes());
        }
    }

    fn answer(&self, method: &str, path: &str, query: &str, body: &[u8]) -> (u16, Value) {
        let there = self.get(path);
        let sent = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        let kept = !query.contains("dryRun");
        match (method, there) {
            ("GET", _) if path == "/version" => {
                let mut version = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4"});
                for field in ["gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"] {
                    version[field] = json!("");
                }
                (200, version)
            }
            ("POST", _) if path.ends_with("reviews") => {
                let mut review = sent();
                review["status"] = json!({"allowed": true, "userInfo": {"username": "anna"}});
                (201, review)
            }
            ("POST", _) => self.create(path, sent(), kept),
            ("PUT" | "PATCH", Some(old)) => {
                if method == "PUT" {
                    let pause = self.replacing.lock().unwrap();
                    thread::sleep(*pause);
                }
                let mut object = if method == "PUT" { sent() } else { merged(old.clone(), sent()) };
                object["metadata"]["uid"] = old["metadata"]["uid"].clone();
                (200, self.put(path, object, "MODIFIED"))
            }
            ("DELETE", Some(object)) => self.delete(path, object, &sent()),
            ("GET", Some(object)) => (200, object),
            ("GET", None) if COLLECTIONS.iter().any(|resource| path.ends_with(&format!("/{resource}"))) => {
                let state = self.state.0.lock().unwrap();
                let of = |at: &String| at.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
                let all = state.objects.iter().filter(|(at, _)| of(at)).map(|(_, object)| object);
                let items: Vec<_> = all.filter(|object| is_selected(query, object)).collect();
                let metadata = json!({"resourceVersion": state.version.to_string()});
                (200, json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}))
            }
            _ => refused(404, "NotFound", "not found"),
        }
    }

    /// Creates an object, and for a pod begins to run it. A dry run keeps nothing.
    fn create(&self, path: &str, mut object: Value, kept: bool) -> (u16, Value) {
        let at = format!("{path}/{}", object["metadata"]["name"].as_str().unwrap_or_default());
        if self.get(&at).is_some() {
            return refused(409, "AlreadyExists", "it exists already");
        }
        if path.ends_with("/pods") {
            if image(&object) == "fl/refused:1" {
                return refused(403, "Forbidden", "exceeded quota: q");
            }
            if image(&object) == "fl/invalid:1" {
                let container = &object["spec"]["containers"][0];
                return refused(422, "Invalid", &format!("spec.containers[0]: Invalid value: {container}"));
            }
            object["status"] = json!({"phase": "Pending"});
        }
        if !kept {
            return (201, object);
        }
        let made = self.put(&at, object, "ADDED");
        if path.ends_with("/pods") {
            let kubelet = self.clone();
            thread::spawn(move || kubelet.run(&at));
        }
        (201, made)
    }

    /// Deletes an object: a running pod after a moment, everything else at once, but for what a finalizer keeps.
    fn delete(&self, path: &str, mut object: Value, options: &Value) -> (u16, Value) {
        let wanted = &options["preconditions"]["uid"];
        if !wanted.is_null() && *wanted != object["metadata"]["uid"] {
            return refused(409, "Conflict", "another uid");
        }
        if object["metadata"]["finalizers"].is_array() {
            object["metadata"]["deletionTimestamp"] = json!(jiff::Timestamp::now().to_string());
            return (200, self.put(path, object, "MODIFIED"));
        }
        if object["status"]["phase"] == "Running" {
            object["metadata"]["deletionTimestamp"] = json!(jiff::Timestamp::now().to_string());
            let answer = self.put(path, object, "MODIFIED");
            let (kubelet, at) = (self.clone(), path.to_owned());
            thread::spawn(move || {
                thread::sleep(MOMENT);
                kubelet.set(&at, "Failed", &json!({"terminated": {"exitCode": 143, "reason": "Error"}}));
                thread::sleep(MOMENT);
                kubelet.remove(&at);
            });
            return (200, answer);
        }
        self.remove(path);
        (200, object)
    }

    /// Simulates the life of a pod.
    fn run(&self, path: &str) {
        let image = self.get(path).map(|pod| image(&pod)).unwrap_or_default();
        thread::sleep(MOMENT);
        match image.split_once(':').unwrap_or_default() {
            ("fl/exit", code) => {
                let code: i32 = code.parse().unwrap();
                self.set(path, "Running", &json!({"running": {}}));
                thread::sleep(MOMENT * 3);
                let phase = if code == 0 { "Succeeded" } else { "Failed" };
                let reason = if code == 0 { "Completed" } else { "Error" };
                self.set(path, phase, &json!({"terminated": {"exitCode": code, "reason": reason}}));
            }
            ("fl/run", _) => self.set(path, "Running", &json!({"running": {}})),
            ("fl/pull", _) => self.set(path, "Pending", &json!({"waiting": {"reason": "ErrImagePull", "message": "not found"}})),
            _ => {}
        }
    }

    fn set(&self, path: &str, phase: &str, state: &Value) {
        let Some(mut pod) = self.get(path) else { return };
        let container = &pod["spec"]["containers"][0];
        pod["status"] = json!({"phase": phase, "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{"name": container["name"], "image": container["image"], "imageID": "", "ready": false,
                "restartCount": 0, "state": state}]});
        self.put(path, pod, "MODIFIED");
    }
}

/// Whether an object has all the labels that a request selects by: equalities only.
fn is_selected(query: &str, object: &Value) -> bool {
    let selector = query.split('&').find_map(|part| part.strip_prefix("labelSelector=")).unwrap_or_default();
    let selector = selector.replace("%2F", "/").replace("%3D", "=").replace("%2C", ",");
    let mut wanted = selector.split(',').filter_map(|pair| pair.split_once('='));
    wanted.all(|(key, value)| object["metadata"]["labels"][key] == value)
}

fn image(pod: &Value) -> String {
    pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned()
}

fn refused(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": message, "details": {}});
    (code, status)
}

/// Merges maps like a merge patch.
fn merged(mut old: Value, new: Value) -> Value {
    let Value::Object(entries) = new else { return new };
    for (key, value) in entries {
        let before = old[&key].take();
        old[&key] = merged(before, value);
    }
    old
}
