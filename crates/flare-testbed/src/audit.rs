//! The API server's audit log, for counting the requests of a program.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use flare_diagnostic::Faults;
use serde::Deserialize;

use crate::{ClusterName, Context, fault::disk, state::StateDirectory};

/// The audit log of a cluster. A request is logged when it has been answered, a watch also when it begins; each is
/// counted once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    path: PathBuf,
}

/// One request to the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When it was received: UTC in the log's form, such as `2026-11-25T08:00:01.123456Z`. Texts of this form sort like times.
    pub received: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// The program's user agent, such as `kubectl/v1.34.4 (linux/amd64) kubernetes/…`; empty if it sent none.
    pub user_agent: String,
    /// The user, such as `system:serviceaccount:NAMESPACE:NAME`.
    pub user: String,
    /// The resource in the plural, such as `pods`, with its subresource (`pods/exec`); `None` if the path is not of a resource.
    pub resource: Option<String>,
    /// The namespace, if the resource has one.
    pub namespace: Option<String>,
    /// The object's name, if the request names one.
    pub name: Option<String>,
    /// The status of the answer; that of a watch is known when it ends. 0 if none was sent.
    pub status: u16,
}

/// Which requests are selected. A field that is `None` excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// The beginning of the user agent, such as `OpenAPI-Generator/` for Python's client.
    pub user_agent: Option<&'a str>,
    /// The full name of the user.
    pub user: Option<&'a str>,
    /// The verb.
    pub verb: Option<&'a str>,
    /// The resource, in the form of [`Request::resource`].
    pub resource: Option<&'a str>,
    /// The namespace.
    pub namespace: Option<&'a str>,
    /// The earliest time, in the form of [`Request::received`]. Shorter texts (`2026-11-25T08:00`) work too.
    pub from: Option<&'a str>,
    /// The end, exclusive, in the same form.
    pub until: Option<&'a str>,
}

impl Filter<'_> {
    /// Whether a request is selected.
    pub fn matches(&self, request: &Request) -> bool {
        let equal = |wanted: Option<&str>, found: Option<&str>| wanted.is_none() || wanted == found;
        self.user_agent.is_none_or(|start| request.user_agent.starts_with(start))
            && equal(self.user, Some(&request.user))
            && equal(self.verb, Some(&request.verb))
            && equal(self.resource, request.resource.as_deref())
            && equal(self.namespace, request.namespace.as_deref())
            && self.from.is_none_or(|from| request.received.as_str() >= from)
            && self.until.is_none_or(|until| request.received.as_str() < until)
    }
}

impl Log {
    /// The log at a path. It is read again for every query, since it grows.
    ///
    /// # Errors
    /// [`flare_diagnostic::Code::ClusterFailed`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Faults> {
        File::open(path).map_err(|error| disk("read", path, &error))?;
        Ok(Self { path: path.to_owned() })
    }

    /// The log of a local cluster.
    ///
    /// # Errors
    /// As [`Log::open`]; a cluster that is not built from source has none.
    pub fn of_cluster(context: &Context<'_>, name: &ClusterName) -> Result<Self, Faults> {
        Self::open(&StateDirectory::of(context, name).audit_log())
    }

    /// The requests that a filter selects, in the order of the log.
    /// A last line that is still being written is left out.
    ///
    /// # Errors
    /// [`flare_diagnostic::Code::ClusterFailed`] if the log cannot be read.
    pub fn requests(&self, filter: &Filter<'_>) -> Result<Vec<Request>, Faults> {
        let refused = |error: std::io::Error| Faults::from(disk("read", &self.path, &error));
        let reader = BufReader::new(File::open(&self.path).map_err(refused)?);
        let mut requests: Vec<Request> = Vec::new();
        let mut places = HashMap::new();
        for line in reader.split(b'\n') {
            let Ok(event) = serde_json::from_slice::<Event>(&line.map_err(refused)?) else { continue };
            let id = event.audit_id.clone();
            let request = Request::from(event);
            if !filter.matches(&request) {
                continue;
            }
            if let Some(place) = places.get(&id) {
                requests[*place] = request;
            } else {
                places.insert(id, requests.len());
                requests.push(request);
            }
        }
        Ok(requests)
    }

    /// How many requests a filter selects.
    ///
    /// # Errors
    /// As [`Log::requests`].
    pub fn count(&self, filter: &Filter<'_>) -> Result<usize, Faults> {
        Ok(self.requests(filter)?.len())
    }
}

