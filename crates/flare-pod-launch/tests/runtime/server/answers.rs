//! What is stored for each request, and its answer.

use serde_json::{Value, json};

use super::{Server, http::status};

impl Server {
    pub(super) fn answer(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
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

/// Merges maps.
fn merged(mut old: Value, new: Value) -> Value {
    let Value::Object(entries) = new else { return new };
    for (key, value) in entries {
        let before = old[&key].take();
        old[&key] = merged(before, value);
    }
    old
}
