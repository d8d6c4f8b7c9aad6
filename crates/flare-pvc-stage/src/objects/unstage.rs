//! Removes staged objects with this participant's labels, each Secret before its `ConfigMap`, by which it is found.

use std::{collections::BTreeSet, future::Future, time::Duration};

use flare_cluster::{
    Cluster, DeleteOptions, Operation, Selection,
    k8s_openapi::{
        Resource,
        api::{
            apps::v1::Deployment,
            core::v1::{ConfigMap, Pod, PodSpec, Secret},
        },
    },
    pod_state::has_ended,
};
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_names::labels::{KIT_OWNER, KIT_VERSION};
use flare_prepared_kit::PreparedKit;

use super::{
    found::{annotation, is_staged, label},
    manifests::{self, KitObject},
    neighbours,
};
use crate::{KitOwner, Removed, Unstaged, bounded::bounded, claim::written};

/// Options of the removal.
#[derive(Debug, Clone)]
pub struct ObjectUnstageOptions {
    /// Removes only versions that the kit's values do not name, and neither a running pod nor the parent's Deployment mounts.
    pub superseded: bool,
    /// Does not check whether running pods mount them, since the release with these pods is removed before.
    pub release_goes: bool,
    /// Changes nothing.
    pub dry_run: bool,
    /// How long the whole removal may take.
    pub deadline: Duration,
}

/// Removes the staged objects of a kit's participant. `stop` ends it early; the next run continues.
///
/// # Errors
/// Every missing permission, before anything is changed; `OBJECT_IN_USE`, `TIMED_OUT`, `INTERRUPTED`, and the errors of flare-cluster.
pub async fn unstage_objects(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &ObjectUnstageOptions,
    stop: impl Future<Output = ()>,
) -> Result<Checked<Unstaged>, Faults> {
    bounded(options.deadline, "the removal", stop, Box::pin(all(cluster, kit, options))).await
}

async fn all(cluster: &Cluster, kit: &PreparedKit, options: &ObjectUnstageOptions) -> Result<Checked<Unstaged>, Faults> {
    let namespace = kit.plan().namespace.as_str();
    cluster.check_access(&needed(namespace)).await?;
    let recorded = kit.staged_record()?;
    let own: Vec<_> =
        neighbours::staged(cluster, namespace).await?.into_iter().filter(|object| neighbours::is_own(kit, object)).collect();
    let current = recorded.as_ref().and_then(|record| record.config_map.clone());
    let mut versions: BTreeSet<String> = own.iter().filter_map(|object| label(object, KIT_VERSION)).map(str::to_owned).collect();
    versions.insert(manifests::version(kit));
    let mut names: Vec<[Option<String>; 2]> = versions.iter().map(|version| manifests::names(kit, version).map(Some)).collect();
    if let Some(record) = &recorded
        && !names.iter().any(|[config_map, _]| *config_map == record.config_map)
    {
        names.push([record.config_map.clone(), record.secret.clone()]);
    }
    if options.superseded {
        let current = current.or_else(|| Some(manifests::names(kit, &manifests::version(kit))[0].clone()));
        names.retain(|[config_map, _]| *config_map != current);
    }
    let mut found = Vec::new();
    let mut notices = Collector::new();
    for [config_map, secret] in &names {
        found.push(Version::find(cluster, kit, config_map.as_deref(), secret.as_deref(), &mut notices).await?);
    }
    let mut in_use = mounted(cluster, namespace).await?;
    in_use.extend(mounted_by_parent(cluster, kit).await?);
    if options.superseded {
        found.retain(|version| version.users(&in_use).is_empty());
    }
    if !options.release_goes {
        refuse_used(&found, &in_use)?;
    }
    let mut removed = Vec::new();
    for version in &found {
        version.remove(cluster, namespace, options.dry_run, &mut removed).await?;
    }
    notices.finish(|| Unstaged { namespace: namespace.to_owned(), removed })
}

fn needed(namespace: &str) -> Vec<Operation> {
    let at = Some(namespace);
    let mut needed: Vec<_> = ["get", "list", "delete"].map(|verb| Operation::on::<ConfigMap>(verb, at)).into();
    needed.extend(["get", "delete"].map(|verb| Operation::on::<Secret>(verb, at)));
    needed.push(Operation::on::<Pod>("list", at));
    needed
}

