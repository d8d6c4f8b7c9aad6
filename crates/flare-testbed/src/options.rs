//! How a cluster is asked for.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use flare_names::{is_label_value, is_qualified_name};
use serde::{Deserialize, Serialize};

use crate::image::FlareImage;

/// Who runs a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// A cluster that was there before and that the user named by its kubeconfig. It is only remembered, never ended.
    Kubeconfig,
    /// kind, where Docker runs.
    Kind,
    /// Our own programs, built from source.
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

/// Which `StorageClass` a claim gets that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultStorageClass {
    /// `local-path`, which binds when the first pod comes.
    #[default]
    LocalPath,
    /// `local-path-immediate`, which binds at once.
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
        let wrong = || format!("`{text}` is no taint: write `key=value:effect` with NoSchedule, PreferNoSchedule or NoExecute");
        let (pair, effect) = text.rsplit_once(':').ok_or_else(wrong)?;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect);
        if !known || !is_qualified_name(key) || !is_label_value(value) {
            return Err(wrong());
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() })
    }
}

/// How a cluster is asked for. What is not said about a cluster of another provider than [`Provider::Source`] has no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpOptions {
    /// Who shall run it; without one the best that there is: kind, else source, and a kubeconfig only where it is named.
    pub provider: Option<Provider>,
    /// The kubeconfig of a cluster that is there already.
    pub kubeconfig: Option<PathBuf>,
    /// How many `nvidia.com/gpu` the node says it has. They are names only: no pod gets a device.
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
    /// Whether missing Debian packages are installed, where we are root.
    pub install_packages: bool,
    /// How long the components may take until all of them answer.
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

/// Images as their tags.
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
    /// Whether a cluster that was asked for in this way is what is asked for in that way.
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
