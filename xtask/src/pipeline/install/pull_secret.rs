//! Secrets with registry credentials: checks whether those of the parent exist and include the image's registry, and creates one from
//! a docker config file.

use std::path::Path;

use flare_cluster::{Cluster, WriteOptions, k8s_openapi::api::core::v1::Secret};
use flare_diagnostic::{Code, Collector, Diagnostic, Faults, Place, shown};
use flare_helm::Setting;
use flare_names::labels::{COMPONENT, MANAGED_BY, PARTICIPANT, carries, component};
use flare_site_plan::SitePlan;
use serde_json::{Value, json};

use super::{
    chart_objects::ChartObjects,
    kept::{self, PULL_SECRETS},
    registry::{holds, registry},
};

/// The maximum size of a docker config file, in bytes, which is that of a Secret.
const LARGEST: u64 = 1 << 20;

/// A Secret to create. Its data are credentials, so it has no `Debug`.
pub(super) struct NewSecret {
    pub(super) name: String,
    /// The Deployment of the participant.
    participant: String,
    /// The credentials, by the registry.
    auths: Credentials,
    object: Secret,
}

type Credentials = serde_json::Map<String, Value>;

/// The name of the Secret to create: the first one in the kit, otherwise one after the Deployment, which the values then must name.
pub(super) fn name(plan: &SitePlan) -> (String, bool) {
    match plan.parent.image_pull_secrets.first() {
        Some(name) => (name.to_string(), true),
        None => (format!("{}-registry", plan.names.deployment), false),
    }
}

/// The setting by which the parent names a Secret that the kit does not name, behind those of the user's values files; `None` if the values
/// name it already.
///
/// # Errors
/// `INVALID_ARGS` if settings name only others: one more would take the place of one of them.
pub(super) fn setting(secret: &str, files: &[Value], settings: &[Setting]) -> Result<Option<Setting>, Diagnostic> {
    let mut set = settings.iter().flat_map(|(Setting::Guessed(text) | Setting::Text(text))| text.split(','));
    let own_name = format!(".name={secret}");
    if set.any(|part| part.trim_start().starts_with(&format!("{PULL_SECRETS}[")) && part.ends_with(&own_name)) {
        return Ok(None);
    }
    if kept::sets(&[], settings, PULL_SECRETS) {
        let message = format!("`--create-pull-secret` makes the Secret `{secret}`, and `--set` has the parent name only others");
        let hint = format!(
            "name it there too, such as `--set-string {PULL_SECRETS}[1].name={secret}`, or name the others in a values file"
        );
        return Err(Diagnostic::error(Code::InvalidArgs, message).hint(hint));
    }
    // Helm takes the list of the last file that has one.
    let named = files.iter().rev().find_map(|values| values[PULL_SECRETS].as_array()).map(Vec::as_slice).unwrap_or_default();
    let is_named = named.iter().any(|one| one["name"] == secret);
    Ok((!is_named).then(|| Setting::Text(format!("{PULL_SECRETS}[{}].name={secret}", named.len()))))
}

