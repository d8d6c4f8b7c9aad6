//! Shared by the integration tests of this crate: reading a kit directory, and comparing Kubernetes JSON.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, missing_docs, reason = "helpers of tests")]

pub mod generate;
pub mod oracle;

use std::{collections::BTreeMap, fs, path::Path};

use flare_diagnostic::{Checked, Faults};
use flare_names::Target;
use flare_pod_manifest::{Additions, FileContent, LaunchRequest, Manifest, SiteFiles, SitePath, manifest};
use serde_json::{Map, Value};

/// Reads `startup/` and every file that the request needs.
pub fn read_site(request: &LaunchRequest, kit: &Path) -> SiteFiles {
    let mut startup = BTreeMap::new();
    for entry in fs::read_dir(kit.join("startup")).into_iter().flatten().flatten() {
        if entry.path().is_file() {
            startup.insert(entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        }
    }
    SiteFiles::new(startup).gather(request, |path| {
        let path = match path {
            SitePath::BelowKit(relative) => kit.join(relative),
            SitePath::AsItStands(path) => path.into(),
        };
        match fs::read(&path) {
            Ok(bytes) => FileContent::Bytes(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => FileContent::Missing,
            Err(_) => FileContent::Unreadable,
        }
    })
}

/// Makes a manifest from a request document and a kit directory.
pub fn launch(request: &str, kit: &Path, target: Target, additions: &Additions) -> Result<Checked<Manifest>, Faults> {
    let Checked { value: request, mut warnings } = LaunchRequest::parse(request.as_bytes(), "request.json", target)?;
    let files = read_site(&request, kit);
    let mut made = manifest(&request, &files, additions)?;
    warnings.append(&mut made.warnings);
    Ok(Checked { value: made.value, warnings })
}

/// The same from files in memory; `workspace` is the request's.
pub fn launch_in_memory(
    request: &str,
    files: &[(String, String)],
    target: Target,
    additions: &Additions,
) -> Result<Checked<Manifest>, Faults> {
    let Checked { value: request, warnings } = LaunchRequest::parse(request.as_bytes(), "request.json", target)?;
    let of_startup = |(path, text): &(String, String)| {
        let name = path.strip_prefix("startup/").filter(|name| !name.contains('/'))?;
        Some((name.to_owned(), text.clone().into_bytes()))
    };
    let site = SiteFiles::new(files.iter().filter_map(of_startup).collect()).gather(&request, |path| {
        let SitePath::BelowKit(path) = path else { return FileContent::Missing };
        let found = files.iter().rev().find(|(name, _)| name == path);
        found.map_or(FileContent::Missing, |(_, text)| FileContent::Bytes(text.clone().into_bytes()))
    });
    Checked { value: (), warnings }.and_then(|()| manifest(&request, &site, additions))
}

/// Makes a kit directory from relative paths and texts.
pub fn write_kit(directory: &Path, files: &[(String, String)]) {
    for (path, text) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Kubernetes JSON, normalised: without nulls and empty lists, with lists sorted by name.
pub fn meaning(value: &Value) -> Value {
    normal(value, "")
}

fn normal(value: &Value, key: &str) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(key, value)| (key, normal(value, key))).filter(|(_, value)| !means_nothing(value));
            let quantities = key == "requests" || key == "limits";
            let text = |value: Value| if quantities && value.is_number() { Value::String(value.to_string()) } else { value };
            kept.map(|(key, value)| (key.clone(), text(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(|item| normal(item, "")).collect();
            if matches!(key, "volumes" | "volumeMounts" | "imagePullSecrets" | "items") {
                items.sort_by_key(Value::to_string);
            }
            Value::Array(items)
        }
        other => other.clone(),
    }
}

fn means_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
