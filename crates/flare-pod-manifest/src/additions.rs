//! Step 4: additions to the reference's pod, each with its defect number and a switch. An addition never changes
//! what a template or the pod's `securityContext` says, and never keeps a pod from starting.

use std::collections::BTreeSet;

use flare_names::{
    hashed, is_label_value, job_id,
    labels::{self, component},
};
use serde_json::{Map, Value, json};

use crate::{explain::Explanation, origin::Origin, pod::Merged, request::LaunchRequest};

/// What is added. [`Additions::default`] is what flare-kube does, [`Additions::none`] what FLARE's own launcher does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches, one for each addition")]
pub struct Additions {
    /// Labels and annotations with job, site and study on the pod and the Secrets (defect 18).
    pub labels: bool,
    /// The launcher's namespace in the pod, so that its JSON can be applied unchanged.
    pub namespace: bool,
    /// The object that owns the pod, such as the parent's pod (defect 18).
    pub owner: Option<Owner>,
    /// Seconds after which Kubernetes ends the pod (defect 18).
    pub active_deadline_seconds: Option<u32>,
    /// `automountServiceAccountToken: false` (defect 16), unless a template names a service account.
    pub no_token: bool,
    /// Defaults of the main container that Pod Security `restricted` requires (defect 16).
    pub container: BTreeSet<ContainerDefault>,
    /// Every file of `startup/` except shell scripts in the startup Secret (defect 7).
    pub all_startup_files: bool,
}

/// An object that owns another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// For example `v1`.
    pub api_version: String,
    /// For example `Pod`.
    pub kind: String,
    /// Its name, in the pod's namespace.
    pub name: String,
    /// Its uid, assigned by the API server.
    pub uid: String,
}

/// A default of a container's `securityContext`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerDefault {
    /// `allowPrivilegeEscalation: false`, unless the container is privileged or has the capability `SYS_ADMIN`.
    NoPrivilegeEscalation,
    /// `capabilities: {drop: [ALL]}`, if the user is known not to be root: root without capabilities cannot read the
    /// data of other users, any other user loses nothing.
    DropCapabilities,
    /// `runAsNonRoot: true`, if the user is known not to be root.
    RunAsNonRoot,
    /// `seccompProfile: {type: RuntimeDefault}`.
    SeccompProfile,
}

impl ContainerDefault {
    /// All defaults.
    pub const ALL: [Self; 4] = [Self::NoPrivilegeEscalation, Self::DropCapabilities, Self::RunAsNonRoot, Self::SeccompProfile];

    fn key_and_value(self) -> (&'static str, Value) {
        match self {
            Self::NoPrivilegeEscalation => ("allowPrivilegeEscalation", json!(false)),
            Self::DropCapabilities => ("capabilities", json!({ "drop": ["ALL"] })),
            Self::RunAsNonRoot => ("runAsNonRoot", json!(true)),
            Self::SeccompProfile => ("seccompProfile", json!({ "type": "RuntimeDefault" })),
        }
    }
}

impl Default for Additions {
    fn default() -> Self {
        Self {
            labels: true,
            namespace: true,
            owner: None,
            active_deadline_seconds: None,
            no_token: true,
            container: ContainerDefault::ALL.into(),
            all_startup_files: true,
        }
    }
}

impl Additions {
    /// No additions: the pod and the Secrets of FLARE's own launcher.
    pub fn none() -> Self {
        Self {
            labels: false,
            namespace: false,
            owner: None,
            active_deadline_seconds: None,
            no_token: false,
            container: BTreeSet::new(),
            all_startup_files: false,
        }
    }

    pub(crate) fn apply(&self, merged: &mut Merged, request: &LaunchRequest, explanation: &mut Explanation) {
        if let Some(Value::Object(metadata)) = merged.pod.get_mut("metadata") {
            self.apply_metadata(metadata, request, explanation);
        }
        let Some(Value::Object(spec)) = merged.pod.get_mut("spec") else { return };
        let names_account = ["serviceAccountName", "serviceAccount"].iter().any(|key| spec.contains_key(*key));
        if self.no_token && !names_account {
            add(spec, "spec.", "automountServiceAccountToken", json!(false), explanation);
        }
        if let Some(seconds) = self.active_deadline_seconds {
            add(spec, "spec.", "activeDeadlineSeconds", json!(seconds), explanation);
        }
        self.apply_container(spec, merged.main, explanation);
    }

