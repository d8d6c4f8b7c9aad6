//! Secrets with registry credentials: checks whether those of the parent exist and include the image's registry, and creates one from
//! a docker config file.

use std::path::Path;

use flare_cluster::{Cluster, Write, k8s_openapi::api::core::v1::Secret};
use flare_diagnostic::{Code, Collector, Diagnostic, Faults, Place, shown};
use flare_site_plan::SitePlan;
use serde_json::{Value, json};

use super::chart_objects::ChartObjects;

/// The maximum size of a docker config file, in bytes, which is that of a Secret.
const LARGEST: u64 = 1 << 20;

/// Docker's names of the default registry.
const DOCKER_HUB: [&str; 4] = ["index.docker.io", "docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// A Secret to create. Its data are credentials, so it has no `Debug`.
pub(super) struct NewSecret {
    pub(super) name: String,
    object: Secret,
}

/// The name of the Secret to create: the first one in the kit, otherwise one after the Deployment, which the values then must name.
pub(super) fn name(plan: &SitePlan) -> (String, bool) {
    match plan.parent.image_pull_secrets.first() {
        Some(name) => (name.to_string(), true),
        None => (format!("{}-registry", plan.names.deployment), false),
    }
}

/// Reads a docker config file into a Secret with only the credentials for the image's registry.
pub(super) fn of_file(file: &Path, plan: &SitePlan, image: &str) -> Result<NewSecret, Faults> {
    let bytes = flare_file_tree::read_file(file, LARGEST, Code::InvalidArgs, Code::InvalidArgs)?;
    let wrong = |message: String, hint: &str| Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(Place::from(file));
    let config: Value = serde_json::from_slice(&bytes)
        .map_err(|_| wrong("the docker config file is not JSON".to_owned(), "name a file such as ~/.docker/config.json"))?;
    let registry = registry(image);
    let known = config["auths"].as_object().into_iter().flatten();
    let fitting: serde_json::Map<String, Value> = known
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
    let object = json!({"metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "flare-kube",
            "app.kubernetes.io/component": "registry-credentials", "flare-kube/participant": plan.names.deployment}},
        "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": data}});
    let object = serde_json::from_value(object).map_err(|_| Diagnostic::error(Code::Internal, "a Secret could not be made"))?;
    Ok(NewSecret { name, object })
}

impl NewSecret {
    /// Applies the Secret. Another Secret with that name is not replaced.
    pub(super) async fn apply(&self, cluster: &Cluster, namespace: &str) -> Result<(), Diagnostic> {
        let secrets = cluster.namespaced::<Secret>(namespace);
        let ours = |secret: &Secret| {
            let labels = secret.metadata.labels.as_ref();
            labels.and_then(|labels| labels.get("app.kubernetes.io/managed-by")).is_some_and(|by| by == "flare-kube")
        };
        if secrets.find(&self.name).await?.is_some_and(|found| !ours(&found)) {
            let message = format!("there is a Secret `{}` already, which flare-kube did not make", self.name);
            return Err(Diagnostic::error(Code::ObjectConflict, message)
                .hint("leave `--create-pull-secret` out to use it, or delete it, or name another one in `image_pull_secrets` of k8s.yaml"));
        }
        secrets.apply(&self.name, &self.object, Write { dry_run: false, force: false }).await.map(|_| ())
    }
}

