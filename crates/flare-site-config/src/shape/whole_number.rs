//! Integers. A boolean is not an integer, although it is in Python (defect 12).

use flare_names::Target;
use schemars::{Schema, json_schema};

use super::{ConfigReader, Shape};
use flare_yaml::{Meaning, Node, NodeContent, Reading, Style, shown};

impl ConfigReader {
    pub(super) fn integer(&mut self, node: &Node, path: &str) -> Option<i128> {
        let message = format!("`{path}` must be an integer, not {}", node.describe());
        let NodeContent::Scalar(scalar) = &node.content else {
            return self.refuse(node, message, "write a single number");
        };
        match scalar.reading() {
            Reading::Same(Meaning::Integer(value)) => Some(value),
            Reading::Differs { yaml_1_1, yaml_1_2 } if scalar.meaning() != Meaning::String || yaml_1_1 != Meaning::String => {
                let message = format!(
                    "`{path}`: `{}` is {} in YAML 1.1, which FLARE reads, and {} in YAML 1.2",
                    shown(&scalar.text),
                    yaml_1_1.describe(),
                    yaml_1_2.describe()
                );
                self.refuse(node, message, "write the number in plain decimal digits")
            }
            _ if scalar.style == Style::Quoted && scalar.text.parse::<i64>().is_ok() => {
                self.refuse(node, message, format!("write it without quotes: `{}`", scalar.text))
            }
            _ => self.refuse(node, message, "write a whole number in plain decimal digits"),
        }
    }
}

/// A port: 1 to 65535.
pub(crate) struct Port;

impl Shape for Port {
    type Output = u16;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<u16> {
        let number = reader.integer(node, path)?;
        match u16::try_from(number) {
            Ok(port) if port > 0 => Some(port),
            _ => reader.refuse(
                node,
                format!("`{path}` is {number}, which is not a port"),
                "use a port from 1 to 65535, for example 8102",
            ),
        }
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": 65535})
    }
}

/// A duration in whole seconds, at least 0.
pub(crate) struct Seconds;

impl Shape for Seconds {
    type Output = u64;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<u64> {
        let number = reader.integer(node, path)?;
        match u64::try_from(number) {
            Ok(seconds) => Some(seconds),
            Err(_) if number < 0 => {
                reader.refuse(node, format!("`{path}` is {number}, and may not be negative"), "use 0 or more seconds")
            }
            Err(_) => {
                reader.refuse(node, format!("`{path}` is {number}, which is too large"), "use a number of seconds below 2^64")
            }
        }
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({"type": "integer", "minimum": 0, "maximum": u64::MAX})
    }
}
