//! A small API server that keeps `ConfigMap`s and Secrets in memory, allows everything, records requests, and can stop answering at
//! any request, for tests that kill a program at exactly that request.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// At which request the server stops answering, and whether it still executes that one.
#[derive(Debug, Clone, Copy)]
pub struct Silence {
    /// The number of the request, from 1.
    pub request: usize,
    /// Whether it is executed.
    pub carried_out: bool,
}

#[derive(Debug, Default)]
struct State {
    /// The objects by path.
    objects: BTreeMap<String, Value>,
    /// The requests of this run: method, and path with query.
    asked: Vec<(String, String)>,
    silence: Option<Silence>,
    is_silent: bool,
    /// The number of the run; threads of earlier runs end.
    run: usize,
}

/// The server. It lives as long as the process.
#[derive(Debug, Clone)]
pub struct ApiServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl ApiServer {
    /// Starts it on a free port of loopback.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let serving = server.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(&connection));
            }
        });
        server
    }

    /// Writes a kubeconfig for it.
    pub fn kubeconfig(&self, path: &Path) -> PathBuf {
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": {"token": "t"}}],
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", self.address)}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]});
        std::fs::write(path, config.to_string()).unwrap();
        path.to_path_buf()
    }

    /// Begins a run without requests. The objects stay.
    pub fn begin(&self, silence: Option<Silence>) {
        let mut state = self.state.lock().unwrap();
        let run = state.run + 1;
        *state = State { objects: std::mem::take(&mut state.objects), silence, run, ..State::default() };
    }

    /// Removes all objects.
    pub fn clear(&self) {
        self.state.lock().unwrap().objects.clear();
    }

    /// Stores an object.
    pub fn put(&self, path: &str, object: Value) {
        self.state.lock().unwrap().objects.insert(path.to_owned(), object);
    }

    /// The paths of all objects.
    pub fn objects(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    /// Whether it has received the request at which it stops answering.
    pub fn is_silent(&self) -> bool {
        self.state.lock().unwrap().is_silent
    }

    /// The writing requests of this run: method, and path with query.
    pub fn writes(&self) -> Vec<(String, String)> {
        let state = self.state.lock().unwrap();
        let is_write = |(method, path): &&(String, String)| method != "GET" && !path.contains("subject");
        state.asked.iter().filter(is_write).cloned().collect()
    }

    fn serve(&self, connection: &TcpStream) {
        let mut reader = BufReader::new(connection);
        let run = self.state.lock().unwrap().run;
        while let Some((method, path, body)) = read(&mut reader) {
            let Some((status, answer)) = self.answer(&method, &path, &body) else {
                while self.state.lock().unwrap().run == run {
                    thread::sleep(Duration::from_millis(20));
                }
                return;
            };
            let text = answer.to_string();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", text.len());
            if (&*connection).write_all(format!("{head}{text}").as_bytes()).is_err() {
                return;
            }
        }
    }

    /// Status and body; `None` if it does not answer.
    fn answer(&self, method: &str, path: &str, body: &[u8]) -> Option<(u16, Value)> {
        let mut state = self.state.lock().unwrap();
        if state.is_silent {
            return None;
        }
        state.asked.push((method.to_owned(), path.to_owned()));
        let silence = state.silence.filter(|silence| silence.request == state.asked.len());
        if silence.is_some_and(|silence| !silence.carried_out) {
            state.is_silent = true;
            return None;
        }
        let answer = carry_out(&mut state.objects, method, path.split('?').next().unwrap_or_default(), body);
        state.is_silent = silence.is_some();
        (!state.is_silent).then_some(answer)
    }
}

fn carry_out(objects: &mut BTreeMap<String, Value>, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let not_found = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404,
        "reason": "NotFound", "message": "not found", "details": {}});
    // The answer to a review is the review with its status.
    let review = |status: Value| {
        let mut review: Value = serde_json::from_slice(body).unwrap();
        review["status"] = status;
        (201, review)
    };
    match method {
        "GET" if path == "/version" => {
            let fields = ["gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"];
            let mut version = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4"});
            for field in fields {
                version[field] = json!("");
            }
            (200, version)
        }
        "POST" if path.ends_with("accessreviews") => review(json!({"allowed": true})),
        "POST" if path.ends_with("selfsubjectreviews") => review(json!({"userInfo": {"username": "anna"}})),
        "GET" if path.ends_with("/configmaps") || path.ends_with("/pods") => {
            let items: Vec<&Value> = objects
                .range(path.to_owned()..)
                .filter(|(at, _)| at.starts_with(&format!("{path}/")))
                .map(|(_, object)| object)
                .collect();
            (200, json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}))
        }
        "GET" => objects.get(path).map_or((404, not_found), |object| (200, object.clone())),
        "PATCH" => {
            let object: Value = serde_json::from_slice(body).unwrap();
            objects.insert(path.to_owned(), object.clone());
            (200, object)
        }
        "DELETE" => objects.remove(path).map_or((404, not_found), |object| (200, object)),
        _ => (404, not_found),
    }
}

/// Method, path and body of the next request.
pub(crate) fn read(reader: &mut BufReader<&TcpStream>) -> Option<(String, String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        length = header.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method, path, body))
}
