//! Merges the launcher's part over a pod template, if there is one. What the launcher owns takes precedence, lists are merged
//! by name, everything else of the template stays.

use std::collections::HashSet;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, shown};
use serde_json::{Map, Value, json};

use super::LauncherPart;
use crate::{
    explain::Explanation,
    origin::{Origin, Sourced},
    study::Template,
};

/// A pod and the index of its main container.
pub(crate) struct Merged {
    pub(crate) pod: Map<String, Value>,
    pub(crate) main: usize,
}

/// An alternative name of the main container in a template.
const MAIN_CONTAINER: &str = "nvflare_job";

/// Fields of the main container that the launcher owns or that are merged.
const OWNED: [&str; 8] = ["name", "image", "imagePullPolicy", "command", "args", "resources", "volumeMounts", "env"];

/// The explanation of a value that is not shown.
const AS_THERE: &str = "(as there)";

/// Fields of the pod's spec that the launcher sets or merges.
const SHARED: [&str; 5] = ["restartPolicy", "imagePullSecrets", "securityContext", "volumes", "containers"];

impl Merged {
    /// # Errors
    /// Every reason why the template cannot be merged with the launcher's part.
    pub(crate) fn new(
        part: LauncherPart,
        template: Option<&Template>,
        explanation: &mut Explanation,
    ) -> Result<Checked<Self>, Faults> {
        let mut merge = Merge { template, explanation, found: Collector::new() };
        let mut pod = template.and_then(|template| template.pod.as_object().cloned()).unwrap_or_default();
        pod.entry("apiVersion").or_insert_with(|| json!("v1"));
        pod.insert("kind".to_owned(), json!("Pod"));
        let mut metadata = merge.mapping(&mut pod, "metadata", "metadata");
        metadata.insert("name".to_owned(), json!(part.pod_name));
        merge.explain_kept("metadata", &metadata, &["name", "namespace"]);
        merge.own_namespace(&mut metadata, &part.namespace);
        pod.insert("metadata".to_owned(), Value::Object(metadata));
        let mut spec = merge.mapping(&mut pod, "spec", "spec");
        merge.explain_kept("spec", &spec, &SHARED);
        let main = merge.spec(&mut spec, part);
        pod.insert("spec".to_owned(), Value::Object(spec));
        merge.found.finish(|| Self { pod, main })
    }
}

/// Takes a value and leaves its key, so that the result keeps the template's order.
fn taken(map: &mut Map<String, Value>, key: &str) -> Option<Value> {
    map.get_mut(key).map(Value::take)
}

struct Merge<'merge> {
    template: Option<&'merge Template>,
    explanation: &'merge mut Explanation,
    found: Collector,
}

