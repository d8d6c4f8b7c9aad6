//! `values.schema.json`: closed at every level that the chart defines, open where Kubernetes' own types are passed through.
//!
//! Draft 7, which the validators of Helm 3 and Helm 4 support, and without references.

use flare_names::Role;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::values::{Client, Server};

/// The JSON Schema (draft 7) of the values of a role's chart: the content of `values.schema.json`, for `codegen` and `schema`.
///
/// Every property has a description and may be null, which means left out, unless it is a block that the templates need or the
/// arguments of the parent. The form of texts is checked by the chart's `_validate*.tpl`, whose messages can say what
/// to do.
pub fn values_schema(role: Role) -> Value {
    let generator = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = match role {
        Role::Server => generator.into_root_schema_for::<Server>(),
        Role::Client => generator.into_root_schema_for::<Client>(),
    }
    .to_value();
    close(&mut schema);
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.insert(
            "global".to_owned(),
            json!({"description": "What Helm hands to every chart below an umbrella chart. Not used here.", "type": ["object", "null"]}),
        );
    }
    schema["title"] = json!(format!("Values of a flare-kube chart for an NVFlare {role}"));
    schema
}

/// Closes a schema that lists its properties, makes its leaves nullable and requires its blocks, at every level.
fn close(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        for key in ["format", "title", "default"] {
            object.remove(key);
        }
        if let Some(Value::String(description)) = object.get_mut("description") {
            *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        if let Some(items) = object.get_mut("items") {
            close(items);
        }
    }
    if schema.get("properties").is_none() {
        return;
    }
    let required = schema["properties"].as_object_mut().map(close_properties).unwrap_or_default();
    schema["additionalProperties"] = json!(false);
    match schema.as_object_mut() {
        Some(object) if required.is_empty() => drop(object.remove("required")),
        Some(object) => drop(object.insert("required".to_owned(), json!(required))),
        None => {}
    }
}

/// The names of the properties that are blocks which the templates access unconditionally.
fn close_properties(properties: &mut Map<String, Value>) -> Vec<String> {
    let mut required = Vec::new();
    for (name, property) in properties {
        let is_block = property.get("properties").is_some();
        close(property);
        let optional_block = matches!(name.as_str(), "workspaceConfig" | "local" | "startup");
        if is_block && !optional_block {
            required.push(name.clone());
        } else if name != "args" {
            allow_null(property);
        }
    }
    required
}

fn allow_null(schema: &mut Value) {
    let types = match schema.get("type") {
        Some(Value::String(one)) => vec![json!(one)],
        Some(Value::Array(several)) => several.clone(),
        _ => return,
    };
    if !types.contains(&json!("null")) {
        schema["type"] = types.into_iter().chain([json!("null")]).collect();
    }
    // serde writes an enum with documented variants as a choice of constants.
    if let Some(variants) = schema.get("oneOf").and_then(Value::as_array) {
        let constants: Vec<Value> = variants.iter().map(|variant| variant["const"].clone()).collect();
        schema["enum"] = Value::Array(constants);
        schema.as_object_mut().map(|object| object.remove("oneOf"));
    }
    if let Some(constants) = schema.get_mut("enum").and_then(Value::as_array_mut)
        && !constants.contains(&Value::Null)
    {
        constants.push(Value::Null);
    }
}
