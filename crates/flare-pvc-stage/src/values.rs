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
    use super::*;

    fn contexts(profile: &str, pod: &Value, container: &Value, is_openshift: bool) -> (Value, Value) {
        let map = |value: &Value| value.as_object().expect("a mapping").clone();
        let security = Security { profile: profile.to_owned(), pod: map(pod), container: map(container) };
        let contexts = security.contexts(is_openshift).expect("Kubernetes knows them");
        let shown = |value: serde_json::Result<Value>| value.expect("JSON");
        (shown(serde_json::to_value(contexts.pod)), shown(serde_json::to_value(contexts.container)))
    }

    /// The chart resolves `auto` for the cluster. OpenShift refuses ids and capabilities that a pod chooses.
    #[test]
    fn defect_37_the_profile_of_the_helper_pod_is_that_of_the_parent() {
        let nothing = json!({});
        let id = json!({"runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001});
        let other = json!({"runAsNonRoot": true});
        for (profile, is_openshift, pod, has_capabilities) in [
            ("auto", false, &nothing, true),
            ("", false, &nothing, true),
            ("auto", true, &other, false),
            ("", true, &other, false),
            ("default", true, &nothing, true),
            ("openshift", false, &other, false),
            ("restricted", false, &id, false),
        ] {
            let (found, container) = contexts(profile, &nothing, &nothing, is_openshift);
            assert_eq!(&found, pod, "{profile}");
            assert_eq!(container["capabilities"]["add"].is_array(), has_capabilities, "{profile}: {container}");
            assert_eq!(container["capabilities"]["drop"], json!(["ALL"]), "{profile}");
            assert_eq!(
                (&container["allowPrivilegeEscalation"], &container["seccompProfile"]["type"]),
                (&json!(false), &json!("RuntimeDefault"))
            );
        }
    }

    #[test]
    fn the_container_context_comes_before_that_of_the_pod_and_null_removes_a_key() {
        let (pod, container) = contexts("restricted", &json!({"fsGroup": null, "runAsUser": 7}), &json!({"runAsUser": 8}), false);
        assert_eq!(pod, json!({"runAsNonRoot": true, "runAsUser": 7, "runAsGroup": 10001}));
        assert_eq!(container["runAsUser"], 8);
        for (pod, container, has_capabilities) in [
            (json!({"runAsUser": 7}), json!({}), false),
            (json!({"runAsUser": 7}), json!({"runAsUser": 0}), true),
            (json!({}), json!({"runAsUser": 7}), false),
            (json!({}), json!({"runAsNonRoot": true}), false),
            (json!({"runAsNonRoot": true}), json!({"runAsNonRoot": false}), true),
        ] {
            let found = contexts("default", &pod, &container, false).1;
            assert_eq!(found["capabilities"]["add"].is_array(), has_capabilities, "{pod} {container}");
        }
        let unconfined = json!({"seccompProfile": {"type": "Unconfined"}});
        let default = json!({"seccompProfile": {"type": "RuntimeDefault"}, "privileged": true});
        let container = contexts("default", &unconfined, &default, false).1;
        assert!(container.get("seccompProfile").is_none() && container.get("privileged").is_none(), "{container}");
    }
}
