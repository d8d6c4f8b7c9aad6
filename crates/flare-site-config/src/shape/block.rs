//! Blocks: mappings whose keys are a table.

use flare_diagnostic::did_you_mean;
use flare_names::Target;
use schemars::Schema;
use serde_json::{Map, Value, json};

use super::Reader;
use flare_yaml::{Content, Node, shown};

/// One line of a block's table.
pub(crate) struct KeyRule {
    pub(crate) key: &'static str,
    /// Why the key exists, for people: the description in the schema.
    pub(crate) description: &'static str,
    pub(crate) required: bool,
    /// The targets that know the key.
    pub(crate) targets: &'static [Target],
    /// What the key means where it is left out; null where that depends on more.
    pub(crate) default: fn() -> Value,
    pub(crate) schema: fn(&[Target]) -> Schema,
    pub(crate) example: &'static str,
}

/// A block: a table of keys.
pub(crate) trait Block {
    /// The table.
    const KEYS: &'static [KeyRule];
}

/// Declares a block: a struct with an `Option` for each key, its table, and the shape that reads one into the other.
macro_rules! block {
    (
        $(#[doc = $block_doc:literal])+
        struct $name:ident {
            $($(#[doc = $doc:literal])+ $key:ident: $shape:ty, $need:ident, since $since:ident, default $default:expr, example $example:literal;)+
        }
    ) => {
        $(#[doc = $block_doc])+
        #[derive(Default)]
        pub(crate) struct $name {
            $($(#[doc = $doc])+ pub(crate) $key: Option<<$shape as crate::shape::Shape>::Output>,)+
        }

        impl crate::shape::Block for $name {
            const KEYS: &'static [crate::shape::KeyRule] = &[$(crate::shape::KeyRule {
                key: stringify!($key),
                description: concat!($($doc),+),
                required: crate::shape::block!(@need $need),
                targets: crate::shape::block!(@since $since),
                default: || serde_json::json!($default),
                schema: <$shape as crate::shape::Shape>::schema,
                example: $example,
            },)+];
        }

        impl crate::shape::Shape for $name {
            type Output = Self;

            fn read(node: &flare_yaml::Node, path: &str, reader: &mut crate::shape::Reader) -> Option<Self> {
                let mut block = Self::default();
                for (rule, key, value) in reader.known_keys::<Self>(node, path)? {
                    $(if rule == stringify!($key) {
                        block.$key = <$shape as crate::shape::Shape>::read(value, &key, reader);
                    })+
                }
                Some(block)
            }

            fn schema(targets: &[flare_names::Target]) -> schemars::Schema {
                crate::shape::schema_of::<Self>(targets)
            }
        }
    };
    (@need required) => { true };
    (@need optional) => { false };
    (@since v2_8) => { &flare_names::Target::ALL };
    (@since v2_9) => { &[flare_names::Target::V2_9] };
}
pub(crate) use block;

/// Puts a key behind the path of its block.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Reader {
    /// The entries that the table knows and that are not null, with name and path. Faults: no mapping (then `None`), keys
    /// that the table does not know, required keys that are missing.
    pub(crate) fn known_keys<'node, B: Block>(
        &mut self,
        node: &'node Node,
        path: &str,
    ) -> Option<Vec<(&'static str, String, &'node Node)>> {
        let Content::Mapping(entries) = &node.content else {
            let what = if path.is_empty() { "the config".to_owned() } else { format!("`{path}`") };
            return self.refuse(node, format!("{what} must be a mapping, not {}", node.describe()), "write `key: value` lines");
        };
        let mut known = Vec::new();
        for entry in entries {
            let key = join(path, &entry.key.text);
            let rule = B::KEYS.iter().find(|rule| rule.key == entry.key.text);
            match rule {
                Some(rule) if rule.targets.contains(&self.target) => {
                    if !entry.value.is_null() {
                        self.places.entry(key.clone()).or_insert_with(|| entry.value.place());
                        known.push((rule.key, key, &entry.value));
                    }
                }
                rule => {
                    let hint = match rule {
                        Some(rule) => other_target_hint(rule),
                        None => self.unknown_key_hint::<B>(&entry.key.text),
                    };
                    let message = match rule {
                        Some(_) => format!("unknown key `{}` for target {}", shown(&key), self.target),
                        None => format!("unknown key `{}`", shown(&key)),
                    };
                    self.fault(&entry.key.file, entry.key.position, message, hint);
                }
            }
        }
        for rule in B::KEYS.iter().filter(|rule| rule.required) {
            if !known.iter().any(|(key, _, _)| *key == rule.key) {
                self.missing(node, &join(path, rule.key), rule.example);
            }
        }
        Some(known)
    }

    fn unknown_key_hint<B: Block>(&self, key: &str) -> String {
        let known = |rule: &&KeyRule| rule.targets.contains(&self.target);
        if let Some(home) = crate::table::homes(key).into_iter().next() {
            return format!("did you mean `{home}`?");
        }
        let keys: Vec<_> = B::KEYS.iter().filter(known).map(|rule| rule.key).collect();
        did_you_mean(key, keys)
    }
}

fn other_target_hint(rule: &KeyRule) -> String {
    let targets: Vec<_> = rule.targets.iter().map(Target::to_string).collect();
    format!("`{}` exists for FLARE {}: remove it, or pass `--target {}`", rule.key, targets.join(", "), targets.join(" or "))
}

/// The schema of a block; an optional key may be null, which is as leaving it out.
pub(crate) fn schema_of<B: Block>(targets: &[Target]) -> Schema {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for rule in B::KEYS.iter().filter(|rule| rule.targets.iter().any(|target| targets.contains(target))) {
        let mut schema = (rule.schema)(targets).to_value();
        if rule.required {
            required.push(json!(rule.key));
        } else {
            allow_null(&mut schema);
        }
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), json!(rule.description.trim()));
            let default = (rule.default)();
            if !default.is_null() {
                schema.insert("default".to_owned(), default);
            }
        }
        properties.insert(rule.key.to_owned(), schema);
    }
    schemars::json_schema!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

/// Lets a schema that has one `type` accept null as well.
pub(crate) fn allow_null(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    match schema.get_mut("type") {
        Some(Value::String(name)) => {
            let name = name.clone();
            schema.insert("type".to_owned(), json!([name, "null"]));
        }
        Some(Value::Array(names)) => names.push(json!("null")),
        _ => {}
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
}
