//! The effective launcher spec, `k8s`: the job's default overlaid by the site's block, or the legacy place.

use std::time::Duration;

use flare_diagnostic::closest;
use flare_names::Target;
use serde_json::Value;

use super::{read, specs::Specs};
use crate::{
    acceptable::{self, Resource},
    document::{Findings, KeyValue, Kind, Node, join},
    origin::{Origin, Sourced},
    warnings::Warnings,
};

/// A quantity as it is passed on; `None` requests nothing.
pub(crate) type Quantity = Sourced<Option<Value>>;

/// The job's settings for this site; absent keys are `None`.
#[derive(Debug, Clone, Default)]
pub(crate) struct K8sBlock {
    pub(crate) image: Option<Sourced<String>>,
    pub(crate) ephemeral_storage: Option<Sourced<String>>,
    pub(crate) python_path: Option<Sourced<String>>,
    pub(crate) cpu: Amounts,
    pub(crate) memory: Amounts,
    /// Passed on unchanged; `Some` with `None` inside if the key is present and requests none.
    pub(crate) gpus: Option<Quantity>,
    /// How long the job's pod may wait, where the job says so.
    pub(crate) pending_timeout: Option<Duration>,
    /// The paths of `image` and `python_path` where they are written, null included.
    pub(crate) own_code: Vec<String>,
}

/// A limit and a request; an absent request equals the limit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Amounts {
    pub(crate) limit: Option<Quantity>,
    pub(crate) request: Option<Quantity>,
    /// Where the request is written: offset and path.
    pub(super) request_at: Option<(usize, String)>,
}

impl K8sBlock {
    pub(super) fn read(specs: &Specs<'_>, target: Target, findings: &mut Findings<'_>, warnings: &mut Warnings<'_>) -> Self {
        let fields = Fields::of(specs, findings);
        let timeout = fields.get("pending_timeout").filter(|_| target.capabilities().job_pending_timeout);
        if let Some(field) = &timeout {
            read::check_seconds(field.node, &field.path, findings);
            read::doubt_no_time(field.node, &field.path, warnings);
        }
        fields.doubt(warnings);
        Self {
            image: fields.get("image").and_then(|field| field.text_or_nothing(findings)),
            ephemeral_storage: fields
                .get("ephemeral_storage")
                .filter(|field| !field.node.is_null())
                .and_then(|field| field.nonempty_text(findings)),
            python_path: fields.get("python_path").and_then(|field| field.nonempty_text(findings)),
            cpu: fields.amounts("cpu", "cpu_request", findings),
            memory: fields.amounts("memory", "memory_request", findings),
            pending_timeout: timeout.and_then(|field| read::seconds(field.node)),
            own_code: OWN_CODE.into_iter().filter_map(|key| Some(fields.get(key)?.path)).collect(),
            gpus: fields.get("num_of_gpus").map(|field| Sourced::new(unchecked(field.node), field.origin)),
        }
    }
}

/// The key of one block, its source, and its path for messages.
struct Field<'node> {
    node: &'node Node,
    path: String,
    origin: Origin,
}

/// The blocks that count, by descending precedence.
struct Fields<'node>(Vec<(&'node Node, String, Origin)>);

impl<'node> Fields<'node> {
    fn of(specs: &Specs<'node>, findings: &mut Findings<'_>) -> Self {
        let mut blocks = Vec::new();
        if let Some((block, path)) = mode_block(specs.launcher(specs.site, findings), findings) {
            blocks.push((block, path, Origin::JobSite));
        }
        // A site named `default` has one block, not two.
        if specs.site != "default"
            && let Some((block, path)) = mode_block(specs.launcher("default", findings), findings)
            && !block.entries().is_empty()
        {
            blocks.push((block, path, Origin::JobDefault));
        }
        if blocks.is_empty()
            && let Some((site, path)) = specs.resource(specs.site, findings)
            && let Some(block) = site.get("k8s")
            && read::is_object(block, &join(&path, "k8s"), findings)
        {
            blocks.push((block, join(&path, "k8s"), Origin::JobLegacy));
        }
        Self(blocks)
    }

    fn get(&self, key: &str) -> Option<Field<'node>> {
        self.0
            .iter()
            .find_map(|(block, path, origin)| block.get(key).map(|node| Field { node, path: join(path, key), origin: *origin }))
    }

    /// Warns about what the launcher passes on and Kubernetes refuses.
    fn doubt(&self, warnings: &mut Warnings<'_>) {
        if let Some(Field { node, path, .. }) = self.get("image") {
            warnings.doubt(node.offset, &path, node.text().and_then(acceptable::image));
        }
        for (limit, request, resource) in [("cpu", "cpu_request", Resource::Cpu), ("memory", "memory_request", Resource::Memory)]
        {
            let (limit, request) = (self.get(limit), self.get(request));
            for field in limit.iter().chain(&request) {
                warnings.doubt(field.node.offset, &field.path, acceptable::quantity(field.node, resource));
            }
            if let (Some(limit), Some(request)) = (limit, request) {
                warnings.doubt(request.node.offset, &request.path, acceptable::request_above_limit(request.node, limit.node));
            }
        }
        for (key, resource) in [("ephemeral_storage", Resource::EphemeralStorage), ("num_of_gpus", Resource::Gpu)] {
            if let Some(field) = self.get(key) {
                warnings.doubt(field.node.offset, &field.path, acceptable::quantity(field.node, resource));
            }
        }
    }

    fn amounts(&self, limit: &str, request: &str, findings: &mut Findings<'_>) -> Amounts {
        let mut read = |key| self.get(key).map(|field| field.quantity(findings));
        let request_at = self.get(request).map(|field| (field.node.offset, field.path));
        Amounts { limit: read(limit), request: read(request), request_at }
    }
}

