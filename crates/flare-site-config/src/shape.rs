//! Shapes: what a value of `k8s.yaml` must look like. A shape both reads a node and gives its JSON Schema, so that
//! checker and schema cannot drift apart.

mod affinity;
mod amount;
mod block;
mod node_selector;
mod pass_through;
mod resources;
mod text;
mod toleration;
mod whole_number;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use flare_diagnostic::{Code, Collector, Diagnostic, Place, Position};
use flare_names::Target;
use flare_yaml::Node;
use schemars::Schema;

use crate::quantity::Quantity;

pub(crate) use affinity::Affinity;
pub(crate) use amount::PositiveAmount;
pub(crate) use block::{Block, KeyRule, block, empty_block, schema_of, unless_empty};
pub(crate) use node_selector::NodeSelector;
pub(crate) use pass_through::PassThrough;
pub(crate) use resources::{ExtendedResource, Resources};
pub(crate) use text::{Image, MountPath, Name, Names, Path, Runtime, name};
pub(crate) use toleration::Tolerations;
pub(crate) use whole_number::{Port, Seconds};
pub(crate) use words::{PullPolicy, Security};

/// What a value must look like.
pub(crate) trait Shape {
    /// The type that a value is read into.
    type Output;

    /// Reads a node that is not null. `None` if it breaks a rule; the fault is then in the reader.
    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<Self::Output>;

    /// Its JSON Schema.
    fn schema(targets: &[Target]) -> Schema;
}

/// The state of reading one config: its target, and the faults found.
pub(crate) struct ConfigReader {
    pub(crate) target: Target,
    /// Faults, each with its sort key.
    faults: Vec<(Arc<str>, Position, Diagnostic)>,
    pub(crate) places: BTreeMap<String, Place>,
    /// Each amount that was read, by the path of its key, with its place: for the checks between two keys.
    amounts: BTreeMap<String, (Arc<str>, Position, Quantity)>,
    /// All blocks of the file with the prefix of their keys' paths, for a key that is in the wrong block.
    blocks: &'static [(&'static str, &'static [KeyRule])],
}

impl ConfigReader {
    pub(crate) fn new(target: Target, blocks: &'static [(&'static str, &'static [KeyRule])]) -> Self {
        Self { target, faults: Vec::new(), places: BTreeMap::new(), amounts: BTreeMap::new(), blocks }
    }

    /// The path at which a key belongs.
    fn path_of(&self, key: &str) -> Option<String> {
        let block = self.blocks.iter().find(|(_, keys)| keys.iter().any(|rule| rule.key == key));
        block.map(|(path, _)| format!("{path}{key}"))
    }

    /// Adds a fault at a place.
    pub(crate) fn fault(&mut self, file: &Arc<str>, at: Position, message: impl Into<String>, hint: impl Into<String>) {
        let fault = Diagnostic::error(Code::InvalidConfig, message).hint(hint).at(Place::position(&**file, at));
        self.faults.push((Arc::clone(file), at, fault));
    }

    /// Adds a fault of a value. Returns `None`, for its caller to return.
    pub(crate) fn refuse<T>(&mut self, node: &Node, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.fault(&node.file, node.position, message, hint);
        None
    }

    /// Adds a fault that already has its place.
    pub(crate) fn push(&mut self, node: &Node, fault: Diagnostic) {
        let at = fault.place.as_ref().and_then(|place| place.position).unwrap_or(node.position);
        self.faults.push((Arc::clone(&node.file), at, fault));
    }

    /// Checks that the amount of one key is not above that of another; without one of them there is nothing to compare.
    pub(crate) fn check_not_above(&mut self, request: &str, limit: &str) {
        let (Some((file, at, requested)), Some((_, limit_at, limited))) = (self.amounts.get(request), self.amounts.get(limit))
        else {
            return;
        };
        if requested > limited {
            let message = format!("`{request}` is above the limit `{limit}` at {}:{}", limit_at.line, limit_at.column);
            let (file, at) = (file.clone(), *at);
            self.fault(&file, at, message, "lower the request, or raise the limit");
        }
    }

    /// Adds the fault of a missing key: it names the file, and is sorted as if it were at its block.
    pub(crate) fn missing(&mut self, block: &Node, path: &str, example: &str) {
        let fault = Diagnostic::error(Code::InvalidConfig, format!("the key `{path}` is missing"))
            .hint(format!("add it, for example `{example}`"))
            .at(Place::file(&*block.file));
        self.faults.push((Arc::clone(&block.file), block.position, fault));
    }

    /// All faults, including those of `others`, in the order of the file.
    pub(crate) fn into_collector(self, others: Collector) -> Collector {
        let others = others.into_iter().map(|fault| {
            let place = fault.place.clone().unwrap_or_else(|| Place::file(""));
            (place.file.into(), place.position.unwrap_or(Position { line: 0, column: 0 }), fault)
        });
        let mut faults: Vec<_> = others.chain(self.faults).collect();
        faults.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        faults.into_iter().map(|(_, _, fault)| fault).collect()
    }
}
