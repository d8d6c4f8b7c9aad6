//! The objects of a release as Helm rendered them, and the facts about them that the other steps need.

use flare_cluster::ApiResource;
use flare_diagnostic::{Code, Collector, Diagnostic, Faults, shown};
use flare_names::{Role, labels::KIT_FINGERPRINT};
use flare_site_plan::{Ports, SitePlan};
use flare_yaml::python::read_yaml;
use serde_json::Value;

/// The kinds of objects in flare-kube's charts, with the group and plural for requests.
const KINDS: [(&str, &str, &str); 8] = [
    ("ConfigMap", "", "configmaps"),
    ("Deployment", "apps", "deployments"),
    ("NetworkPolicy", "networking.k8s.io", "networkpolicies"),
    ("PodDisruptionBudget", "policy", "poddisruptionbudgets"),
    ("Role", "rbac.authorization.k8s.io", "roles"),
    ("RoleBinding", "rbac.authorization.k8s.io", "rolebindings"),
    ("Service", "", "services"),
    ("ServiceAccount", "", "serviceaccounts"),
];

/// The objects of a release.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChartObjects(Vec<Value>);

/// Identifies one object in a request to the API server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reference {
    pub(crate) resource: ApiResource,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ChartObjects {
    /// Reads the YAML documents that Helm prints.
    pub(crate) fn read(manifest: &str) -> Result<Self, Diagnostic> {
        let mut documents = vec![String::new()];
        for line in manifest.lines() {
            // No line of a value starts with these three characters in the first column.
            if line.trim_end() == "---" {
                documents.push(String::new());
            } else if let Some(document) = documents.last_mut() {
                document.push_str(line);
                document.push('\n');
            }
        }
        let unreadable = |_| {
            Diagnostic::error(Code::Internal, "the objects that Helm made of the chart cannot be read")
                .hint(concat!("report this, with the versions of flare-kube and Helm, at ", env!("CARGO_PKG_REPOSITORY")))
        };
        let read: Result<Vec<Value>, _> = documents.iter().map(|text| Ok(read_yaml(text)?.root.to_json())).collect();
        Ok(Self(
            read.map_err(|unread: flare_yaml::python::Unreadable| unreadable(unread))?
                .into_iter()
                .filter(Value::is_object)
                .collect(),
        ))
    }

    fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.0.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    /// The parent's Deployment: the only one in the chart.
    fn deployment(&self) -> &Value {
        self.0.iter().find(|object| object["kind"] == "Deployment").unwrap_or(&Value::Null)
    }

    fn container(&self) -> &Value {
        &self.deployment()["spec"]["template"]["spec"]["containers"][0]
    }

    /// The parent's image.
    pub(crate) fn image(&self) -> &str {
        self.container()["image"].as_str().unwrap_or_default()
    }

    /// The Secrets with registry credentials that the parent's pod refers to.
    pub(crate) fn pull_secrets(&self) -> Vec<&str> {
        let secrets = self.deployment()["spec"]["template"]["spec"]["imagePullSecrets"].as_array();
        secrets.into_iter().flatten().filter_map(|secret| secret["name"].as_str()).collect()
    }

    /// The fingerprint of the kit with which the parent's pod is started; `None` for charts without one.
    pub(crate) fn fingerprint(&self) -> Option<&str> {
        self.deployment()["spec"]["template"]["metadata"]["annotations"][KIT_FINGERPRINT].as_str()
    }

    /// All objects, to check that they exist. Kinds that flare-kube's charts do not have, such as those of a user's templates, are left out.
    pub(crate) fn references(&self, namespace: &str) -> Vec<Reference> {
        self.with_references(namespace).map(|(reference, _)| reference).collect()
    }

    /// Like [`Self::references`], each with its object.
    pub(crate) fn with_references(&self, namespace: &str) -> impl Iterator<Item = (Reference, &Value)> {
        self.0.iter().filter_map(move |object| Some((reference(object, namespace)?, object)))
    }

    /// Checks the values against the kit's `local/`, by which job pods and their parent find each other (defect 34).
    ///
    /// # Errors
    /// `INVALID_VALUES`, for each value that does not match.
    pub(crate) fn check(&self, plan: &SitePlan) -> Result<(), Faults> {
        let mut faults = Collector::new();
        let (deployment, service) = (plan.names.deployment.as_str(), plan.names.service.as_str());
        if self.find("Deployment", deployment).is_none() {
            let found = shown(self.deployment()["metadata"]["name"].as_str().unwrap_or("none"));
            faults.push(mismatch("name", &format!("the Deployment is `{found}`, not `{deployment}`")));
        }
        match self.find("Service", service) {
            None => faults.push(mismatch(
                "serviceName",
                &format!("there is no Service `{service}`, under which job pods look for their parent"),
            )),
            Some(found) => faults.extend(port_faults(found, &plan.ports)),
        }
        let pod = &self.deployment()["spec"]["template"]["spec"];
        let claim = plan.workspace.claim.as_str();
        let volumes = || pod["volumes"].as_array().into_iter().flatten();
        if !volumes().any(|volume| volume["persistentVolumeClaim"]["claimName"] == claim) {
            let what = format!("the parent does not mount the claim `{claim}`, on which its kit is staged");
            faults.push(mismatch("persistence.workspace.claimName", &what));
        }
        let path = plan.workspace.mount_path.as_str();
        let mut mounts = self.container()["volumeMounts"].as_array().into_iter().flatten();
        if !mounts.any(|mount| mount["mountPath"] == path) {
            faults.push(mismatch(
                "persistence.workspace.mountPath",
                &format!("nothing is mounted at `{path}`, which the kit names"),
            ));
        }
        let arguments = || self.container()["args"].as_array().into_iter().flatten();
        if !arguments().any(|argument| *argument == path) {
            faults.push(mismatch("args", &format!("the parent is not told its workspace `{path}`, which the kit names")));
        }
        let uid = format!("uid={}", plan.site);
        if plan.role == Role::Client && !arguments().any(|argument| *argument == uid.as_str()) {
            faults.push(mismatch("siteName", &format!("the parent does not log in as `{}`", shown(&plan.site))));
        }
        faults.finish(|| ()).map(|checked| checked.value)
    }
}

