//! Blocks: mappings whose keys are declared in a table.

use flare_diagnostic::did_you_mean;
use flare_names::{Capabilities, Target};
use schemars::Schema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::ConfigReader;
use flare_yaml::{Node, NodeContent, key_path, shown};

/// One line of a block's table.
pub(crate) struct KeyRule {
    pub(crate) key: &'static str,
    /// What the key is for: the description in the schema.
    pub(crate) description: &'static str,
    pub(crate) required: bool,
    /// Whether a release knows the key.
    pub(crate) known: fn(&Capabilities) -> bool,
    /// The value if the key is left out; null if that depends on more than the config.
    pub(crate) default: fn() -> Value,
    pub(crate) schema: fn(&[Target]) -> Schema,
    pub(crate) example: &'static str,
}

impl KeyRule {
    fn is_known(&self, target: Target) -> bool {
        (self.known)(target.capabilities())
    }
}

/// A block: a table of keys.
pub(crate) trait Block {
    /// The table.
    const KEYS: &'static [KeyRule];
}

/// Declares a block: the struct that it is read into, its table, and the shape that reads it.
///
/// Each key states its name, the shape that reads it, and the type that it is read into. Then one of: `required`; `default (value)`,
/// the value if it is left out; `optional`, an `Option`; `block`, a block of defaults if it is left out. Then the releases that know
/// it: `since first`, or `since` the name of the capability that it came with. A field after `plus` is not a key and starts empty.
///
/// A second struct has the last keys of the block once more, which are all optional: what is handed on from a block as a whole. Its
/// `KEYS` are their names, and its `of` takes their values from a block.
macro_rules! block {
    (
        $(#[doc = $block_doc:literal])+
        $visibility:vis struct $name:ident { $($row:tt)* }
        $(#[doc = $part_doc:literal])+
        $part_visibility:vis struct $part:ident { $($part_row:tt)* }
    ) => {
        crate::shape::block! {
            $(#[doc = $block_doc])+
            $visibility struct $name { $($row)* $($part_row)* }
        }
        crate::shape::block! {
            @part of $name
            $(#[doc = $part_doc])+
            $part_visibility struct $part { $($part_row)* }
        }
    };
    (
        @part of $block:ident
        $(#[doc = $part_doc:literal])+
        $visibility:vis struct $part:ident {
            $($(#[doc = $doc:literal])+ $key:ident: $shape:ty => $output:ty, optional, since $since:ident, example $example:literal;)+
        }
    ) => {
        $(#[doc = $part_doc])+
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        $visibility struct $part {
            $($(#[doc = $doc])+ #[serde(skip_serializing_if = "Option::is_none")] pub $key: Option<$output>,)+
        }

        impl $part {
            /// The names of its keys.
            pub const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];

            /// Its values in a block. An empty mapping or list, which means none, is left out.
            pub fn of(block: &$block) -> Self {
                Self { $($key: crate::shape::unless_empty(block.$key.as_ref()),)+ }
            }
        }
    };
    (
        $(#[doc = $block_doc:literal])+
        $visibility:vis struct $name:ident {
            $($(#[doc = $doc:literal])+ $key:ident: $shape:ty => $output:ty, $need:ident $(($default:expr))?, since $since:ident, example $example:literal;)+
            $(plus $(#[doc = $extra_doc:literal])+ $extra:ident: $extra_type:ty;)*
        }
    ) => {
        $(#[doc = $block_doc])+
        #[derive(Debug, Clone, PartialEq)]
        $visibility struct $name {
            $($(#[doc = $doc])+ pub $key: crate::shape::block!(@type $need $output),)+
            $($(#[doc = $extra_doc])+ pub $extra: $extra_type,)*
        }

        impl crate::shape::Block for $name {
            const KEYS: &'static [crate::shape::KeyRule] = &[$(crate::shape::KeyRule {
                key: stringify!($key),
                description: concat!($($doc),+),
                required: crate::shape::block!(@required $need),
                known: crate::shape::block!(@since $since),
                default: || crate::shape::block!(@shown_default $need $(($default))? $output),
                schema: <$shape as crate::shape::Shape>::schema,
                example: $example,
            },)+];
        }

        impl crate::shape::Shape for $name {
            type Output = Self;

            fn read(node: &flare_yaml::Node, path: &str, reader: &mut crate::shape::ConfigReader) -> Option<Self> {
                $(let mut $key: Option<$output> = None;)+
                for (rule, key, value) in reader.known_keys::<Self>(node, path)? {
                    $(if rule == stringify!($key) {
                        $key = <$shape as crate::shape::Shape>::read(value, &key, reader);
                    })+
                }
                Some(Self {
                    $($key: crate::shape::block!(@value $need $(($default))? $shape, $key, path, node, reader),)+
                    $($extra: <$extra_type>::default(),)*
                })
            }

            fn schema(targets: &[flare_names::Target]) -> schemars::Schema {
                crate::shape::schema_of::<Self>(targets)
            }
        }
    };
    (@type optional $output:ty) => { Option<$output> };
    (@type $need:ident $output:ty) => { $output };
    (@required required) => { true };
    (@required $need:ident) => { false };
    (@since first) => { |_| true };
    (@since $capability:ident) => { |release| release.$capability };
    (@shown_default default ($default:expr) $output:ty) => {{
        let default: $output = $default;
        serde_json::json!(default)
    }};
    (@shown_default block $output:ty) => { serde_json::json!({}) };
    (@shown_default $need:ident $output:ty) => { serde_json::Value::Null };
    (@value required $shape:ty, $key:ident, $path:ident, $node:ident, $reader:ident) => { $key? };
    (@value optional $shape:ty, $key:ident, $path:ident, $node:ident, $reader:ident) => { $key };
    (@value default ($default:expr) $shape:ty, $key:ident, $path:ident, $node:ident, $reader:ident) => { $key.unwrap_or_else(|| $default) };
    (@value block $shape:ty, $key:ident, $path:ident, $node:ident, $reader:ident) => {
        $key.or_else(|| <$shape as crate::shape::Shape>::read(&crate::shape::empty_block($node), $path, $reader))?
    };
}
pub(crate) use block;

/// An empty block for one that was left out, so that its keys have their defaults.
pub(crate) fn empty_block(around: &Node) -> Node {
    Node { content: NodeContent::Mapping(Vec::new()), position: around.position, file: around.file.clone() }
}

/// The value, unless it is an empty mapping or list.
pub(crate) fn unless_empty<T: Clone + Serialize>(value: Option<&T>) -> Option<T> {
    let is_empty = |value: &T| json!(value) == json!({}) || json!(value) == json!([]);
    value.filter(|value| !is_empty(value)).cloned()
}

impl ConfigReader {
    /// The entries that the table knows and that are not null, with name and path. Faults: not a mapping (returns `None`),
    /// unknown keys, missing required keys.
    pub(crate) fn known_keys<'node, B: Block>(
        &mut self,
        node: &'node Node,
        path: &str,
    ) -> Option<Vec<(&'static str, String, &'node Node)>> {
        let NodeContent::Mapping(entries) = &node.content else {
            let what = if path.is_empty() { "the config".to_owned() } else { format!("`{path}`") };
            return self.refuse(node, format!("{what} must be a mapping, not {}", node.describe()), "write `key: value` lines");
        };
        let mut known = Vec::new();
        for entry in entries {
            let key = key_path(path, &entry.key.text);
            let rule = B::KEYS.iter().find(|rule| rule.key == entry.key.text);
            match rule {
                Some(rule) if rule.is_known(self.target) => {
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
                self.missing(node, &key_path(path, rule.key), rule.example);
            }
        }
        Some(known)
    }

    fn unknown_key_hint<B: Block>(&self, key: &str) -> String {
        let known = |rule: &&KeyRule| rule.is_known(self.target);
        if let Some(home) = self.path_of(key) {
            return format!("did you mean `{home}`?");
        }
        let keys: Vec<_> = B::KEYS.iter().filter(known).map(|rule| rule.key).collect();
        did_you_mean(key, keys)
    }
}

fn other_target_hint(rule: &KeyRule) -> String {
    let targets: Vec<_> = Target::ALL.into_iter().filter(|target| rule.is_known(*target)).collect();
    let flags: Vec<_> = targets.iter().map(|target| format!("`--target {target}`")).collect();
    format!("`{}` exists for FLARE {}: remove it, or pass {}", rule.key, Target::choice(&targets), flags.join(" or "))
}

/// The schema of a block; an optional key may be null, which means the same as leaving it out.
pub(crate) fn schema_of<B: Block>(targets: &[Target]) -> Schema {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for rule in B::KEYS.iter().filter(|rule| targets.iter().any(|target| rule.is_known(*target))) {
        let mut schema = (rule.schema)(targets).to_value();
        if rule.required {
            required.push(json!(rule.key));
        } else {
            allow_null(&mut schema);
        }
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), json!(described(rule)));
            let default = (rule.default)();
            if !default.is_null() {
                schema.insert("default".to_owned(), default);
            }
        }
        properties.insert(rule.key.to_owned(), schema);
    }
    schemars::json_schema!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

/// The description of a key, with the releases that know it unless all do.
fn described(rule: &KeyRule) -> String {
    let description = rule.description.trim();
    if Target::ALL.into_iter().all(|target| rule.is_known(target)) {
        return description.to_owned();
    }
    format!("{description} {}.", Target::since(rule.known))
}

/// Makes a schema that has a single `type` accept null as well.
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