impl Merge<'_> {
    /// Rows for values of the template that stay. Only scalars are shown: a template may have passwords in lists.
    fn explain_kept(&mut self, path: &str, map: &Map<String, Value>, owned: &[&str]) {
        for (key, value) in map.iter().filter(|(key, _)| !owned.contains(&key.as_str())) {
            let shown = match value {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                _ => AS_THERE.to_owned(),
            };
            self.explanation.add(&format!("{path}.{key}"), shown, Origin::Template);
        }
    }

    fn fault(&mut self, message: impl Into<String>) {
        let fault = Diagnostic::error(Code::InvalidLaunchRequest, message);
        self.found.push(match self.template {
            Some(template) => fault.at(template.place.clone()),
            None => fault,
        });
    }

    fn mapping(&mut self, parent: &mut Map<String, Value>, key: &str, path: &str) -> Map<String, Value> {
        match taken(parent, key) {
            None => Map::new(),
            Some(Value::Object(map)) => map,
            Some(_) => {
                self.fault(format!("`pod_template.{path}` must be a mapping"));
                Map::new()
            }
        }
    }

    /// Replaces the template's namespace by the launcher's.
    fn own_namespace(&mut self, metadata: &mut Map<String, Value>, namespace: &str) {
        let Some(of_template) = metadata.get_mut("namespace") else { return };
        if of_template.as_str() != Some(namespace) {
            let message = format!(
                "the pod template's `metadata.namespace` `{}` gives way to the launcher's `{}`",
                shown(&of_template.as_str().map_or_else(|| of_template.to_string(), str::to_owned)),
                shown(namespace)
            );
            let warning = Diagnostic::warning(Code::Notice, message)
                .hint("remove it from the template, or prepare the kit for that namespace");
            self.found.push(match self.template {
                Some(template) => warning.at(template.place.clone()),
                None => warning,
            });
            *of_template = json!(namespace);
        }
    }

    /// Returns the index of the main container.
    fn spec(&mut self, spec: &mut Map<String, Value>, part: LauncherPart) -> usize {
        spec.insert("restartPolicy".to_owned(), json!("Never"));
        if !part.pull_secrets.is_empty() {
            let merged = self.by_name(taken(spec, "imagePullSecrets"), part.pull_secrets, "spec.imagePullSecrets");
            spec.insert("imagePullSecrets".to_owned(), merged);
        }
        if let Some(context) = part.security_context {
            spec.insert("securityContext".to_owned(), Value::Object(context));
        }
        let volumes = self.by_name(taken(spec, "volumes"), part.volumes, "spec.volumes");
        spec.insert("volumes".to_owned(), volumes);
        let mut containers = self.containers(taken(spec, "containers"));
        let main = self.main_container(&containers, &part.container_name);
        let parts = ContainerPart {
            name: part.container_name,
            image: part.image,
            pull_policy: part.pull_policy,
            python: part.python,
            args: part.args,
            resources: part.resources,
        };
        self.container(&mut containers[main], parts, part.mounts, part.env);
        spec.insert("containers".to_owned(), containers.into_iter().map(Value::Object).collect());
        main
    }

    /// The template's containers, at least one.
    fn containers(&mut self, value: Option<Value>) -> Vec<Map<String, Value>> {
        let mut containers = Vec::new();
        match value {
            None => {}
            Some(Value::Array(items)) => {
                for item in items {
                    match item {
                        Value::Object(container) => containers.push(container),
                        _ => self.fault("each of `pod_template.spec.containers` must be a mapping"),
                    }
                }
            }
            Some(_) => self.fault("`pod_template.spec.containers` must be a list"),
        }
        if containers.is_empty() {
            containers.push(Map::new());
        }
        containers
    }

    fn main_container(&mut self, containers: &[Map<String, Value>], name: &str) -> usize {
        let is_main = |container: &Map<String, Value>| {
            container.get("name").and_then(Value::as_str).is_some_and(|given| given == name || given == MAIN_CONTAINER)
        };
        match containers.iter().position(is_main) {
            Some(index) => index,
            None if containers.len() == 1 => 0,
            None => {
                self.fault(format!(
                    "`pod_template.spec.containers` has several, and none is named `{MAIN_CONTAINER}` or `{name}`"
                ));
                0
            }
        }
    }

    fn container(&mut self, container: &mut Map<String, Value>, part: ContainerPart, mounts: Vec<Value>, env: Vec<Value>) {
        self.explain_kept("container", container, &OWNED);
        let pull_policy = if container.contains_key("imagePullPolicy") { Origin::Template } else { part.pull_policy.origin };
        container.insert("name".to_owned(), json!(part.name));
        container.insert("image".to_owned(), json!(part.image));
        let policy = container.entry("imagePullPolicy").or_insert_with(|| json!(part.pull_policy.value));
        self.explanation.container("imagePullPolicy", policy.as_str().unwrap_or_default(), pull_policy);
        container.insert("command".to_owned(), json!([part.python]));
        container.insert("args".to_owned(), json!(part.args));
        let mounts = self.by_name(taken(container, "volumeMounts"), mounts, "container.volumeMounts");
        container.insert("volumeMounts".to_owned(), mounts);
        container.insert("resources".to_owned(), part.resources);
        if !env.is_empty() {
            let env = self.by_name(taken(container, "env"), env, "container.env");
            container.insert("env".to_owned(), env);
        }
    }

    /// The template's items in order, each replaced by the launcher's of the same name, then the launcher's other items.
    fn by_name(&mut self, template: Option<Value>, ours: Vec<Value>, path: &str) -> Value {
        if self.template.is_none() {
            return Value::Array(ours);
        }
        let mut merged = Vec::new();
        let mut used = HashSet::new();
        for item in self.items(template, path) {
            let name = item.get("name").and_then(Value::as_str);
            // FLARE keeps the launcher's items by name, so of two with the same name the last counts.
            let same = ours.iter().rposition(|mine| name.is_some() && mine["name"].as_str() == name);
            if let Some(index) = same {
                used.insert(ours[index]["name"].as_str());
                merged.push(ours[index].clone());
            } else {
                let name = name.unwrap_or("(no name)");
                self.explanation.add(&format!("{}.{name}", path.trim_start_matches("spec.")), AS_THERE, Origin::Template);
                merged.push(item);
            }
        }
        merged.extend(ours.iter().filter(|mine| used.insert(mine["name"].as_str())).cloned());
        Value::Array(merged)
    }

    fn items(&mut self, list: Option<Value>, path: &str) -> Vec<Value> {
        let items = match list {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.fault(format!("`pod_template.{path}` must be a list"));
                Vec::new()
            }
        };
        let fits = |item: &Value| item.is_object() && item.get("name").is_none_or(|name| !name.is_array() && !name.is_object());
        if !items.iter().all(fits) {
            self.fault(format!("each of `pod_template.{path}` must be a mapping with a name"));
        }
        items
    }
}

/// The part of the main container that the launcher owns.
struct ContainerPart {
    name: String,
    image: String,
    pull_policy: Sourced<&'static str>,
    python: String,
    args: Vec<String>,
    resources: Value,
}
