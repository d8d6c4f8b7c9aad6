//! A JSON or YAML file as a tree of nodes with places, and its faults. Both formats give the same type, so that
//! every rule is written once and each fault has its line and column.

mod findings;

pub(crate) use findings::{Findings, join};
use flare_yaml::python::{self, Parsed, Unreadable};
pub(crate) use flare_yaml::python::{KeyValue, Kind, Node, Number};
use serde_json::Value;

/// Reads JSON. `None` if it is not JSON; the fault is in `findings`.
pub(crate) fn from_json(text: &str, findings: &mut Findings<'_>) -> Option<Node> {
    taken(python::read_json(text), findings)
}

/// Reads one YAML document; an empty file is null. `None` if it is not YAML; the fault is in `findings`.
pub(crate) fn from_yaml(text: &str, findings: &mut Findings<'_>) -> Option<Node> {
    taken(python::read_yaml(text), findings)
}

fn taken(read: Result<Parsed, Unreadable>, findings: &mut Findings<'_>) -> Option<Node> {
    match read {
        Ok(parsed) => {
            for (offset, key) in parsed.doubled {
                findings.doubled(offset, &key);
            }
            Some(parsed.root)
        }
        Err(fault) => {
            findings.unreadable(fault.offset, &fault.what, fault.hint);
            None
        }
    }
}

/// A quantity. Kubernetes accepts a number or a string; if a JSON number would lose digits here, a string
/// keeps them.
pub(crate) fn quantity(number: &Number) -> Value {
    let digits = number.text.bytes().filter(u8::is_ascii_digit).count();
    if digits <= 15 { number.to_json() } else { Value::String(number.text.clone()) }
}