/// Reads a docker config file into a Secret with only the credentials for the image's registry.
pub(super) fn of_file(file: &Path, plan: &SitePlan, image: &str) -> Result<NewSecret, Faults> {
    let config = read_config(file)?;
    let wrong = |message: String, hint: &str| Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(Place::from(file));
    let registry = registry(image);
    let known = config["auths"].as_object().into_iter().flatten();
    let fitting: Credentials = known
        .filter(|(key, entry)| holds(key, image) && has_credentials(entry))
        .map(|(key, entry)| (key.clone(), entry.clone()))
        .collect();
    if fitting.is_empty() {
        let message = format!("the docker config file holds no credentials for the registry `{}`", shown(registry));
        let hint = "log in without a credential helper (`credsStore`), for example with `docker --config DIRECTORY login`, and name its config.json";
        return Err(wrong(message, hint).into());
    }
    let (name, _) = name(plan);
    let data = json!({"auths": fitting}).to_string();
    let labels =
        json!({MANAGED_BY.0: MANAGED_BY.1, COMPONENT: component::REGISTRY_CREDENTIALS, PARTICIPANT: plan.names.deployment});
    let object = json!({"metadata": {"name": name, "labels": labels}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": data}});
    let object = serde_json::from_value(object).map_err(|_| Diagnostic::error(Code::Internal, "a Secret could not be made"))?;
    Ok(NewSecret { name, participant: plan.names.deployment.to_string(), auths: fitting, object })
}

fn read_config(file: &Path) -> Result<Value, Faults> {
    let bytes = flare_file_tree::read_file(file, LARGEST, Code::InvalidArgs, Code::InvalidArgs)?;
    let not_json = |_| {
        Diagnostic::error(Code::InvalidArgs, "the docker config file is not JSON")
            .hint("name a file such as ~/.docker/config.json")
            .at(Place::from(file))
    };
    Ok(serde_json::from_slice(&bytes).map_err(not_json)?)
}

/// Refuses a docker config file that cannot be read, before anything is begun. Whether it has the credentials for the registry of a
/// participant's image is known once its kit is read.
pub(crate) fn check_docker_config(file: Option<&Path>) -> Result<(), Faults> {
    file.map_or(Ok(()), |file| read_config(file).map(drop))
}

impl NewSecret {
    /// Whether the cluster does not have the Secret yet, or with other credentials.
    ///
    /// # Errors
    /// `OBJECT_CONFLICT` if the name is taken.
    pub(super) async fn is_to_be_made(&self, cluster: &Cluster, namespace: &str) -> Result<bool, Diagnostic> {
        self.differs(cluster.namespaced::<Secret>(namespace).find(&self.name).await?.as_ref())
    }

    /// Whether the existing Secret of this name differs. One of the user's own or of another participant is never replaced; credentials
    /// that are in another participant's as well are shared.
    fn differs(&self, existing: Option<&Secret>) -> Result<bool, Diagnostic> {
        let Some(existing) = existing else { return Ok(true) };
        let labels = existing.metadata.labels.as_ref();
        let taken = |by: &str, hint: &str| {
            Diagnostic::error(Code::ObjectConflict, format!("there is a Secret `{}` already, which {by}", self.name)).hint(hint)
        };
        if !carries(labels, &[MANAGED_BY]) {
            let hint = "leave `--create-pull-secret` out to use it, or delete it, or name another one in `image_pull_secrets` of k8s.yaml";
            return Err(taken("flare-kube did not make", hint));
        }
        let known = credentials(existing).unwrap_or_default();
        match labels.and_then(|labels| labels.get(PARTICIPANT)).filter(|participant| **participant != self.participant) {
            None => Ok(known != self.auths),
            Some(_) if self.auths.iter().all(|(registry, entry)| known.get(registry) == Some(entry)) => Ok(false),
            Some(other) => Err(taken(
                &format!("holds other credentials, of `{}`", shown(other)),
                "name another one in `image_pull_secrets` of this participant's k8s.yaml, or install that participant again with the same docker config file",
            )),
        }
    }

    /// Applies the Secret, unless its name was taken meanwhile.
    pub(super) async fn apply(&self, cluster: &Cluster, namespace: &str) -> Result<(), Diagnostic> {
        if !self.is_to_be_made(cluster, namespace).await? {
            return Ok(());
        }
        let secrets = cluster.namespaced::<Secret>(namespace);
        secrets.apply(&self.name, &self.object, WriteOptions { dry_run: false, force: false }).await.map(|_| ())
    }
}

/// Checks the Secrets that the parent's pod and job pods name, except for the one that will be created.
///
/// If none of the parent's has the image's registry, that is a warning: the image may be public, or on the node.
pub(super) async fn check(
    cluster: &Cluster,
    plan: &SitePlan,
    objects: &ChartObjects,
    new: Option<&NewSecret>,
    found: &mut Collector,
) -> Result<(), Diagnostic> {
    let namespace = plan.namespace.as_str();
    let secrets = cluster.namespaced::<Secret>(namespace);
    let mut knows = new.is_some();
    let named = objects.pull_secrets();
    for name in named.iter().filter(|name| new.is_none_or(|new| new.name != **name)) {
        match secrets.find(name).await? {
            None => found.push(missing(name, namespace, new.is_none() && self::name(plan).0 == **name)),
            Some(secret) => match registries(&secret) {
                Some(registries) => knows |= registries.iter().any(|key| holds(key, objects.image())),
                None => found.push(no_credentials(name)),
            },
        }
    }
    if !named.is_empty() && !knows && !found.has_errors() {
        let message = format!(
            "none of the Secrets {} holds credentials for the registry `{}`",
            listed(&named),
            shown(registry(objects.image()))
        );
        found.push(Diagnostic::warning(Code::Notice, message).hint(
            "nothing is to be done where the image is public; else put them there, or make one with `--create-pull-secret`",
        ));
    }
    check_of_jobs(cluster, plan, &named, new, found).await
}

/// Warns about Secrets of job pods, which `job_launcher` names apart from the parent's. Which images jobs run is known only when they are
/// submitted, and without a Secret a kubelet still pulls what is public.
async fn check_of_jobs(
    cluster: &Cluster,
    plan: &SitePlan,
    of_parent: &[&str],
    new: Option<&NewSecret>,
    found: &mut Collector,
) -> Result<(), Diagnostic> {
    let namespace = plan.namespace.as_str();
    let secrets = cluster.namespaced::<Secret>(namespace);
    let named = plan.launcher.image_pull_secrets.as_deref().unwrap_or_default();
    for name in named {
        let name = name.as_str();
        let is_known = of_parent.contains(&name) || new.is_some_and(|new| new.name == name);
        if !is_known && secrets.find(name).await?.is_none() {
            let message = format!("there is no Secret `{name}` in namespace `{namespace}`, which job pods name for their images");
            found.push(Diagnostic::warning(Code::Notice, message).hint(
                "make it with `kubectl create secret docker-registry`; or take it out of `job_launcher.image_pull_secrets` in k8s.yaml and prepare the kit again",
            ));
        }
    }
    if let Some(new) = new.filter(|new| named.iter().all(|name| name.as_str() != new.name)) {
        let message =
            format!("job pods do not name the Secret `{}`, which `--create-pull-secret` makes for the parent", new.name);
        found.push(Diagnostic::warning(Code::Notice, message).hint(
            "where jobs run images of that registry, name it in `job_launcher.image_pull_secrets` of k8s.yaml too, and prepare the kit again",
        ));
    }
    Ok(())
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The fault of a Secret that is not there. `can_be_made`: it is the one that a flag makes, which is the first of those that the kit names.
fn missing(name: &str, namespace: &str, can_be_made: bool) -> Diagnostic {
    let message = format!("there is no Secret `{name}` in namespace `{namespace}`, which the parent names for its image");
    Diagnostic::error(Code::PullSecretNotUsable, message).hint(if can_be_made {
        "`--create-pull-secret ~/.docker/config.json` makes it; or take it out of `image_pull_secrets` in k8s.yaml and prepare the kit again"
    } else {
        "make it with `kubectl create secret docker-registry`; or take it out of your values, or of `image_pull_secrets` in k8s.yaml and prepare the kit again"
    })
}

fn no_credentials(name: &str) -> Diagnostic {
    Diagnostic::error(Code::PullSecretNotUsable, format!("the Secret `{name}` holds no registry credentials"))
        .hint("it needs the type kubernetes.io/dockerconfigjson, as `kubectl create secret docker-registry` makes it")
}

/// The registries in a Secret's credentials, as written there; `None` if it has another type or cannot be read.
fn registries(secret: &Secret) -> Option<Vec<String>> {
    Some(credentials(secret)?.into_iter().map(|(registry, _)| registry).collect())
}

fn credentials(secret: &Secret) -> Option<Credentials> {
    let data = secret.data.as_ref()?;
    let auths = match secret.type_.as_deref()? {
        "kubernetes.io/dockerconfigjson" => {
            let config: Value = serde_json::from_slice(&data.get(".dockerconfigjson")?.0).ok()?;
            config["auths"].clone()
        }
        "kubernetes.io/dockercfg" => serde_json::from_slice(&data.get(".dockercfg")?.0).ok()?,
        _ => return None,
    };
    serde_json::from_value(auths).ok()
}

fn has_credentials(entry: &Value) -> bool {
    ["auth", "username", "identitytoken"].iter().any(|key| entry[key].as_str().is_some_and(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_cluster(managed_by: &str, participant: &str, auths: &Value) -> Secret {
        let object = json!({"metadata": {"labels": {MANAGED_BY.0: managed_by, PARTICIPANT: participant}},
            "type": "kubernetes.io/dockerconfigjson"});
        let mut secret: Secret = serde_json::from_value(object).unwrap();
        let bytes = json!({"auths": auths}).to_string().into_bytes();
        secret.data = Some([(".dockerconfigjson".to_owned(), flare_cluster::k8s_openapi::ByteString(bytes))].into());
        secret
    }

    #[test]
    fn a_secret_is_made_once_and_only_in_place_of_ones_own() {
        let own = json!({"registry.example.com": {"auth": "eDp5"}});
        let new = NewSecret {
            name: "regcred".into(),
            participant: "site-1".into(),
            auths: serde_json::from_value(own.clone()).unwrap(),
            object: Secret::default(),
        };
        let other = json!({"registry.example.com": {"auth": "other"}});
        let both = json!({"registry.example.com": {"auth": "eDp5"}, "more.example.com": {"auth": "eDp5"}});
        let judged = |existing: Option<Secret>| new.differs(existing.as_ref()).map_err(|fault| fault.code);
        assert_eq!(judged(None), Ok(true));
        for (managed_by, participant, auths, expected) in [
            ("flare-kube", "site-1", &own, Ok(false)),
            ("flare-kube", "site-1", &other, Ok(true)),
            ("flare-kube", "site-1", &both, Ok(true)),
            ("flare-kube", "site-2", &both, Ok(false)),
            ("flare-kube", "site-2", &other, Err(Code::ObjectConflict)),
            ("Helm", "site-1", &own, Err(Code::ObjectConflict)),
        ] {
            let existing = of_cluster(managed_by, participant, auths);
            assert_eq!(judged(Some(existing)), expected, "{managed_by} {participant} {auths}");
        }
        let by_hand = judged(Some(Secret::default()));
        assert_eq!(by_hand, Err(Code::ObjectConflict), "one that `kubectl create secret docker-registry` made");
    }

    #[test]
    fn a_secret_that_is_made_takes_the_place_of_none_that_the_values_name() {
        let file = |names: &[&str]| json!({PULL_SECRETS: names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()});
        let (none, one, both) = (json!({"port": 1}), file(&["regcred"]), file(&["regcred", "site-1-registry"]));
        let set = |text: &str| vec![Setting::Guessed(text.to_owned())];
        let setting = |files: &[Value], settings: &[Setting]| match setting("site-1-registry", files, settings) {
            Ok(setting) => Ok(setting.map(|(Setting::Guessed(text) | Setting::Text(text))| text)),
            Err(fault) => Err(fault.code),
        };
        let at = |index: u32| Ok(Some(format!("imagePullSecrets[{index}].name=site-1-registry")));
        assert_eq!(setting(&[], &set("a=b")), at(0));
        assert_eq!(setting(&[one.clone(), none.clone()], &[]), at(1), "the user's own one stays");
        assert_eq!(setting(&[both.clone(), one.clone()], &[]), at(1), "the list of the last file counts");
        assert_eq!(setting(&[file(&[])], &[]), at(0));
        assert_eq!(setting(&[one.clone(), both], &[]), Ok(None));
        assert_eq!(setting(&[one], &set("a=b,imagePullSecrets[0].name=site-1-registry")), Ok(None));
        for others in
            ["imagePullSecrets[0].name=regcred", "a=b,imagePullSecrets[0].name=my-site-1-registry", "imagePullSecrets=null"]
        {
            assert_eq!(setting(std::slice::from_ref(&none), &set(others)), Err(Code::InvalidArgs), "{others}");
        }
    }

    #[test]
    fn a_secret_of_another_type_holds_no_credentials() {
        let secret = |kind: &str, key: &str, text: &str| -> Secret {
            let object = json!({"type": kind, "stringData": {}});
            let mut secret: Secret = serde_json::from_value(object).unwrap();
            let bytes = flare_cluster::k8s_openapi::ByteString(text.as_bytes().to_vec());
            secret.data = Some([(key.to_owned(), bytes)].into());
            secret
        };
        let of = |kind, key, text| registries(&secret(kind, key, text));
        let modern =
            of("kubernetes.io/dockerconfigjson", ".dockerconfigjson", r#"{"auths": {"a.example.com": {"auth": "eDp5"}}}"#);
        assert_eq!(modern, Some(vec!["a.example.com".to_owned()]));
        assert_eq!(
            of("kubernetes.io/dockercfg", ".dockercfg", r#"{"b.example.com": {}}"#),
            Some(vec!["b.example.com".to_owned()])
        );
        assert_eq!(of("Opaque", ".dockerconfigjson", r#"{"auths": {}}"#), None);
        assert_eq!(of("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "{"), None);
        assert_eq!(of("kubernetes.io/dockerconfigjson", "other", "{}"), None);
    }
}
