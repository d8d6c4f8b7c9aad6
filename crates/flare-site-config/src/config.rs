//! Reading the checked configuration, and the words that it holds.

use flare_diagnostic::{Checked, Code, Collector, Faults, Place};
use flare_names::Target;
use flare_yaml::{Document, Node};
use serde::{Deserialize, Serialize};

use crate::{
    shape::{Reader, Shape as _},
    table::{BLOCKS, SiteConfig},
};

/// The runtime `k8s`, the only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kubernetes;

/// Security of the link between a parent and its job pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InternalSecurity {
    /// Not encrypted: all that 2.8's job process understands.
    Clear,
    /// Mutual TLS with the certificates of the kit, the default of 2.9.
    Mtls,
}

impl InternalSecurity {
    /// As it stands in `comm_config.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Mtls => "mtls",
        }
    }
}

impl SiteConfig {
    /// Reads `k8s.yaml` for a target. `file` is the name that places carry. Every fault of the file at once, in its order,
    /// with the code `INVALID_CONFIG` (`docs/behaviour.md` section 1).
    pub fn parse(bytes: &[u8], file: &str, target: Target) -> Result<Checked<Self>, Faults> {
        Self::from_document(&flare_yaml::parse(bytes, file, Code::InvalidConfig)?, target)
    }

    /// Reads a `k8s.yaml` that was parsed before, as [`SiteConfig::parse`] does.
    pub fn from_document(document: &Document, target: Target) -> Result<Checked<Self>, Faults> {
        read(&document.root, target, document.faults.clone())
    }

    /// Reads a config that is part of another file, or was put together from several (see [`Node::overlay`]).
    pub fn from_node(node: &Node, target: Target) -> Result<Checked<Self>, Faults> {
        read(node, target, Collector::new())
    }

    /// Where a key stands, for checks that need more than the config; `None` where it was not written.
    pub fn place(&self, key: &str) -> Option<&Place> {
        self.places.get(key)
    }
}

/// Reads the table and adds what was found to the faults that the document has already.
fn read(node: &Node, target: Target, found: Collector) -> Result<Checked<SiteConfig>, Faults> {
    let mut reader = Reader::new(target, BLOCKS);
    let config = SiteConfig::read(node, "", &mut reader);
    let places = std::mem::take(&mut reader.places);
    reader.into_collector(found).finish_some(config.map(|config| SiteConfig { places, ..config }))
}
