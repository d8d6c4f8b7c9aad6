//! The file of a job's meta data, in each format that FLARE reads: JSON, HOCON (`meta.conf`) and YAML.

mod hocon_text;

use flare_diagnostic::{Code, Diagnostic, Faults, Place, Position};
use hocon::{HoconError, HoconValue, ScalarType};

use crate::document::{Findings, KeyValue, Kind, Node, Number};

/// A format of job meta data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Hocon,
    Yaml,
}

/// The keys of the meta data that are read.
pub(crate) const META_KEYS: [&str; 5] = ["launcher_spec", "resource_spec", "deploy_map", "study", "job_id"];

/// The names under which FLARE looks for the meta data in a job's directory, in FLARE's order (`config_ext_formats` of nvflare).
pub const JOB_META_FILES: [&str; 8] = [
    "meta.json",
    "meta.conf",
    "meta.yml",
    "meta.yaml",
    "meta.json.default",
    "meta.conf.default",
    "meta.yml.default",
    "meta.yaml.default",
];

impl Format {
    /// The format of a file of this name; JSON if the name does not tell.
    pub(crate) fn of(file: &str) -> Self {
        let name = file.strip_suffix(".default").unwrap_or(file).to_ascii_lowercase();
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("conf" | "hocon") => Self::Hocon,
            Some("yml" | "yaml") => Self::Yaml,
            _ => Self::Json,
        }
    }

    /// Whether each value has its line and column.
    pub(crate) const fn has_places(self) -> bool {
        !matches!(self, Self::Hocon)
    }
}

/// Reads the file as a tree. Syntax faults of JSON and YAML are in `findings`, those of HOCON are returned.
pub(crate) fn read(format: Format, text: &str, file: &str, findings: &mut Findings<'_>) -> Result<Option<Node>, Faults> {
    match format {
        Format::Json => Ok(crate::document::from_json(text, findings)),
        Format::Yaml => {
            let root = crate::document::from_yaml(text, findings);
            let read = |key: &&str| root.as_ref().and_then(|root| root.get(key));
            for node in META_KEYS.iter().filter_map(read) {
                refuse_unclear(node, findings);
            }
            Ok(root)
        }
        Format::Hocon => hocon(text, file).map(Some),
    }
}

/// Refuses `${…}`, which FLARE's YAML reader (`OmegaConf`) fills in.
fn refuse_unclear(node: &Node, findings: &mut Findings<'_>) {
    match &node.kind {
        Kind::Ambiguous => findings.at(
            node.offset,
            "an unquoted word that YAML 1.1 and YAML 1.2 read differently",
            Some("put the value in quotes"),
        ),
        Kind::Text(text) if text.contains("${") => {
            findings.at(
                node.offset,
                "the value refers to another one by `${…}`, which is not read here",
                Some("write the value itself"),
            );
        }
        Kind::List(items) => items.iter().for_each(|item| refuse_unclear(item, findings)),
        Kind::Object(entries) => entries.iter().for_each(|entry| refuse_unclear(&entry.value, findings)),
        _ => {}
    }
}

/// Reads HOCON. Includes and environment variables are refused, because they may differ at the server, as is everything that
/// FLARE's parser (pyhocon) and the specification read differently.
fn hocon(text: &str, file: &str) -> Result<Node, Faults> {
    if let Some((offset, misread)) = hocon_text::misread(text) {
        let position = flare_diagnostic::LineIndex::new(text).position(offset);
        let (what, hint) = misread.what_and_hint();
        return Err(refused(file, Some(position), what, hint));
    }
    let config = hocon::parse_with_env(text, &std::collections::HashMap::new()).map_err(|error| fault(file, &error))?;
    let mut entries = Vec::new();
    for key in config.keys() {
        let path = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
        if let Some(value) = config.get(&path) {
            entries.push(entry(key, value));
        }
    }
    Ok(Node { offset: 0, kind: Kind::Object(entries) })
}

fn entry(key: &str, value: &HoconValue) -> KeyValue {
    KeyValue { key: key.to_owned(), key_offset: 0, key_is_text: true, value: Node { offset: 0, kind: kind(value) } }
}

fn kind(value: &HoconValue) -> Kind {
    match value {
        HoconValue::Object(map) => Kind::Object(map.iter().map(|(key, value)| entry(key, value)).collect()),
        HoconValue::Array(items) => Kind::List(items.iter().map(|item| Node { offset: 0, kind: kind(item) }).collect()),
        HoconValue::Scalar(scalar) => match scalar.value_type {
            ScalarType::Null => Kind::Null,
            ScalarType::Boolean => Kind::Bool(scalar.raw == "true"),
            ScalarType::Number => number(&scalar.raw),
            _ => Kind::Text(scalar.raw.clone()),
        },
        _ => Kind::Null,
    }
}

/// A number as Python prints it after reading HOCON: an integer, or a float with a point.
fn number(raw: &str) -> Kind {
    if let Ok(integer) = raw.parse::<i128>() {
        return Kind::Number(Number { text: integer.to_string(), integer: true });
    }
    match raw.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
        Some(float) => Kind::Number(Number { text: float.to_string(), integer: false }),
        None => Kind::Text(raw.to_owned()),
    }
}

/// A fault with the parser's place, but without its message, which may contain a part of the line.
fn fault(file: &str, error: &HoconError) -> Faults {
    let at = |line: usize, column: usize| {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
        Some(Position { line: number(line), column: number(column) })
    };
    match error {
        HoconError::Parse(error) => refused(
            file,
            at(error.line, error.col),
            "is not valid HOCON here",
            "put words with `:`, `+` or `//` in quotes, and see that each bracket and quote is closed",
        ),
        HoconError::Resolve(error) => refused(
            file,
            at(error.line, error.col),
            "refers by `${…}` to what it does not hold; variables of the environment are not read here",
            "write the value itself",
        ),
        _ => refused(file, None, "is not valid HOCON: its top must be an object", "begin it with `{`, or with a key"),
    }
}

fn refused(file: &str, position: Option<Position>, what: &str, hint: &str) -> Faults {
    let message = format!("the file `{file}` {what}");
    let place = position.map_or_else(|| Place::file(file), |position| Place::position(file, position));
    Diagnostic::error(Code::InvalidLaunchRequest, message).hint(hint).at(place).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_format() {
        for (name, format) in [
            ("job/meta.json", Format::Json),
            ("meta.conf", Format::Hocon),
            ("meta.conf.default", Format::Hocon),
            ("META.YML", Format::Yaml),
            ("meta.yaml", Format::Yaml),
            ("meta", Format::Json),
        ] {
            assert_eq!(Format::of(name), format, "{name}");
        }
    }
}
