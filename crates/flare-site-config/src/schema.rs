//! The JSON Schema of `k8s.yaml`.

use flare_names::Target;
use serde_json::{Value, json};

use crate::{shape::Shape as _, table::SiteConfig};

/// The JSON Schema (draft 2020-12) of `k8s.yaml`, with a description of every key: for one target, or with `None` for
/// all of them, including keys that only one target knows.
///
/// It is generated from the table that [`crate::SiteConfig::parse`] checks with. What a schema cannot express is left to the
/// checker: a duplicate key, an unquoted `no`, a request above its limit.
pub fn schema(target: Option<Target>) -> Value {
    let targets = target.map_or_else(|| Target::ALL.to_vec(), |target| vec![target]);
    let mut schema = SiteConfig::schema(&targets).to_value();
    let title = match target {
        Some(target) => format!("k8s.yaml of flare-kube for FLARE {target}"),
        None => "k8s.yaml of flare-kube".to_owned(),
    };
    if let Value::Object(map) = &mut schema {
        map.insert("title".to_owned(), json!(title));
        map.insert(
            "description".to_owned(),
            json!("The runtime configuration of a FLARE participant in Kubernetes. A key with null is as one that is left out."),
        );
        map.shift_insert(0, "$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    }
    schema
}