/// Name and uid of an object of this participant.
type Own = Option<(String, Option<String>)>;

/// The two objects of a version, as far as they exist and belong to this participant.
struct Version {
    config_map: Own,
    secret: Own,
}

impl Version {
    async fn find(
        cluster: &Cluster,
        kit: &PreparedKit,
        config_map: Option<&str>,
        secret: Option<&str>,
        notices: &mut Collector,
    ) -> Result<Self, Diagnostic> {
        let namespace = kit.plan().namespace.as_str();
        let config_map = match config_map {
            Some(name) => cluster.namespaced::<ConfigMap>(namespace).find(name).await?,
            None => None,
        };
        let secret = match secret {
            Some(name) => cluster.namespaced::<Secret>(namespace).find(name).await?,
            None => None,
        };
        Ok(Self { config_map: own(kit, config_map.as_ref(), notices), secret: own(kit, secret.as_ref(), notices) })
    }

    fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let kinds = [(Secret::KIND, &self.secret), (ConfigMap::KIND, &self.config_map)];
        kinds.into_iter().filter_map(|(kind, own)| Some((kind, own.as_ref()?.0.as_str())))
    }

    fn users<'pods>(&self, in_use: &'pods [Mounted]) -> Vec<&'pods str> {
        let uses = |mounted: &&Mounted| self.names().any(|(kind, name)| mounted.kind == kind && mounted.name == name);
        in_use.iter().filter(uses).map(|mounted| mounted.by.as_str()).collect()
    }

    async fn remove(
        &self,
        cluster: &Cluster,
        namespace: &str,
        dry_run: bool,
        removed: &mut Vec<Removed>,
    ) -> Result<(), Diagnostic> {
        if let Some((name, uid)) = &self.secret {
            let deletion = DeleteOptions { uid: uid.clone(), ..DeleteOptions::default() };
            if dry_run || cluster.namespaced::<Secret>(namespace).delete(name, &deletion).await? {
                removed.push(Removed { kind: Secret::KIND, name: name.clone() });
            }
        }
        if let Some((name, uid)) = &self.config_map {
            let deletion = DeleteOptions { uid: uid.clone(), ..DeleteOptions::default() };
            if dry_run || cluster.namespaced::<ConfigMap>(namespace).delete(name, &deletion).await? {
                removed.push(Removed { kind: ConfigMap::KIND, name: name.clone() });
            }
        }
        Ok(())
    }
}

/// The object if it has this participant's labels. Another object of that name stays, with a warning.
fn own<K: KitObject>(kit: &PreparedKit, found: Option<&K>, notices: &mut Collector) -> Own {
    let object = found?;
    let name = object.metadata().name.clone().unwrap_or_default();
    if is_staged(object) && annotation(object, KIT_OWNER) == Some(&written(&KitOwner::of(kit))) {
        return Some((name, object.metadata().uid.clone()));
    }
    let message = format!("the {} `{name}` stays: it is not labelled as staged for this participant", K::KIND);
    notices.push(Diagnostic::warning(Code::Notice, message).hint("remove it with kubectl where nobody needs it"));
    None
}

/// An object that is mounted.
struct Mounted {
    kind: &'static str,
    name: String,
    /// The pod, or the Deployment as `deployment/NAME`.
    by: String,
}

/// The objects that are mounted by pods which have not ended and are not being deleted.
async fn mounted(cluster: &Cluster, namespace: &str) -> Result<Vec<Mounted>, Diagnostic> {
    let pods = cluster.namespaced::<Pod>(namespace).list(&Selection::default()).await?;
    Ok(pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).flat_map(mounts).collect())
}

fn mounts(pod: &Pod) -> Vec<Mounted> {
    let name = pod.metadata.name.clone().unwrap_or_default();
    pod.spec.iter().filter(|_| !has_ended(pod)).flat_map(|spec| objects_in(spec, &name)).collect()
}

/// What the pods of the parent's Deployment mount: it may have none at the moment, and its next one needs the objects. A user who may not read
/// Deployments only learns of the pods.
async fn mounted_by_parent(cluster: &Cluster, kit: &PreparedKit) -> Result<Vec<Mounted>, Diagnostic> {
    let namespace = kit.plan().namespace.as_str();
    if !cluster.may(&Operation::on::<Deployment>("get", Some(namespace))).await? {
        return Ok(Vec::new());
    }
    let found = cluster.namespaced::<Deployment>(namespace).find(kit.plan().names.deployment.as_str()).await?;
    Ok(found.as_ref().map(mounts_of_template).unwrap_or_default())
}

