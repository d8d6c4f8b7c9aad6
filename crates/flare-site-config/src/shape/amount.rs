//! Amounts: Kubernetes quantities, as values of `k8s.yaml`.

use flare_diagnostic::Code;
use flare_names::Target;
use flare_yaml::{Meaning, Node, NodeContent, Reading, quote, shown};
use schemars::{Schema, json_schema};
use serde_json::Value;

use super::{ConfigReader, Shape};
use crate::quantity::Quantity;

/// The number of a quantity without a minus sign, as a regular expression.
pub(super) const POSITIVE: &str = "\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)";
/// The suffix that may follow it.
pub(super) const SUFFIX: &str = "([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?";

/// An amount above 0, which is passed on as a string.
pub(crate) struct PositiveAmount;

impl Shape for PositiveAmount {
    type Output = String;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<String> {
        let (value, quantity) = reader.quantity(node, path)?;
        if quantity.is_zero() || quantity.is_negative() {
            return reader.refuse(node, format!("`{path}` must be more than 0"), example(path));
        }
        reader.amounts.insert(path.to_owned(), (node.file.clone(), node.position, quantity));
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": ["string", "number"], "pattern": format!("^{POSITIVE}{SUFFIX}$"), "exclusiveMinimum": 0})
    }
}

impl ConfigReader {
    /// Reads a quantity: its value as written (a number stays a number) and its amount.
    pub(super) fn quantity(&mut self, node: &Node, path: &str) -> Option<(Value, Quantity)> {
        let hint = example(path);
        let NodeContent::Scalar(scalar) = &node.content else {
            return self.refuse(node, format!("`{path}` must be a quantity, not {}", node.describe()), hint);
        };
        let shown = shown(&scalar.text);
        let value = match scalar.reading() {
            // FLARE passes the string on, and as a quantity both readings are the same amount.
            Reading::Differs { yaml_1_1: Meaning::String, .. } => Value::String(scalar.text.clone()),
            Reading::Differs { .. } => match scalar.to_json(Code::InvalidConfig) {
                Ok(value) => value,
                Err(fault) => {
                    let is_quantity = scalar.text.parse::<Quantity>().is_ok();
                    let quoted = || format!("write a plain decimal number, or put it in quotes: `{}`", quote(&shown));
                    let hint = if is_quantity { quoted() } else { hint.to_owned() };
                    return self.refuse(node, format!("`{path}`: {}", fault.message), hint);
                }
            },
            Reading::Same(Meaning::Null | Meaning::Boolean(_)) => {
                return self.refuse(node, format!("`{path}` must be a quantity, not {}", node.describe()), hint);
            }
            Reading::Same(_) => match scalar.to_json(Code::InvalidConfig) {
                Ok(value) => value,
                Err(fault) => return self.refuse(node, format!("`{path}`: {}", fault.message), hint),
            },
        };
        // A number in a notation that is not decimal (`0x10`) counts with its value.
        let text = match &value {
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            _ => scalar.text.clone(),
        };
        match text.parse::<Quantity>() {
            Ok(quantity) => Some((value, quantity)),
            Err(error) => self.refuse(node, format!("`{path}`: `{shown}` is not a quantity: {error}"), repaired(&text, path)),
        }
    }
}

/// An example of an amount, by the last key of its path.
fn example(path: &str) -> &'static str {
    match path.rsplit(['.', '/']).next().unwrap_or_default() {
        "cpu" | "cpu_request" => "use a number of CPUs, for example 2 or 500m",
        "memory" | "memory_request" | "shm_size" | "ephemeral-storage" | "ephemeral_storage" => {
            "use an amount with a suffix of Kubernetes, for example 8Gi or 500M"
        }
        _ => "use a number with a suffix of Kubernetes where needed, for example 1 or 8Gi",
    }
}

/// Suggests the Kubernetes suffix for a unit of bytes such as `GB`.
fn repaired(text: &str, path: &str) -> String {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let suffix = match text[number.len()..].trim().to_ascii_lowercase().as_str() {
        _ if path.rsplit('.').next().is_some_and(|key| matches!(key, "cpu" | "cpu_request")) => return example(path).to_owned(),
        "gb" | "g" | "gib" | "gi" => "Gi",
        "mb" | "mib" | "mi" => "Mi",
        "kb" | "kib" | "ki" => "Ki",
        "tb" | "tib" | "t" | "ti" => "Ti",
        _ => return example(path).to_owned(),
    };
    let repaired = format!("{number}{suffix}");
    if repaired.parse::<Quantity>().is_ok() { format!("did you mean `{}`?", shown(&repaired)) } else { example(path).to_owned() }
}