fn port_faults<'service>(service: &'service Value, ports: &Ports) -> impl Iterator<Item = Diagnostic> + use<'service> {
    let has =
        move |port: u16| service["spec"]["ports"].as_array().is_some_and(|ports| ports.iter().any(|one| one["port"] == port));
    let wanted = match *ports {
        Ports::Client { parent } => vec![("port", parent)],
        Ports::Server { fl, admin, parent } => {
            let admin = admin.map(|port| ("adminPort", port));
            [("parentPort", parent), ("fedLearnPort", fl)].into_iter().chain(admin).collect()
        }
    };
    let missing = wanted.into_iter().filter(move |(_, port)| !has(*port));
    missing.map(|(key, port)| mismatch(key, &format!("the Service has no port {port}, which the kit names")))
}

fn mismatch(key: &str, what: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidValues, format!("the values do not fit the kit: {what}"))
        .hint(format!("take `{key}` out of your values, or change it in k8s.yaml and prepare the kit again"))
}

fn reference(object: &Value, namespace: &str) -> Option<Reference> {
    let (kind, group, plural) = KINDS.into_iter().find(|(kind, ..)| object["kind"] == *kind)?;
    let api_version = object["apiVersion"].as_str()?;
    let (found, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if found != group {
        return None;
    }
    let text = |text: &str| text.to_owned();
    let (group, version, api_version) = (text(group), text(version), text(api_version));
    let resource = ApiResource { group, version, api_version, kind: text(kind), plural: text(plural) };
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(namespace);
    Some(Reference { resource, namespace: text(namespace), name: text(object["metadata"]["name"].as_str()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The charts of both roles, rendered by the real Helm, with their plans.
    const CLIENT: &str =
        include_str!("../../../../crates/flare-helm-chart/tests/it/snapshots/it__charts__client-2.8-manifests.snap");
    const SERVER: &str =
        include_str!("../../../../crates/flare-helm-chart/tests/it/snapshots/it__charts__server-2.8-manifests.snap");

    fn plan(role: Role) -> SitePlan {
        let text = match role {
            Role::Client => include_str!("../../../../crates/flare-helm-chart/tests/plans/client-2.8.json"),
            Role::Server => include_str!("../../../../crates/flare-helm-chart/tests/plans/server-2.8.json"),
        };
        serde_json::from_str(text).unwrap()
    }

    fn faults(role: Role, manifest: &str) -> Vec<String> {
        let objects = ChartObjects::read(manifest).unwrap();
        objects.check(&plan(role)).err().into_iter().flatten().map(|fault| fault.hint.unwrap()).collect()
    }

    #[test]
    fn a_chart_as_it_was_prepared_fits() {
        assert_eq!(faults(Role::Client, CLIENT), [""; 0]);
        assert_eq!(faults(Role::Server, SERVER), [""; 0]);
        let objects = ChartObjects::read(CLIENT).unwrap();
        assert!(objects.image().contains("nvflare"), "{}", objects.image());
        assert_eq!(objects.fingerprint(), None, "these charts were made of no kit");
        let annotated = CLIENT.replace(
            "    spec:\n      serviceAccountName",
            "      annotations: {flare-kube/kit-fingerprint: \"f1\"}\n    spec:\n      serviceAccountName",
        );
        assert_eq!(ChartObjects::read(&annotated).unwrap().fingerprint(), Some("f1"));
    }

    #[test]
    fn defect_34_each_value_that_no_longer_fits_is_named() {
        for (role, text, from, to, key) in [
            (Role::Client, CLIENT, "port: 8102\n      target", "port: 8103\n      target", "`port`"),
            (Role::Client, CLIENT, "uid=site-1", "uid=site-2", "`siteName`"),
            (Role::Client, CLIENT, "claimName: \"nvflws\"", "claimName: \"other\"", "`persistence.workspace.claimName`"),
            (
                Role::Client,
                CLIENT,
                "mountPath: \"/var/tmp/nvflare/workspace\"",
                "mountPath: \"/other\"",
                "`persistence.workspace.mountPath`",
            ),
            (Role::Client, CLIENT, "- \"/var/tmp/nvflare/workspace\"", "- \"/other\"", "`args`"),
            (Role::Server, SERVER, "      port: 8102\n      target", "      port: 8103\n      target", "`parentPort`"),
            (Role::Server, SERVER, "      port: 8002\n      target", "      port: 443\n      target", "`fedLearnPort`"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from} stands in the manifest");
            let found = faults(role, &changed);
            assert!(found.len() == 1 && found[0].contains(key), "{key}: {found:?}");
        }
        let renamed = faults(Role::Client, &CLIENT.replace("name: \"site-1\"", "name: \"site-2\""));
        assert!(
            renamed.iter().any(|hint| hint.contains("`name`")) && renamed.iter().any(|hint| hint.contains("`serviceName`")),
            "{renamed:?}"
        );
    }

    #[test]
    fn every_object_of_our_charts_can_be_asked_for() {
        for text in [CLIENT, SERVER] {
            let objects = ChartObjects::read(text).unwrap();
            let made = objects.0.iter().filter(|object| object["apiVersion"].is_string()).count();
            let references = objects.references("fl");
            assert_eq!(references.len(), made);
            assert!(made >= 5 && references.iter().all(|one| one.namespace == "fl"), "{references:?}");
        }
        let other = ChartObjects::read("apiVersion: example.com/v1\nkind: Deployment\nmetadata: {name: a}\n").unwrap();
        assert!(other.references("fl").is_empty(), "a kind of the same name in another group");
    }
}
