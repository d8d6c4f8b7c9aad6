//! Schemas of single values whose Rust type does not express everything that the schema must.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A string, or a whole number as `--set image.tag=20261125` gives one; the templates quote both.
pub(crate) fn text_or_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "integer"]})
}

/// A list of strings, or of whole numbers as above.
pub(crate) fn texts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": ["string", "integer"]}})
}

/// A port.
pub(crate) fn port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 65535})
}

/// A list of ports.
pub(crate) fn ports(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65535}})
}

/// A number of pods or a percentage of them.
pub(crate) fn count_or_percentage(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["integer", "string"], "minimum": 0, "pattern": "^(100|[0-9]{1,2})%$"})
}
