//! The site's defaults for the whole pod: what flare-kube's launcher sets where neither launcher nor pod template does. A key of the
//! template's spec keeps its value whole, since a template is the site's word about one study.

use flare_names::path_below;
use flare_site_config::JobPodDefaults;
use serde_json::{Map, Value, json};

use crate::{explain::Explanation, origin::Origin, pod::Merged};

/// Where programs look for shared memory.
const SHARED_MEMORY: &str = "/dev/shm";

/// Sets what the pod leaves open.
pub(crate) fn apply(defaults: &JobPodDefaults, merged: &mut Merged, explanation: &mut Explanation) {
    let Some(Value::Object(spec)) = merged.pod.get_mut("spec") else { return };
    for (key, value) in of_spec(defaults) {
        if spec.get(key).is_none_or(Value::is_null) {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            explanation.add(&format!("spec.{key}"), shown, Origin::SiteDefault);
            spec.insert(key.to_owned(), value);
        }
    }
    if let Some(size) = &defaults.shm_size {
        add_shared_memory(spec, merged.main, size, explanation);
    }
}

/// The keys of a pod's spec with the site's values.
fn of_spec(defaults: &JobPodDefaults) -> impl Iterator<Item = (&'static str, Value)> {
    let JobPodDefaults { node_selector, tolerations, affinity, runtime_class_name, priority_class_name, .. } = defaults;
    [
        ("nodeSelector", node_selector.as_ref().map(|labels| json!(labels))),
        ("tolerations", tolerations.as_ref().map(|taints| json!(taints))),
        ("affinity", affinity.as_ref().map(|rules| json!(rules))),
        ("runtimeClassName", runtime_class_name.as_ref().map(|name| json!(name))),
        ("priorityClassName", priority_class_name.as_ref().map(|name| json!(name))),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
}

/// Mounts memory at `/dev/shm` of the main container, unless something is mounted there.
fn add_shared_memory(spec: &mut Map<String, Value>, main: usize, size: &str, explanation: &mut Explanation) {
    let container = spec.get("containers").and_then(|containers| containers.get(main));
    let mounts = container.and_then(|container| container.get("volumeMounts")?.as_array()).cloned().unwrap_or_default();
    let is_taken = |mount: &Value| {
        let at = mount.get("mountPath").and_then(Value::as_str);
        at.is_some_and(|at| path_below(SHARED_MEMORY, at).as_deref() == Some("."))
    };
    if mounts.iter().any(is_taken) {
        return;
    }
    let volumes = spec.get("volumes").and_then(Value::as_array).cloned().unwrap_or_default();
    let name = free_name(&volumes);
    explanation.volume(&name, format!("{SHARED_MEMORY} in memory, {size}"), Origin::SiteDefault);
    push(spec, "volumes", json!({ "name": name, "emptyDir": { "medium": "Memory", "sizeLimit": size } }));
    let containers = spec.get_mut("containers").and_then(|containers| containers.get_mut(main));
    if let Some(Value::Object(container)) = containers {
        push(container, "volumeMounts", json!({ "name": name, "mountPath": SHARED_MEMORY }));
    }
}

/// A name that no volume of the pod's template has.
fn free_name(volumes: &[Value]) -> String {
    let is_free = |name: &String| volumes.iter().all(|volume| volume.get("name").and_then(Value::as_str) != Some(name));
    let numbered = (2..).map(|number| format!("shared-memory-{number}"));
    std::iter::once("shared-memory".to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// Appends to a list; one that is absent is made.
fn push(map: &mut Map<String, Value>, key: &str, item: Value) {
    if let Value::Array(items) = map.entry(key).or_insert_with(|| json!([])) {
        items.push(item);
    }
}
