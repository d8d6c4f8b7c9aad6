//! Shapes: what a value of `k8s.yaml` must look like. A shape reads a node and says its JSON Schema, side by side, so that
//! checker and schema cannot drift apart.

mod block;
mod pass_through;
mod resources;
mod text;
mod whole_number;

use std::{collections::BTreeMap, sync::Arc};

use flare_diagnostic::{Code, Collector, Diagnostic, Place, Position};
use flare_names::Target;
use flare_yaml::Node;
use schemars::Schema;

pub(crate) use block::{Block, KeyRule, block, empty_block, schema_of};
pub(crate) use pass_through::PassThrough;
pub(crate) use resources::{Resources, Storage};
pub(crate) use text::{Image, MountPath, Name, Names, Path, Runtime, Security, name};
pub(crate) use whole_number::{Port, Seconds};

/// What a value must look like.
pub(crate) trait Shape {
    /// What it is read into.
    type Output;

    /// Reads a node that is not null. `None` where it broke a rule; the fault is then in the reader.
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self::Output>;

    /// Its JSON Schema.
    fn schema(targets: &[Target]) -> Schema;
}

/// One run over a config: what it is read for, and what was found.
pub(crate) struct Reader {
    pub(crate) target: Target,
    /// Faults with what they are sorted by.
    faults: Vec<(Arc<str>, Position, Diagnostic)>,
    pub(crate) places: BTreeMap<String, Place>,
    /// All blocks of the file with the beginning of their keys' paths, for a key that stands in the wrong one.
    blocks: &'static [(&'static str, &'static [KeyRule])],
}

impl Reader {
    pub(crate) fn new(target: Target, blocks: &'static [(&'static str, &'static [KeyRule])]) -> Self {
        Self { target, faults: Vec::new(), places: BTreeMap::new(), blocks }
    }

    /// The path of a key where it belongs.
    fn path_of(&self, key: &str) -> Option<String> {
        let block = self.blocks.iter().find(|(_, keys)| keys.iter().any(|rule| rule.key == key));
        block.map(|(path, _)| format!("{path}{key}"))
    }

    /// Adds a fault at a place.
    pub(crate) fn fault(&mut self, file: &Arc<str>, at: Position, message: impl Into<String>, hint: impl Into<String>) {
        let fault = Diagnostic::error(Code::InvalidConfig, message).hint(hint).at(Place::position(&**file, at));
        self.faults.push((Arc::clone(file), at, fault));
    }

    /// Adds a fault of a value. Gives `None`, which is what its caller then gives.
    pub(crate) fn refuse<T>(&mut self, node: &Node, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.fault(&node.file, node.position, message, hint);
        None
    }

    /// Adds a fault that has its place already.
    pub(crate) fn push(&mut self, node: &Node, fault: Diagnostic) {
        let at = fault.place.as_ref().and_then(|place| place.position).unwrap_or(node.position);
        self.faults.push((Arc::clone(&node.file), at, fault));
    }

    /// Adds the fault of a key that is not there: it names the file, and is sorted as if it stood at its block.
    pub(crate) fn missing(&mut self, block: &Node, path: &str, example: &str) {
        let fault = Diagnostic::error(Code::InvalidConfig, format!("the key `{path}` is missing"))
            .hint(format!("add it, for example `{example}`"))
            .at(Place::file(&*block.file));
        self.faults.push((Arc::clone(&block.file), block.position, fault));
    }

    /// All faults in the order of the file, those of `others` among them.
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
