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
    pub(crate) security: Security,
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
    container_security_context: Map<String, Value>,
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
    let security =
        Security { profile: values.security_profile, pod: values.security_context, container: values.container_security_context };
    for is_openshift in [false, true] {
        security.contexts(is_openshift).ok_or_else(|| wrong("a security context"))?;
    }
    Ok(ParentPod {
        image,
        pull_secrets: values.image_pull_secrets.into_iter().map(|secret| secret.name).collect(),
        python: kit.plan().parent.command.first().cloned().unwrap_or_else(|| "python3".to_owned()),
        security,
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

/// What the parent's security contexts are made of.
#[derive(Debug, Clone)]
pub(crate) struct Security {
    profile: String,
    pod: Map<String, Value>,
    container: Map<String, Value>,
}

/// The security contexts of a helper pod and its container.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Contexts {
    pub(crate) pod: PodSecurityContext,
    pub(crate) container: SecurityContext,
}

impl Security {
    /// Whether the contexts depend on the cluster being OpenShift.
    pub(crate) fn depends_on_cluster(&self) -> bool {
        matches!(self.profile.as_str(), "" | "auto")
    }

    /// The contexts by the rules of the chart (`_security.tpl`). `None` if Kubernetes does not know something in them.
    pub(crate) fn contexts(&self, is_openshift: bool) -> Option<Contexts> {
        let profile = match self.profile.as_str() {
            "" | "auto" if is_openshift => "openshift",
            "" | "auto" => "default",
            other => other,
        };
        let mut pod = Map::new();
        if profile != "default" {
            pod.insert("runAsNonRoot".to_owned(), json!(true));
        }
        if profile == "restricted" {
            pod.extend(["runAsUser", "runAsGroup", "fsGroup"].map(|key| (key.to_owned(), json!(RESTRICTED_ID))));
        }
        pod.extend(self.pod.clone());
        pod.retain(|_, value| !value.is_null());
        // The container's setting comes before the pod's.
        let set = |key: &str| self.container.get(key).filter(|value| !value.is_null()).or_else(|| pod.get(key));
        let is_other = profile != "default"
            || set("runAsNonRoot") == Some(&json!(true))
            || set("runAsUser").is_some_and(|user| user != &json!(0));
        let container = self.container(&pod, !is_other);
        Some(Contexts { pod: parsed(Value::Object(pod))?, container: parsed(Value::Object(container))? })
    }

    /// The parent's container context without what the helper does not need. As in the chart, only a root user keeps the capabilities to
    /// change others' files.
    fn container(&self, pod: &Map<String, Value>, may_be_root: bool) -> Map<String, Value> {
        let default = json!({"type": "RuntimeDefault"});
        let mut container = self.container.clone();
        if container.is_empty() {
            container.insert("seccompProfile".to_owned(), default.clone());
        }
        if pod.contains_key("seccompProfile") && container.get("seccompProfile") == Some(&default) {
            container.remove("seccompProfile");
        }
        let mut capabilities = json!({"drop": ["ALL"]});
        if may_be_root {
            capabilities["add"] = json!(["CHOWN", "DAC_OVERRIDE", "FOWNER"]);
        }
        container.retain(|key, value| !value.is_null() && key != "privileged");
        container.insert("capabilities".to_owned(), capabilities);
        container.insert("allowPrivilegeEscalation".to_owned(), json!(false));
        container.insert("readOnlyRootFilesystem".to_owned(), json!(true));
        container
    }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use flare_prepared_kit::OpenOptions;

    use super::*;

    /// The capabilities that the chart gives a root user for files.
    const OF_FILES: [&str; 3] = ["CHOWN", "DAC_OVERRIDE", "FOWNER"];

    /// The helper's container context that belongs to the one of the parent: it needs no more than to change others' files.
    fn of_helper(parent: &Value) -> Value {
        let mut helper = parent.as_object().expect("a mapping").clone();
        let added = parent["capabilities"]["add"].as_array().into_iter().flatten();
        let of_files: Vec<_> = added.filter(|added| OF_FILES.iter().any(|of_files| *added == of_files)).collect();
        let mut capabilities = json!({"drop": ["ALL"]});
        if !of_files.is_empty() {
            capabilities["add"] = json!(of_files);
        }
        helper.remove("privileged");
        for (key, value) in
            [("capabilities", capabilities), ("allowPrivilegeEscalation", json!(false)), ("readOnlyRootFilesystem", json!(true))]
        {
            helper.insert(key.to_owned(), value);
        }
        Value::Object(helper)
    }

    /// A test of the chart renders the same rows with Helm. OpenShift refuses ids and capabilities that a pod chooses.
    #[test]
    fn defect_37_the_contexts_of_the_helper_pod_are_those_of_the_parent() {
        let rows: Vec<Value> =
            serde_json::from_str(include_str!("../../../fixtures/security/contexts.json")).expect("the rows of the fixture");
        let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/cases/server-2.8-defaults/expected");
        let kit = PreparedKit::open(&case, OpenOptions { accept_changes: true }).expect("a prepared kit").value;
        for row in &rows {
            let mut kit = kit.clone();
            kit.give_values(row["values"].as_object().expect("a mapping").clone());
            let security = parent_pod(&kit).expect("values that Kubernetes knows").security;
            let contexts = security.contexts(row["openshift"] == json!(true)).expect("Kubernetes knows them");
            let shown = |value: serde_json::Result<Value>| value.expect("JSON");
            assert_eq!(shown(serde_json::to_value(contexts.pod)), row["pod"], "{row}");
            assert_eq!(shown(serde_json::to_value(contexts.container)), of_helper(&row["container"]), "{row}");
        }
        let automatic = rows.iter().filter(|row| row["values"].get("securityProfile").is_none_or(Value::is_null)).count();
        assert!(rows.len() > 15 && automatic > 2, "the rows have both kinds of profile");
    }

    /// The chart renders none either; the helper needs one where Pod Security is enforced.
    #[test]
    fn a_parent_without_a_container_context_has_a_helper_with_one() {
        let security = Security { profile: "restricted".to_owned(), pod: Map::new(), container: Map::new() };
        let container = serde_json::to_value(security.contexts(false).expect("Kubernetes knows them").container).expect("JSON");
        assert_eq!(container["seccompProfile"], json!({"type": "RuntimeDefault"}));
        assert_eq!(container["capabilities"], json!({"drop": ["ALL"]}));
    }

    #[test]
    fn only_the_automatic_profile_depends_on_the_cluster() {
        for (profile, expected) in [("", true), ("auto", true), ("default", false), ("openshift", false), ("restricted", false)] {
            let security = Security { profile: profile.to_owned(), pod: Map::new(), container: Map::new() };
            assert_eq!(security.depends_on_cluster(), expected, "{profile}");
        }
    }
}