fn mode_block<'node>(site: Option<(&'node Node, String)>, findings: &mut Findings<'_>) -> Option<(&'node Node, String)> {
    let (site, path) = site?;
    let block = read::optional_object(site, &path, "k8s", findings)?;
    Some((block, join(&path, "k8s")))
}

impl Field<'_> {
    fn sourced<T>(&self, value: T) -> Sourced<T> {
        Sourced::new(value, self.origin)
    }

    fn text_or_nothing(&self, findings: &mut Findings<'_>) -> Option<Sourced<String>> {
        if !self.node.is_null() && self.node.text().is_none() {
            findings.wrong(self.node, &self.path, "a string or null");
        }
        self.node.text().filter(|text| !text.is_empty()).map(|text| self.sourced(text.to_owned()))
    }

    fn nonempty_text(&self, findings: &mut Findings<'_>) -> Option<Sourced<String>> {
        let text = self.node.text().filter(|text| !text.is_empty());
        if text.is_none() {
            findings.wrong(self.node, &self.path, "a non-empty string");
        }
        text.map(|text| self.sourced(text.to_owned()))
    }

    /// A string or a number, unchanged; null, zero and an empty string request nothing.
    fn quantity(&self, findings: &mut Findings<'_>) -> Quantity {
        if !matches!(self.node.kind, Kind::Null | Kind::Text(_) | Kind::Number(_)) {
            findings.wrong(self.node, &self.path, "a quantity: a string or a number, or null");
        }
        self.sourced(unchecked(self.node))
    }
}

/// A value, unchanged; `None` if it requests nothing.
pub(super) fn unchecked(node: &Node) -> Option<Value> {
    let value = match &node.kind {
        Kind::Number(number) => crate::document::quantity(number),
        _ => node.to_json(),
    };
    (!node.is_falsy()).then_some(value)
}

/// The launcher modes of a release.
pub(super) const fn modes(target: Target) -> &'static [&'static str] {
    if target.capabilities().slurm { &["process", "docker", "k8s", "slurm"] } else { &["process", "docker", "k8s"] }
}

/// Whether a key of `launcher_spec` looks like a misspelt `default`: close to it, with only launcher modes inside.
pub(super) fn is_misspelt_default(entry: &KeyValue, target: Target) -> bool {
    let key = entry.key.as_str();
    let is_near = key.starts_with("default") || "default".starts_with(key) || closest(key, ["default"]).is_some();
    key != "default"
        && is_near
        && matches!(entry.value.kind, Kind::Object(_))
        && entry.value.entries().iter().all(|mode| modes(target).contains(&mode.key.as_str()))
}

/// The keys by which a job brings its own code.
const OWN_CODE: [&str; 2] = ["image", "python_path"];

/// Every key of a k8s block.
pub(super) const KEYS: [&str; 9] = [
    "image",
    "python_path",
    "cpu",
    "cpu_request",
    "memory",
    "memory_request",
    "ephemeral_storage",
    "num_of_gpus",
    "pending_timeout",
];

const DOCKER_KEYS: [&str; 8] =
    ["entrypoint", "shm_size", "device_requests", "nano_cpus", "mem_limit", "ipc_mode", "network", "ulimits"];

const SLURM_KEYS: [&str; 11] = [
    "nodes",
    "gpus_per_node",
    "cpus_per_node",
    "mem_per_node",
    "time",
    "additional_node_command",
    "partition",
    "account",
    "qos",
    "sandbox",
    "setup",
];

/// Words that users write for a key, and that are too different from it to count as a misspelling.
const OTHER_WORDS: [(&str, &str); 11] = [
    ("gpu", "num_of_gpus"),
    ("gpus", "num_of_gpus"),
    ("num_gpus", "num_of_gpus"),
    ("nvidia.com/gpu", "num_of_gpus"),
    ("mem", "memory"),
    ("storage", "ephemeral_storage"),
    ("ephemeral-storage", "ephemeral_storage"),
    ("docker_image", "image"),
    ("python", "python_path"),
    ("default_python_path", "python_path"),
    ("timeout", "pending_timeout"),
];

/// Message and hint about a key of a k8s block that the launcher ignores.
pub(super) fn unknown_key(key: &str, block: &str, target: Target) -> Option<(String, String)> {
    let path = join(block, key);
    if key == "pending_timeout" && !target.capabilities().job_pending_timeout {
        let message = format!("`{path}` is not read: FLARE {target} has one `pending_timeout` for all jobs of a site");
        return Some((message, "set `job_launcher.pending_timeout` in the site's k8s.yaml".to_owned()));
    }
    if KEYS.contains(&key) {
        return None;
    }
    let of_other = |launcher: &str, mode: &str| {
        (
            format!("`{path}` is a key of the {launcher} launcher; the Kubernetes launcher passes over it"),
            format!("move it to the `{mode}` block"),
        )
    };
    if DOCKER_KEYS.contains(&key) {
        return Some(of_other("Docker", "docker"));
    }
    if SLURM_KEYS.contains(&key) {
        return Some(of_other("Slurm", "slurm"));
    }
    let message = format!("`{path}` is not known to the Kubernetes launcher, which passes over it");
    if key == "num_of_cpus" {
        return Some((message, "write `cpu`; `num_of_cpus` is a key of `resource_spec`".to_owned()));
    }
    let other = OTHER_WORDS.iter().find(|(word, _)| *word == key).map(|(_, known)| *known);
    let hint = match other {
        Some(known) => format!("did you mean `{known}`?"),
        None => flare_diagnostic::did_you_mean(key, KEYS),
    };
    Some((message, hint))
}
