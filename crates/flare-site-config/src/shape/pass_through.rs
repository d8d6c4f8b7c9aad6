//! Mappings that are passed on to Kubernetes unchanged.

use flare_diagnostic::{Code, Diagnostic};
use flare_names::Target;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value};

use super::{ConfigReader, Shape};
use flare_yaml::{Node, NodeContent};

/// A mapping of which only duplicate keys and ambiguous scalars are checked.
pub(crate) struct PassThrough;

impl Shape for PassThrough {
    type Output = Map<String, Value>;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<Self::Output> {
        if !matches!(node.content, NodeContent::Mapping(_)) {
            let message = format!("`{path}` must be a mapping, not {}", node.describe());
            return reader.refuse(node, message, "write `key: value` lines, as in a pod's manifest");
        }
        match node.to_json(Code::InvalidConfig) {
            Ok(Value::Object(map)) => Some(map),
            Ok(_) => None,
            Err(faults) => {
                for fault in faults {
                    reader.push(node, Diagnostic { message: format!("`{path}`: {}", fault.message), ..fault });
                }
                None
            }
        }
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "object"})
    }
}
