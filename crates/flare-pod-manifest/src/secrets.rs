//! Step 5: the Secrets that go with a pod.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flare_diagnostic::{Code, Collector, Diagnostic, Place, shown};
use flare_names::{SecretKey, startup_secret};
use serde_json::{Map, Value, json};

use crate::{
    additions::Additions, credentials, explain::Explanation, origin::Origin, request::LaunchRequest, site_files::SiteFiles,
};

/// Suffixes of the files of `startup/` that FLARE's launcher uses.
const REFERENCE_SUFFIXES: [&str; 4] = [".crt", ".key", ".pem", ".json"];

/// The maximum size of a Secret's data in Kubernetes, in bytes.
const MAX_SECRET: usize = 1 << 20;

pub(crate) fn of(
    request: &LaunchRequest,
    files: &SiteFiles,
    additions: &Additions,
    explanation: &mut Explanation,
    found: &mut Collector,
) -> Vec<Value> {
    let mut secrets = vec![startup(request, files, additions, explanation, found)];
    if request.target.capabilities().credentials_in_secret {
        let data = credentials::of(request).map(|(name, token)| (name.to_owned(), encoded(token.expose().as_bytes())));
        secrets.push(secret(&credentials::credentials_secret(request.job.pod_name.as_str()), request, &data.collect()));
    }
    secrets
}

fn startup(
    request: &LaunchRequest,
    files: &SiteFiles,
    additions: &Additions,
    explanation: &mut Explanation,
    found: &mut Collector,
) -> Value {
    let mut data = Map::new();
    let mut size = 0;
    for (name, bytes) in files.startup.iter().filter(|(name, _)| is_taken(name, additions)) {
        if SecretKey::new(name.as_str()).is_err() {
            let message = format!("the file `startup/{}` is left out: its name cannot be a key of a Secret", shown(name));
            found.push(Diagnostic::warning(Code::Notice, message).hint("use letters, digits, `-`, `_` and `.`"));
            continue;
        }
        size += bytes.len();
        data.insert(name.clone(), encoded(bytes));
    }
    if size > MAX_SECRET {
        let message =
            format!("the files of `startup/` have {size} bytes, and Kubernetes refuses a Secret of more than {MAX_SECRET}");
        found.push(Diagnostic::warning(Code::Notice, message).at(Place::file("startup")));
    }
    let name = startup_secret(&request.site);
    let keys: Vec<_> = data.keys().map(String::as_str).collect();
    explanation.add(&format!("Secret {name}"), keys.join(", "), Origin::StartupKit);
    secret(name.as_str(), request, &data)
}

/// Whether the startup Secret contains a file: all except shell scripts (defect 7), or only what FLARE's launcher uses.
#[allow(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "the launcher compares so, and files that differ in case are two"
)]
fn is_taken(name: &str, additions: &Additions) -> bool {
    if additions.all_startup_files {
        !name.ends_with(".sh")
    } else {
        REFERENCE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
    }
}

fn encoded(bytes: &[u8]) -> Value {
    Value::String(STANDARD.encode(bytes))
}

fn secret(name: &str, request: &LaunchRequest, data: &Map<String, Value>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "namespace": request.namespace() },
        "type": "Opaque",
        "data": data,
    })
}
