//! The objects that a pod names and cannot start without.

use k8s_openapi::api::core::v1::{PodSpec, Volume};

/// A kind of object that pods or their claims name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    /// A Secret that is mounted or read.
    Secret,
    /// A `ConfigMap` that is mounted or read.
    ConfigMap,
    /// A claim.
    Claim,
    /// A Secret with a registry's credentials. A pod starts without it if the image needs none.
    PullSecret,
    /// The storage class of a claim for which no volume could be made, in no namespace: a claim that finds a volume needs none.
    StorageClass,
}

/// An object that a pod names, in its namespace, or one that its claim names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Its kind.
    pub kind: ReferenceKind,
    /// Its name.
    pub name: String,
}

impl Reference {
    /// Everything that a pod names and that is not optional, sorted, each once.
    pub fn all(spec: &PodSpec) -> Vec<Self> {
        let volumes = spec.volumes.iter().flatten().flat_map(of_volume);
        let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
        let environment = containers.flat_map(|container| {
            let sources = container.env_from.iter().flatten().flat_map(|from| {
                let secret = from.secret_ref.iter().map(|from| (ReferenceKind::Secret, from.name.as_str(), from.optional));
                secret.chain(from.config_map_ref.iter().map(|from| (ReferenceKind::ConfigMap, from.name.as_str(), from.optional)))
            });
            let values = container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()).flat_map(|from| {
                let secret = from.secret_key_ref.iter().map(|key| (ReferenceKind::Secret, key.name.as_str(), key.optional));
                secret
                    .chain(from.config_map_key_ref.iter().map(|key| (ReferenceKind::ConfigMap, key.name.as_str(), key.optional)))
            });
            sources.chain(values).collect::<Vec<_>>()
        });
        let pulls =
            spec.image_pull_secrets.iter().flatten().map(|secret| (ReferenceKind::PullSecret, secret.name.as_str(), None));
        let needed =
            volumes.chain(environment).chain(pulls).filter(|(_, name, optional)| *optional != Some(true) && !name.is_empty());
        let mut all: Vec<_> = needed.map(|(kind, name, _)| Self { kind, name: name.to_owned() }).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// Kind, name, and whether the pod starts without it.
fn of_volume(volume: &Volume) -> Vec<(ReferenceKind, &str, Option<bool>)> {
    let mut found = Vec::new();
    if let Some(secret) = &volume.secret {
        found.push((ReferenceKind::Secret, secret.secret_name.as_deref().unwrap_or_default(), secret.optional));
    }
    if let Some(map) = &volume.config_map {
        found.push((ReferenceKind::ConfigMap, map.name.as_str(), map.optional));
    }
    if let Some(claim) = &volume.persistent_volume_claim {
        found.push((ReferenceKind::Claim, claim.claim_name.as_str(), None));
    }
    for source in volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten()) {
        found.extend(source.secret.iter().map(|secret| (ReferenceKind::Secret, secret.name.as_str(), secret.optional)));
        found.extend(source.config_map.iter().map(|map| (ReferenceKind::ConfigMap, map.name.as_str(), map.optional)));
    }
    found
}