fn mounts_of_template(deployment: &Deployment) -> Vec<Mounted> {
    let by = format!("deployment/{}", deployment.metadata.name.as_deref().unwrap_or_default());
    deployment.spec.iter().filter_map(|spec| spec.template.spec.as_ref()).flat_map(|spec| objects_in(spec, &by)).collect()
}

fn objects_in(spec: &PodSpec, by: &str) -> Vec<Mounted> {
    let of = |kind, name: Option<String>| name.map(|name| (kind, name));
    spec.volumes
        .iter()
        .flatten()
        .flat_map(|volume| {
            let secret = volume.secret.as_ref().and_then(|secret| secret.secret_name.clone());
            let config_map = volume.config_map.as_ref().map(|config_map| config_map.name.clone());
            [of(Secret::KIND, secret), of(ConfigMap::KIND, config_map)]
        })
        .flatten()
        .map(|(kind, name)| Mounted { kind, name, by: by.to_owned() })
        .collect()
}

fn refuse_used(found: &[Version], in_use: &[Mounted]) -> Result<(), Diagnostic> {
    let users: BTreeSet<&str> = found.iter().flat_map(|version| version.users(in_use)).collect();
    if users.is_empty() {
        return Ok(());
    }
    let listed = users.iter().map(|pod| format!("`{pod}`")).collect::<Vec<_>>().join(", ");
    Err(Diagnostic::error(Code::ObjectInUse, format!("the staged objects are mounted by {listed}"))
        .hint("uninstall the release first (`helm uninstall`); `--superseded` removes only versions that nothing mounts"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_that_has_ended_mounts_nothing() {
        let pod = |phase: &str| {
            let volumes = json!([{"name": "a", "secret": {"secretName": "s"}}, {"name": "b", "configMap": {"name": "c"}},
                {"name": "d", "emptyDir": {}}]);
            let pod =
                json!({"metadata": {"name": "p"}, "spec": {"containers": [], "volumes": volumes}, "status": {"phase": phase}});
            let pod = serde_json::from_value(pod).expect("a pod");
            mounts(&pod).into_iter().map(|mounted| (mounted.kind, mounted.name)).collect::<Vec<_>>()
        };
        let both = [("Secret", "s".to_owned()), ("ConfigMap", "c".to_owned())];
        assert_eq!(pod("Running"), both);
        assert_eq!(pod("Pending"), both);
        assert!(pod("Succeeded").is_empty() && pod("Failed").is_empty());
    }

    #[test]
    fn a_deployment_without_a_pod_mounts_what_its_next_one_will() {
        let volumes = json!([{"name": "a", "secret": {"secretName": "s"}}]);
        let template = json!({"metadata": {}, "spec": {"containers": [], "volumes": volumes}});
        let deployment = json!({"metadata": {"name": "site-1"}, "spec": {"replicas": 0, "selector": {}, "template": template}});
        let mounted = mounts_of_template(&serde_json::from_value(deployment).expect("a Deployment"));
        let shown: Vec<_> = mounted.iter().map(|mounted| (mounted.kind, mounted.name.as_str(), mounted.by.as_str())).collect();
        assert_eq!(shown, [("Secret", "s", "deployment/site-1")]);
    }

    #[test]
    fn a_version_that_a_pod_mounts_is_refused_by_the_names_of_the_pods() {
        let mounted = |name: &str, pod: &str| Mounted { kind: "Secret", name: name.to_owned(), by: pod.to_owned() };
        let version = |secret: &str| Version { config_map: None, secret: Some((secret.to_owned(), None)) };
        let in_use = [mounted("s", "one"), mounted("other", "two"), mounted("s", "three")];
        let fault = refuse_used(&[version("s")], &in_use).expect_err("in use");
        assert_eq!(fault.code, Code::ObjectInUse);
        assert!(fault.message.contains("`one`, `three`"), "{}", fault.message);
        assert!(refuse_used(&[version("t")], &in_use).is_ok());
    }
}