/// Checks the Secrets that the parent's pod names, except for the one that will be created.
///
/// If none of them has the image's registry, that is a warning: the image may be public, or on the node.
pub(super) async fn check(
    cluster: &Cluster,
    namespace: &str,
    objects: &ChartObjects,
    new: Option<&NewSecret>,
    found: &mut Collector,
) -> Result<(), Diagnostic> {
    let secrets = cluster.namespaced::<Secret>(namespace);
    let mut knows = new.is_some();
    let named = objects.pull_secrets();
    for name in named.iter().filter(|name| new.is_none_or(|new| new.name != **name)) {
        match secrets.find(name).await? {
            None => found.push(missing(name, namespace)),
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
    Ok(())
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn missing(name: &str, namespace: &str) -> Diagnostic {
    Diagnostic::error(Code::PullSecretNotUsable, format!("there is no Secret `{name}` in namespace `{namespace}`, which the parent names for its image"))
        .hint("`--create-pull-secret ~/.docker/config.json` makes it; or take it out of `image_pull_secrets` in k8s.yaml and prepare the kit again")
}

fn no_credentials(name: &str) -> Diagnostic {
    Diagnostic::error(Code::PullSecretNotUsable, format!("the Secret `{name}` holds no registry credentials"))
        .hint("it needs the type kubernetes.io/dockerconfigjson, as `kubectl create secret docker-registry` makes it")
}

/// The registries in a Secret's credentials, as written there; `None` if it has another type or cannot be read.
fn registries(secret: &Secret) -> Option<Vec<String>> {
    let data = secret.data.as_ref()?;
    let auths = match secret.type_.as_deref()? {
        "kubernetes.io/dockerconfigjson" => {
            let config: Value = serde_json::from_slice(&data.get(".dockerconfigjson")?.0).ok()?;
            config["auths"].clone()
        }
        "kubernetes.io/dockercfg" => serde_json::from_slice(&data.get(".dockercfg")?.0).ok()?,
        _ => return None,
    };
    Some(auths.as_object()?.keys().cloned().collect())
}

fn has_credentials(entry: &Value) -> bool {
    ["auth", "username", "identitytoken"].iter().any(|key| entry[key].as_str().is_some_and(|text| !text.is_empty()))
}

/// The registry of an image: the part before its first `/` if that is a host, otherwise Docker Hub.
fn registry(image: &str) -> &str {
    let first = image.split_once('/').map(|(first, _)| first);
    first.filter(|first| first.contains(['.', ':']) || *first == "localhost").unwrap_or(DOCKER_HUB[0])
}

/// Whether a kubelet uses the credentials under a key for an image: the same host, whose parts may contain `*`, the same port, and a
/// path that is a prefix of the image's. Source: `kubernetes/pkg/credentialprovider`.
fn holds(key: &str, image: &str) -> bool {
    let key = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let registry = registry(image);
    if DOCKER_HUB.contains(&registry) {
        return DOCKER_HUB.contains(&host) && (path.is_empty() || path == "v1" || path == "v2");
    }
    // Older dockers appended `/v1/` or `/v2/` to the host.
    let path = if path == "v1" || path == "v2" { "" } else { path };
    let rest = image.split_once('/').map_or("", |(_, rest)| rest);
    let (host, port) = host.split_once(':').unwrap_or((host, ""));
    let (wanted_host, wanted_port) = registry.split_once(':').unwrap_or((registry, ""));
    let parts = || host.split('.').zip(wanted_host.split('.'));
    port == wanted_port
        && host.split('.').count() == wanted_host.split('.').count()
        && parts().all(|(pattern, part)| fits(pattern, part))
        && rest.starts_with(path)
}

/// Matches a part of a host with a pattern, in which `*` is any text.
fn fits(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == part,
        Some((before, after)) => part
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(after, &rest[at..]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_as_a_kubelet_takes_them() {
        for (key, image) in [
            ("registry.example.com", "registry.example.com/nvflare/nvflare:2.8.3"),
            ("https://registry.example.com/", "registry.example.com/a"),
            ("https://registry.example.com/v2/", "registry.example.com/a"),
            ("registry.example.com:5000", "registry.example.com:5000/a/b"),
            ("registry.example.com/team", "registry.example.com/team/a"),
            ("*.example.com", "eu.example.com/a"),
            ("eu-*.example.com", "eu-west.example.com/a"),
            ("https://index.docker.io/v1/", "nvflare/nvflare:2.8.3"),
            ("docker.io", "docker.io/nvflare/nvflare"),
            ("localhost", "localhost/a"),
        ] {
            assert!(holds(key, image), "{key} {image}");
        }
        for (key, image) in [
            ("registry.example.com", "registry.example.org/a"),
            ("registry.example.com", "registry.example.com:5000/a"),
            ("registry.example.com:5000", "registry.example.com/a"),
            ("registry.example.com/other", "registry.example.com/team/a"),
            ("*.example.com", "example.com/a"),
            ("*.example.com", "a.b.example.com/a"),
            ("https://index.docker.io/v1/", "registry.example.com/nvflare"),
            ("registry.example.com", "nvflare/nvflare"),
            ("", "registry.example.com/a"),
        ] {
            assert!(!holds(key, image), "{key} {image}");
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