    fn apply_metadata(&self, metadata: &mut Map<String, Value>, request: &LaunchRequest, explanation: &mut Explanation) {
        if self.namespace {
            metadata.entry("namespace").or_insert_with(|| json!(request.namespace()));
        }
        if let Some(owner) = &self.owner {
            let reference =
                json!([{ "apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name, "uid": owner.uid }]);
            add(metadata, "metadata.", "ownerReferences", reference, explanation);
        }
        if self.labels {
            let of_job = Subject { job: Some(request.job_id()), site: request.site(), study: request.study() };
            of_job.mark(metadata);
            explanation.add("metadata.labels", "job id, site and study", Origin::Addition);
        }
    }

    /// Labels the Secrets: the startup Secret belongs to the site, the credentials to the job.
    pub(crate) fn mark_secrets(&self, secrets: &mut [Value], request: &LaunchRequest) {
        if !self.labels {
            return;
        }
        for (index, secret) in secrets.iter_mut().enumerate() {
            let (job, study) = if index == 0 { (None, None) } else { (Some(request.job_id()), request.study()) };
            if let Some(Value::Object(metadata)) = secret.get_mut("metadata") {
                Subject { job, site: request.site(), study }.mark(metadata);
            }
        }
    }

    fn apply_container(&self, spec: &mut Map<String, Value>, main: usize, explanation: &mut Explanation) {
        if spec.get("os").and_then(|os| os.get("name")).is_some_and(|name| name == "windows") {
            return;
        }
        let pod_context = spec.get("securityContext").cloned().unwrap_or_else(|| json!({}));
        let Some(container) = spec.get_mut("containers").and_then(|list| list.get_mut(main)).and_then(Value::as_object_mut)
        else {
            return;
        };
        let context = container.get("securityContext").cloned().unwrap_or_else(|| json!({}));
        let (Value::Object(mut context), Value::Object(pod_context)) = (context, pod_context) else { return };
        let before = context.len();
        let fitting: Vec<_> = self.container.iter().filter(|default| fits(**default, &context, &pod_context)).collect();
        for (key, value) in fitting.into_iter().map(|default| default.key_and_value()) {
            if !pod_context.contains_key(key) {
                add(&mut context, "container.securityContext.", key, value, explanation);
            }
        }
        if context.len() > before {
            container.insert("securityContext".to_owned(), Value::Object(context));
        }
    }
}

/// Whether a default can be added without contradicting container and pod, which Kubernetes would refuse.
fn fits(default: ContainerDefault, container: &Map<String, Value>, pod: &Map<String, Value>) -> bool {
    let set = |key: &str| container.get(key).filter(|value| !value.is_null()).or_else(|| pod.get(key));
    if set("privileged") == Some(&json!(true)) {
        return false;
    }
    let user_is_not_root = match set("runAsUser").filter(|user| !user.is_null()) {
        Some(user) => user.as_i64().is_some_and(|user| user > 0),
        None => set("runAsNonRoot") == Some(&json!(true)),
    };
    match default {
        ContainerDefault::NoPrivilegeEscalation => !administers_the_system(container),
        ContainerDefault::DropCapabilities | ContainerDefault::RunAsNonRoot => user_is_not_root,
        ContainerDefault::SeccompProfile => true,
    }
}

fn administers_the_system(container: &Map<String, Value>) -> bool {
    let added = container.get("capabilities").and_then(|capabilities| capabilities.get("add")).and_then(Value::as_array);
    added.is_some_and(|added| added.iter().any(|name| matches!(name.as_str(), Some("SYS_ADMIN" | "CAP_SYS_ADMIN" | "ALL"))))
}

/// Sets a key if it is absent.
fn add(map: &mut Map<String, Value>, path: &str, key: &str, value: Value, explanation: &mut Explanation) {
    if !map.contains_key(key) {
        explanation.add(&format!("{path}{key}"), value.to_string(), Origin::Addition);
        map.insert(key.to_owned(), value);
    }
}

/// The site, job and study that an object belongs to.
struct Subject<'request> {
    job: Option<&'request str>,
    site: &'request str,
    study: Option<&'request str>,
}

impl Subject<'_> {
    /// Labels are for selecting, annotations have the raw names. `app.kubernetes.io/name` is left out on purpose: the Services of
    /// parents select by it, and must never select a job pod.
    fn mark(&self, metadata: &mut Map<String, Value>) {
        let component = if self.job.is_some() { component::JOB } else { component::STARTUP_KIT };
        let mut labels = vec![
            (labels::MANAGED_BY.0, labels::MANAGED_BY.1.to_owned()),
            (labels::PART_OF.0, labels::PART_OF.1.to_owned()),
            (labels::COMPONENT, component.to_owned()),
            (labels::SITE, label_value(self.site)),
        ];
        let mut annotations = vec![(labels::SITE, self.site.to_owned())];
        if let Some(job) = self.job {
            labels.push((labels::JOB_ID, label_value(&job_id(job))));
            annotations.push((labels::JOB_ID, job.to_owned()));
        }
        if let Some(study) = self.study {
            labels.push((labels::STUDY, label_value(study)));
            annotations.push((labels::STUDY, study.to_owned()));
        }
        extend(metadata, "labels", labels);
        extend(metadata, "annotations", annotations);
    }
}

/// Adds to a mapping of strings; existing keys stay.
fn extend(metadata: &mut Map<String, Value>, key: &str, pairs: Vec<(&str, String)>) {
    if let Value::Object(map) = metadata.entry(key).or_insert_with(|| json!({})) {
        for (name, value) in pairs {
            map.entry(name).or_insert(Value::String(value));
        }
    }
}

/// A raw name as a label value: unchanged if valid, otherwise by the hashed naming rule.
fn label_value(raw: &str) -> String {
    if !raw.is_empty() && is_label_value(raw) { raw.to_owned() } else { hashed(raw, 63) }
}
