//! The files of `fixtures/federations`: valid ones are read, invalid ones have exactly the expected faults beside them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic, reason = "tests read the fixtures")]

use std::fmt::Write as _;
use std::path::PathBuf;

use flare_diagnostic::Code;
use flare_federation::{EXAMPLE, Federation, schema};

fn fixtures(directory: &str) -> Vec<PathBuf> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/federations").join(directory);
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() >= 5, "the fixtures are there");
    files
}

#[test]
fn invalid_files_have_the_fault_that_stands_beside_them() {
    for path in fixtures("invalid") {
        let name = path.file_name().unwrap().to_string_lossy();
        let faults = Federation::parse(&std::fs::read(&path).unwrap(), &name).expect_err(&name);
        assert_eq!(faults.all().len(), 1, "one fault each: {name}: {faults}");
        let mut said = String::new();
        for fault in faults.all() {
            writeln!(said, "{}: {fault}\n  hint: {}", fault.code, fault.hint.as_deref().unwrap()).unwrap();
        }
        let beside = path.with_extension("expected");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&beside, &said).unwrap();
        }
        assert_eq!(said, std::fs::read_to_string(&beside).unwrap(), "{name}; UPDATE_FIXTURES=1 writes it anew");
    }
}

#[test]
fn valid_files_and_the_example_are_read_and_fit_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let files = fixtures("valid").into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()));
    for (name, bytes) in files.chain([("the example".to_owned(), EXAMPLE.as_bytes().to_vec())]) {
        let read = Federation::parse(&bytes, "f.yaml").unwrap_or_else(|faults| panic!("{name}: {faults}"));
        assert!(!read.value.participants.is_empty());
        if name == "the example" {
            for one in &read.value.participants {
                one.site_config(None, read.value.target.unwrap()).unwrap_or_else(|faults| panic!("{name}: {faults}"));
            }
        }
        let json = json(&bytes);
        let errors: Vec<_> = validator.iter_errors(&json).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn the_schema_refuses_what_has_an_unknown_key_or_the_wrong_kind() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for text in [
        "default: {}\nparticipants: [{name: a, kit: b}]",
        "participants: [{name: a, kit: b, kitt: c}]",
        "participants: []",
        "defaults: {target: '2.7'}\nparticipants: [{name: a, kit: b}]",
        "participants: [{name: a, kit: b, namespace: A_B}]",
        "participants: [{name: a, kit: b, expose: loadbalancer}]",
    ] {
        assert!(!validator.is_valid(&json(text.as_bytes())), "{text}");
    }
}

#[test]
fn the_schema_names_every_key_with_a_description() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema()).unwrap());
    let mut found = Vec::new();
    undescribed(&schema(), &mut found);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn all_faults_come_at_once_in_the_order_of_the_file() {
    let text = "defaults: {target: 3, parrent: {}}\nparticipants:\n- {name: a, kit: x, claim: A}\n- {name: a, kit: ./x, expose: y}\n- 7\n";
    let faults = Federation::parse(text.as_bytes(), "f").unwrap_err();
    let places: Vec<_> = faults.all().iter().map(|fault| fault.place.as_ref().unwrap().to_string()).collect();
    assert_eq!(places, ["f:1:20", "f:1:23", "f:3:28", "f:4:10", "f:4:18", "f:4:31", "f:5:3"]);
}

fn undescribed(value: &serde_json::Value, found: &mut Vec<String>) {
    if let Some(properties) = value.get("properties").and_then(serde_json::Value::as_object) {
        found.extend(properties.iter().filter(|(_, property)| property.get("description").is_none()).map(|(key, _)| key.clone()));
    }
    match value {
        serde_json::Value::Object(map) => map.values().for_each(|inner| undescribed(inner, found)),
        serde_json::Value::Array(items) => items.iter().for_each(|inner| undescribed(inner, found)),
        _ => {}
    }
}

fn json(text: &[u8]) -> serde_json::Value {
    flare_yaml::parse(text, "f", Code::InvalidFederation).unwrap().root.to_json(Code::InvalidFederation).unwrap()
}