/// A line of the log: `audit.k8s.io/v1` Event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "auditID")]
    audit_id: String,
    #[serde(rename = "requestURI")]
    uri: String,
    verb: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    object_ref: Option<ObjectReference>,
    response_status: Option<ResponseStatus>,
    request_received_timestamp: String,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct ObjectReference {
    resource: Option<String>,
    subresource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}

impl From<Event> for Request {
    fn from(event: Event) -> Self {
        let object = event.object_ref;
        let resource = object.as_ref().and_then(|object| {
            let resource = object.resource.clone()?;
            Some(object.subresource.as_ref().map_or(resource.clone(), |below| format!("{resource}/{below}")))
        });
        Self {
            received: event.request_received_timestamp,
            verb: event.verb,
            uri: event.uri,
            user_agent: event.user_agent,
            user: event.user.username,
            resource,
            namespace: object.as_ref().and_then(|object| object.namespace.clone()),
            name: object.and_then(|object| object.name),
            status: event.response_status.map_or(0, |status| status.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, fs};

    use serde_json::json;

    use super::{Filter, Log};

    fn line(id: u32, verb: &str, agent: &str, second: u32, status: u16) -> String {
        json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": id.to_string(),
            "stage": "ResponseComplete", "requestURI": "/api/v1/namespaces/a/pods/p", "verb": verb,
            "user": {"username": "system:serviceaccount:a:b"}, "userAgent": agent,
            "objectRef": {"resource": "pods", "namespace": "a", "name": "p", "apiVersion": "v1"},
            "responseStatus": {"metadata": {}, "code": status},
            "requestReceivedTimestamp": format!("2026-11-25T08:00:{second:02}.000001Z"),
        })
        .to_string()
    }

    #[test]
    fn requests_are_counted_by_what_they_are_and_each_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let mut text = String::new();
        for (id, verb, agent, second, status) in [
            (1, "get", "OpenAPI-Generator/33.1.0/python", 1, 200),
            (2, "watch", "kubelet/v1.34.4", 2, 200),
            (3, "get", "OpenAPI-Generator/33.1.0/python", 3, 404),
            (2, "watch", "kubelet/v1.34.4", 2, 200),
            (4, "delete", "kubectl/v1.34.4", 4, 200),
        ] {
            writeln!(text, "{}", line(id, verb, agent, second, status)).unwrap();
        }
        text.push_str("{\"kind\":\"Ev");
        fs::write(&path, text).unwrap();
        let log = Log::open(&path).unwrap();
        let count = |filter: Filter<'_>| log.count(&filter).unwrap();
        assert_eq!(count(Filter::default()), 4);
        assert_eq!(count(Filter { user_agent: Some("OpenAPI-Generator/"), verb: Some("get"), ..Filter::default() }), 2);
        assert_eq!(
            count(Filter { from: Some("2026-11-25T08:00:02"), until: Some("2026-11-25T08:00:04"), ..Filter::default() }),
            2
        );
        assert_eq!(count(Filter { resource: Some("pods"), namespace: Some("a"), ..Filter::default() }), 4);
        assert_eq!(count(Filter { resource: Some("pods/exec"), ..Filter::default() }), 0);
        assert_eq!(count(Filter { user: Some("system:serviceaccount:a"), ..Filter::default() }), 0);
        assert_eq!(log.requests(&Filter::default()).unwrap()[2].status, 404);
    }

    #[test]
    fn a_log_that_is_not_there_is_said_at_once() {
        assert!(Log::open(std::path::Path::new("/none")).is_err());
    }
}
