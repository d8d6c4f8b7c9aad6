//! The properties of the parent pod in the chart's values that the helper pod must share.

use flare_cluster::k8s_openapi::api::core::v1::{Affinity, PodSecurityContext, SecurityContext, Toleration};
use flare_diagnostic::{Code, Diagnostic};
use flare_prepared_kit::PreparedKit;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// The chart's user, group and volume group for the profile `restricted`.
const RESTRICTED_ID: i64 = 10_001;

/// The properties of the parent pod that the helper pod takes over.
#[derive(Debug, Clone)]
pub(crate) struct ParentPod {
    pub(crate) image: String,
    pub(crate) pull_secrets: Vec<String>,
    pub(crate) python: String,
    pub(crate) pod_security: PodSecurityContext,
    pub(crate) container_security: SecurityContext,
    pub(crate) node_selector: Map<String, Value>,
    pub(crate) tolerations: Vec<Toleration>,
    pub(crate) affinity: Option<Affinity>,
    pub(crate) priority_class: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Values {
    image: Image,
    image_pull_secrets: Vec<Named>,
    security_profile: String,
    security_context: Map<String, Value>,
    node_selector: Map<String, Value>,
    tolerations: Value,
    affinity: Value,
    priority_class_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image {
    registry: String,
    repository: String,
    tag: Value,
    digest: String,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// Reads the values of a prepared kit.
pub(crate) fn parent_pod(kit: &PreparedKit) -> Result<ParentPod, Diagnostic> {
    let wrong = |what: &str| {
        Diagnostic::error(Code::InvalidPreparedKit, format!("`helm_chart/values.yaml` has {what} that Kubernetes does not know"))
            .hint("correct the value, or prepare the kit again")
    };
    let values: Values =
        serde_json::from_value(kit.values().map_err(|faults| faults.first().clone())?).map_err(|_| wrong("a value of a kind"))?;
    let image = image(&values.image, kit);
    let mut pod = values.security_context;
    if values.security_profile == "restricted" {
        for key in ["runAsUser", "runAsGroup", "fsGroup"] {
            pod.entry(key).or_insert_with(|| json!(RESTRICTED_ID));
        }
        pod.entry("runAsNonRoot").or_insert_with(|| json!(true));
    }
    let may_be_root = match pod.get("runAsUser") {
        Some(user) => user == &json!(0),
        None => values.security_profile != "openshift" && pod.get("runAsNonRoot") != Some(&json!(true)),
    };
    let container_security = container_security(may_be_root);
    Ok(ParentPod {
        image,
        pull_secrets: values.image_pull_secrets.into_iter().map(|secret| secret.name).collect(),
        python: kit.plan().parent.command.first().cloned().unwrap_or_else(|| "python3".to_owned()),
        pod_security: parsed(Value::Object(pod)).ok_or_else(|| wrong("a `securityContext`"))?,
        container_security: parsed(container_security).ok_or_else(|| wrong("a `securityContext`"))?,
        node_selector: values.node_selector,
        tolerations: parsed(if values.tolerations.is_null() { json!([]) } else { values.tolerations })
            .ok_or_else(|| wrong("`tolerations`"))?,
        affinity: Some(values.affinity)
            .filter(|affinity| affinity.as_object().is_some_and(|affinity| !affinity.is_empty()))
            .map(|affinity| parsed(affinity).ok_or_else(|| wrong("an `affinity`")))
            .transpose()?,
        priority_class: Some(values.priority_class_name).filter(|name| !name.is_empty()),
    })
}

fn parsed<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

/// The settings that Pod Security `restricted` requires. As in the chart, a root user keeps the capabilities to change others' files.
fn container_security(may_be_root: bool) -> Value {
    let mut capabilities = json!({"drop": ["ALL"]});
    if may_be_root {
        capabilities["add"] = json!(["CHOWN", "DAC_OVERRIDE", "FOWNER"]);
    }
    json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": capabilities,
        "seccompProfile": {"type": "RuntimeDefault"}})
}

/// The image, composed as in the chart: a digest applies only to the tag with which the kit was prepared.
fn image(image: &Image, kit: &PreparedKit) -> String {
    let prepared = &kit.plan().parent.image;
    let tag = match &image.tag {
        Value::String(tag) => tag.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let registry = if image.registry.is_empty() { String::new() } else { format!("{}/", image.registry.trim_end_matches('/')) };
    let name = format!("{registry}{}", image.repository);
    let with_tag = if tag.is_empty() { name.clone() } else { format!("{name}:{tag}") };
    if image.digest.is_empty() {
        with_tag
    } else if image.digest == prepared.digest {
        if tag == prepared.tag {
            format!("{with_tag}@{}", image.digest)
        } else if tag.is_empty() {
            format!("{name}@{}", image.digest)
        } else {
            with_tag
        }
    } else {
        format!("{name}@{}", image.digest)
    }
}
