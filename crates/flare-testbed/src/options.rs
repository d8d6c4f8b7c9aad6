//! The options of a cluster.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use flare_names::{is_label_value, is_qualified_name};
use serde::{Deserialize, Serialize};

use crate::image::FlareImage;

/// What runs a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// An existing cluster that the user named by its kubeconfig. It is only recorded, never ended.
    Kubeconfig,
    /// kind, on Docker.
    Kind,
    /// Programs that are built from source.
    Source,
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Kubeconfig => "kubeconfig",
            Self::Kind => "kind",
            Self::Source => "source",
        })
    }
}

/// Which `StorageClass` is used for a claim that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultStorageClass {
    /// `local-path`, which binds for the first pod.
    #[default]
    LocalPath,
    /// `local-path-immediate`, which binds immediately.
    LocalPathImmediate,
    /// No class is the default: such a claim stays pending.
    None,
}

/// A taint of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    /// The key, such as `nvidia.com/gpu`.
    pub key: String,
    /// The value, which may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// Reads `key=value:effect` or `key:effect`, as `kubectl taint` does.
impl FromStr for Taint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a taint: write `key=value:effect` with NoSchedule, PreferNoSchedule or NoExecute");
        let (pair, effect) = text.rsplit_once(':').ok_or_else(wrong)?;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect);
        if !known || !is_qualified_name(key) || !is_label_value(value) {
            return Err(wrong());
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() })
    }
}

/// The options of a cluster. Most apply only to [`Provider::Source`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpOptions {
    /// The provider; `None`: the kubeconfig if one is named, otherwise kind if possible, otherwise source.
    pub provider: Option<Provider>,
    /// The kubeconfig of an existing cluster.
    pub kubeconfig: Option<PathBuf>,
    /// How many `nvidia.com/gpu` the node advertises. No pod gets a real device.
    pub gpus: u32,
    /// Taints with which the node registers.
    pub taints: Vec<Taint>,
    /// Which `StorageClass` is the default.
    pub default_storage_class: DefaultStorageClass,
    /// The FLARE images in the cluster's registry.
    #[serde(with = "tags")]
    pub images: Vec<FlareImage>,
    /// The port of the cluster's registry, inside the cluster's own network.
    pub registry_port: u16,
    /// Whether missing Debian packages are installed, which requires root.
    pub install_packages: bool,
    /// The time limit for all components to become ready.
    pub timeout: Duration,
}

impl Default for UpOptions {
    fn default() -> Self {
        Self {
            provider: None,
            kubeconfig: None,
            gpus: 0,
            taints: Vec::new(),
            default_storage_class: DefaultStorageClass::default(),
            images: FlareImage::DEFAULT.to_vec(),
            registry_port: 5000,
            install_packages: true,
            timeout: Duration::from_mins(2),
        }
    }
}

/// Serializes images as their tags.
mod tags {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::image::FlareImage;

    pub(super) fn serialize<S: Serializer>(images: &[FlareImage], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(images.iter().map(|image| image.tag()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FlareImage>, D::Error> {
        let tags = Vec::<String>::deserialize(deserializer)?;
        tags.iter().map(|tag| tag.parse().map_err(D::Error::custom)).collect()
    }
}

impl UpOptions {
    /// Whether a cluster with these options satisfies the others.
    pub(crate) fn asks_for_the_same(&self, other: &Self) -> bool {
        let what = |options: &Self| Self { provider: None, install_packages: false, timeout: Duration::ZERO, ..options.clone() };
        what(self) == what(other)
    }
}

#[cfg(test)]
mod tests {
    use super::Taint;

    #[test]
    fn taints_are_read_as_kubectl_reads_them() {
        let taint: Taint = "nvidia.com/gpu=present:NoSchedule".parse().unwrap();
        assert_eq!(
            (taint.key.as_str(), taint.value.as_str(), taint.effect.as_str()),
            ("nvidia.com/gpu", "present", "NoSchedule")
        );
        assert_eq!("a:NoExecute".parse::<Taint>().unwrap().value, "");
        for bad in [
            "",
            "a",
            "a=b",
            "a=b:Never",
            "=b:NoSchedule",
            ":NoSchedule",
            "a b=c:NoSchedule",
            "/a=b:NoSchedule",
            "a=b=c:NoSchedule",
        ] {
            assert!(bad.parse::<Taint>().is_err(), "{bad}");
        }
    }
}
