//! Compares two prepared kits semantically.

use std::collections::BTreeMap;
use std::path::Path;

use integration_tests::helm;
use integration_tests::kit::{Entry, Tree};
use integration_tests::oracle::{Oracle, Outcome};
use serde_json::{Map, Value, json};

use super::case::{Case, Side};

/// One difference between the two sides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// `report`, `tree`, `warnings`, a file such as `helm_chart/values.yaml`, or a manifest such as `manifest Deployment`.
    pub(crate) place: String,
    /// The path in it: keys and indexes, joined by `/`; empty for the whole.
    pub(crate) path: String,
    /// The reference's value.
    pub(crate) reference: Option<Value>,
    /// flare-kube's value.
    pub(crate) ours: Option<Value>,
}

impl Difference {
    fn new(place: &str, path: &str, reference: Option<&Value>, ours: Option<&Value>) -> Self {
        Self { place: place.to_owned(), path: path.to_owned(), reference: reference.cloned(), ours: ours.cloned() }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "(nothing)".to_owned(), Value::to_string);
        write!(
            formatter,
            "{} at `{}`\n      reference: {}\n      ours:      {}",
            self.place,
            self.path,
            shown(&self.reference),
            shown(&self.ours)
        )
    }
}

/// The result of one side of a case.
#[derive(Debug)]
pub(crate) struct Done<'a> {
    pub(crate) side: &'a Side,
    pub(crate) outcome: &'a Outcome,
}

/// All differences between two successful runs.
pub(crate) fn compare(case: &Case, oracle: &mut Oracle, reference: &Done<'_>, ours: &Done<'_>) -> Vec<Difference> {
    let mut differences = Vec::new();
    reports(oracle, reference, ours, &mut differences);
    warnings(reference, ours, &mut differences);
    trees(case, oracle, reference.side, ours.side, &mut differences);
    for file in ["helm_chart/Chart.yaml", "helm_chart/values.yaml"] {
        let [left, right] = [reference, ours].map(|done| oracle.read_yaml(&done.side.prepared.join(file)));
        values(file, "", &left, &right, &mut differences);
    }
    if case.render {
        manifests(oracle, reference, ours, &mut differences);
    }
    differences
}

/// A report with the paths of its side normalised and the helm command split into words.
fn report(oracle: &mut Oracle, done: &Done<'_>) -> Value {
    let directory = done.side.directory.display().to_string();
    let mut report = done.outcome.report.clone().unwrap_or_default();
    // flare-kube's command is split like in a shell. The reference does not quote (defect 22), but neither release name
    // nor namespace can contain a space, so its command is split at the known words around the chart's path.
    let command = report["helm_command"].as_str().unwrap_or_default().to_owned();
    let chart = report["helm_chart"].as_str().unwrap_or_default().to_owned();
    report["helm_command"] = match command.split_once(&format!(" {chart} ")) {
        Some((before, after)) => {
            let words = before.split(' ').chain([chart.as_str()]).chain(after.split(' '));
            words.collect::<Vec<_>>().into()
        }
        None => oracle.words(&command),
    };
    serde_json::from_str(&report.to_string().replace(&json_text(&directory), "$CASE")).unwrap()
}

/// A path as written in a JSON text.
fn json_text(text: &str) -> String {
    Value::String(text.to_owned()).to_string().trim_matches('"').to_owned()
}

fn reports(oracle: &mut Oracle, reference: &Done<'_>, ours: &Done<'_>, differences: &mut Vec<Difference>) {
    let [left, right] = [reference, ours].map(|done| report(oracle, done));
    values("report", "", &left, &right, differences);
}

/// Compares the subjects of warnings: the ids of replaced components, and storage that was not moved.
fn warnings(reference: &Done<'_>, ours: &Done<'_>, differences: &mut Vec<Difference>) {
    let [left, right] = [reference, ours].map(|done| {
        let mut subjects: Vec<String> = done.outcome.warnings.iter().filter_map(|line| subject(line)).collect();
        subjects.sort();
        subjects
    });
    let mut counts: BTreeMap<&str, [i64; 2]> = BTreeMap::new();
    for (side, subjects) in [&left, &right].into_iter().enumerate() {
        for subject in subjects {
            counts.entry(subject).or_default()[side] += 1;
        }
    }
    for (subject, [left, right]) in counts {
        if left != right {
            differences.push(Difference::new("warnings", subject, Some(&json!(left)), Some(&json!(right))));
        }
    }
}

/// The subject of a warning of either side; `None` for one that only flare-kube has.
fn subject(line: &str) -> Option<String> {
    if line.contains("snapshot_persistor") && line.to_lowercase().contains("snapshot") {
        return Some("snapshot_persistor".to_owned());
    }
    let ids = ["process_launcher", "docker_launcher", "k8s_launcher", "slurm_launcher", "resource_consumer", "resource_manager"];
    if !line.contains("component") {
        return None;
    }
    // The dropped component is named before its replacement.
    ids.iter()
        .filter_map(|id| Some((line.find(&format!("'{id}'")).or_else(|| line.find(&format!("`{id}`")))?, id)))
        .min()
        .map(|(_, id)| (*id).to_owned())
}

