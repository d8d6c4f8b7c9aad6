//! Whether the cluster still has the objects of a release as the chart makes them: Helm itself compares revisions, not objects.

use flare_cluster::{Cluster, DynamicObject, WriteOptions};
use flare_diagnostic::Diagnostic;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::Value;

use super::chart_objects::{ChartObjects, Reference};

/// Whether an object is missing, or a field that the chart sets has another value: the API server is asked, in a dry run, what it would make
/// of each object of the chart. Fields that the chart does not set are other people's.
pub(super) async fn is_any(cluster: &Cluster, objects: &ChartObjects, namespace: &str) -> Result<bool, Diagnostic> {
    // All at the same time: each is asked for twice, and a cluster may be far away.
    let asked = objects.with_references(namespace).map(|(reference, object)| is_other(cluster, reference, object));
    for answer in join_all(asked).await {
        if answer? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// As [`is_any`], of one object.
async fn is_other(cluster: &Cluster, reference: Reference, object: &Value) -> Result<bool, Diagnostic> {
    let Reference { resource, namespace, name } = reference;
    let there = cluster.dynamic(&resource, Some(&namespace));
    let Some(found) = there.find(&name).await? else { return Ok(true) };
    let Ok(wanted) = serde_json::from_value::<DynamicObject>(object.clone()) else { return Ok(false) };
    // What the server does not take in this way, such as rights that the user lacks, Helm may still send in its own.
    let Ok(made) = there.apply(&name, &wanted, WriteOptions { dry_run: true, force: true }).await else { return Ok(false) };
    Ok(content(&found) != content(&made))
}

/// An object without what a write changes by itself, and without its state.
fn content(object: &impl Serialize) -> Value {
    let mut content = serde_json::to_value(object).unwrap_or_default();
    if let Some(metadata) = content.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["managedFields", "resourceVersion", "generation"] {
            metadata.remove(key);
        }
    }
    if let Some(object) = content.as_object_mut() {
        object.remove("status");
    }
    content
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_a_write_changes_by_itself_is_no_difference() {
        let object = |version: &str, generation: u32, replicas: u32| {
            json!({"metadata": {"name": "a", "resourceVersion": version, "generation": generation, "managedFields": [version]},
                "spec": {"replicas": replicas}, "status": {"replicas": generation}})
        };
        assert_eq!(content(&object("1", 1, 1)), content(&object("2", 2, 1)));
        assert_ne!(content(&object("1", 1, 1)), content(&object("1", 1, 0)));
    }
}
