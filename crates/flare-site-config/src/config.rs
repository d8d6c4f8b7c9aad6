//! Reading the checked configuration.

use flare_diagnostic::{Checked, Code, Collector, Faults, Place};
use flare_names::Target;
use flare_yaml::{Document, Node};

use crate::{
    shape::{ConfigReader, Shape as _},
    table::{BLOCKS, REQUESTS_AND_LIMITS, SiteConfig},
};

impl SiteConfig {
    /// Reads `k8s.yaml` for a target. `file` is the name used in places. Fails with every fault of the file, in file order,
    /// with the code `INVALID_CONFIG` (`docs/behaviour.md` section 1).
    pub fn parse(bytes: &[u8], file: &str, target: Target) -> Result<Checked<Self>, Faults> {
        Self::from_document(&flare_yaml::parse(bytes, file, Code::InvalidConfig)?, target)
    }

    /// Reads a `k8s.yaml` that has already been parsed, as [`SiteConfig::parse`] does.
    pub fn from_document(document: &Document, target: Target) -> Result<Checked<Self>, Faults> {
        read(&document.root, target, document.faults.clone())
    }

    /// Reads a config that is part of another file, or was put together from several (see [`Node::overlay`]).
    pub fn from_node(node: &Node, target: Target) -> Result<Checked<Self>, Faults> {
        read(node, target, Collector::new())
    }

    /// The place of a key, for checks that need more than the config; `None` if it was not written.
    pub fn place(&self, key: &str) -> Option<&Place> {
        self.places.get(key)
    }
}

/// Reads the config by the table and adds its faults to those of the document.
fn read(node: &Node, target: Target, found: Collector) -> Result<Checked<SiteConfig>, Faults> {
    let mut reader = ConfigReader::new(target, BLOCKS);
    let config = SiteConfig::read(node, "", &mut reader);
    for (request, limit) in REQUESTS_AND_LIMITS {
        reader.check_not_above(request, limit);
    }
    let places = std::mem::take(&mut reader.places);
    reader.into_collector(found).finish_some(config.map(|config| SiteConfig { places, ..config }))
}