fn trees(case: &Case, oracle: &mut Oracle, reference: &Side, ours: &Side, differences: &mut Vec<Difference>) {
    let [left, right] = [reference, ours].map(|side| Tree::read(&side.prepared));
    let [kinds_left, kinds_right] = [&left, &right].map(kinds);
    values("tree", "", &kinds_left, &kinds_right, differences);
    for (path, entry) in &left.0 {
        let (Entry::File(bytes, _), Some(Entry::File(our_bytes, _))) = (entry, right.0.get(path)) else {
            continue;
        };
        if path.starts_with("helm_chart/") {
            continue;
        }
        let read: Option<fn(&mut Oracle, &Path) -> Value> = match path.as_str() {
            "local/resources.json.default" | "local/comm_config.json" => Some(Oracle::read_json),
            "local/study_data.yaml" | "local/study_runtime.yaml" if !case.kit.has(path) => Some(Oracle::read_yaml),
            _ => None,
        };
        if let Some(read) = read {
            let [left, right] = [reference, ours].map(|side| read(oracle, &side.prepared.join(path)));
            let before = differences.len();
            values(path, "", &left, &right, differences);
            if before == differences.len() && order(path, &left) != order(path, &right) {
                differences.push(Difference::new(path, "(order of keys)", Some(&left), Some(&right)));
            }
        } else if bytes != our_bytes {
            let [left, right] = [bytes, our_bytes].map(|bytes| json!(String::from_utf8_lossy(bytes)));
            differences.push(Difference::new(path, "(bytes)", Some(&left), Some(&right)));
        }
    }
}

/// The kind and mode of each path, without the files of the chart, which are compared as rendered by Helm.
fn kinds(tree: &Tree) -> Value {
    let described = tree.0.iter().filter(|(path, _)| !path.starts_with("helm_chart/")).map(|(path, entry)| {
        let text = match entry {
            Entry::Directory(mode) => format!("directory {mode:o}"),
            // The reference keeps the mode of a private key that others can read; flare-kube restricts it to the owner.
            Entry::File(bytes, mode) if is_private_key(path, bytes) => format!("file {:o}", mode & !0o077),
            Entry::File(_, mode) => format!("file {mode:o}"),
            Entry::Link(target) => format!("link {target}"),
        };
        (path.replace('/', "\u{2215}"), json!(text))
    });
    Value::Object(described.collect::<Map<_, _>>())
}

fn is_private_key(path: &str, bytes: &[u8]) -> bool {
    let looked_at = path.starts_with("startup/") || path.starts_with("local/");
    let named = [".key", ".pfx", ".p12"].iter().any(|end| path.ends_with(end));
    looked_at && (named || String::from_utf8_lossy(bytes).contains("PRIVATE KEY-----"))
}

fn manifests(oracle: &mut Oracle, reference: &Done<'_>, ours: &Done<'_>, differences: &mut Vec<Difference>) {
    let report = reference.outcome.report.clone().unwrap_or_default();
    let namespace = report["namespace"].as_str().unwrap_or_default();
    let command = report["helm_command"].as_str().unwrap_or_default();
    let release = command.split(' ').nth(3).unwrap_or_default();
    let [left, right] = [reference, ours].map(|done| {
        let chart = done.side.prepared.join("helm_chart");
        let rendered = helm::template(release, &chart, namespace).and_then(|text| oracle.read_manifests(&text));
        rendered.map(by_kind).map_err(|said| json!(said.replace(&done.side.directory.display().to_string(), "$CASE")))
    });
    let (Ok(left), Ok(right)) = (&left, &right) else {
        differences.push(Difference::new("manifests", "(cannot be rendered)", left.err().as_ref(), right.err().as_ref()));
        return;
    };
    let kinds = left.as_object().into_iter().chain(right.as_object()).flatten().map(|(kind, _)| kind);
    let kinds: std::collections::BTreeSet<&String> = kinds.collect();
    for kind in kinds {
        let place = format!("manifest {kind}");
        match (left.get(kind), right.get(kind)) {
            (Some(left), Some(right)) => values(&place, "", left, right, differences),
            (left, right) => differences.push(Difference::new(&place, "", left, right)),
        }
    }
}

/// Manifests by kind; several of one kind are numbered.
fn by_kind(manifests: Vec<Value>) -> Value {
    let mut by_kind = Map::new();
    for manifest in manifests {
        let kind = manifest["kind"].as_str().unwrap_or("(no kind)").to_owned();
        let count = by_kind.keys().filter(|key| key.split(' ').next() == Some(&kind)).count();
        let key = if count == 0 { kind } else { format!("{kind} {}", count + 1) };
        by_kind.insert(key, manifest);
    }
    Value::Object(by_kind)
}

/// The differences of two values, at the deepest paths.
pub(crate) fn values(place: &str, path: &str, left: &Value, right: &Value, differences: &mut Vec<Difference>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}/{key}") };
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                match right.get(key) {
                    Some(other) => values(place, &below(key), value, other, differences),
                    None => differences.push(Difference::new(place, &below(key), Some(value), None)),
                }
            }
            for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                differences.push(Difference::new(place, &below(key), None, Some(value)));
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                values(place, &below(&index.to_string()), left, right, differences);
            }
        }
        _ if left == right => {}
        _ => differences.push(Difference::new(place, path, Some(left), Some(right))),
    }
}

/// A file as text, to compare the order of keys; only of the kit's own keys, since the order of what `prepare` adds is irrelevant.
fn order(file: &str, value: &Value) -> String {
    let mut value = value.clone();
    let mut leave_out = |pointer: &str, keys: &[&str]| {
        if let Some(object) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
            object.retain(|key, _| !keys.contains(&key.as_str()));
        }
    };
    if file == "local/comm_config.json" {
        leave_out("/internal/resources", &["host", "port", "connection_security"]);
        leave_out("/internal", &["scheme", "resources"]);
        leave_out("", &["internal"]);
    } else {
        let launcher = value["components"].as_array().map_or(0, Vec::len).saturating_sub(1);
        if let Some(component) = value.pointer_mut(&format!("/components/{launcher}")) {
            component.as_object_mut().expect("the launcher is an object").sort_keys();
            component["args"].as_object_mut().expect("its arguments are an object").sort_keys();
        }
    }
    value.to_string()
}
