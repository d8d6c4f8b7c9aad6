//! Every file of `fixtures/configs` against the expectation beside it, and against the JSON Schema.
#![allow(clippy::disallowed_methods, reason = "the test reads fixtures, and writes them anew when asked to")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Faults};
use flare_names::Target;
use flare_site_config::{EXAMPLE, SiteConfig, schema};

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/configs").join(name)
}

/// The names in a directory, without suffix; fails on a file without its counterpart.
fn names(directory: &Path) -> BTreeSet<String> {
    let with = |suffix: &str| -> BTreeSet<String> {
        let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.filter_map(|name| name.strip_suffix(suffix).map(str::to_owned)).collect()
    };
    let (configs, expected) = (with(".yaml"), with(".expected"));
    assert!(!configs.is_empty(), "{} is empty", directory.display());
    if !updating() {
        assert_eq!(configs, expected, "each .yaml needs its .expected and the other way round, in {}", directory.display());
    }
    configs
}

fn updating() -> bool {
    std::env::var_os("UPDATE_FIXTURES").is_some()
}

fn targets(text: &str) -> Vec<Target> {
    match text.lines().find_map(|line| line.strip_prefix("# target: ")) {
        Some(target) => vec![target.parse().unwrap()],
        None => Target::ALL.to_vec(),
    }
}

fn compare(path: &Path, found: &str) {
    if updating() {
        fs::write(path, found).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap();
    assert_eq!(found, expected, "{}; UPDATE_FIXTURES=1 writes it anew", path.display());
}

fn render(faults: &Faults) -> String {
    let mut text = String::new();
    for fault in faults.all() {
        let position = fault.place.as_ref().expect("every fault names its file").position;
        let place = position.map_or("-".to_owned(), |position| format!("{}:{}", position.line, position.column));
        let hint = fault.hint.as_deref().expect("every fault has a hint");
        writeln!(text, "{place} {} {}\n  hint: {hint}", fault.code, fault.message).unwrap();
    }
    text
}

#[test]
fn invalid_configs_are_refused_with_what_stands_beside_them() {
    let directory = directory("invalid");
    let names = names(&directory);
    assert!(names.len() >= 60);
    for name in names {
        let bytes = fs::read(directory.join(format!("{name}.yaml"))).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let mut all = targets(&text).into_iter().map(|target| {
            let faults = SiteConfig::parse(&bytes, "k8s.yaml", target).expect_err(&name);
            if !name.starts_with("many_faults") {
                assert_eq!(faults.all().len(), 1, "{name} has one fault: {faults}");
            }
            render(&faults)
        });
        let first = all.next().unwrap();
        assert!(all.all(|other| other == first), "{name}: targets differ");
        compare(&directory.join(format!("{name}.expected")), &first);
    }
}

#[test]
fn valid_configs_are_read_as_what_stands_beside_them() {
    let directory = directory("valid");
    for name in names(&directory) {
        let bytes = fs::read(directory.join(format!("{name}.yaml"))).unwrap();
        let mut all = targets(&String::from_utf8_lossy(&bytes)).into_iter().map(|target| {
            let mut config =
                SiteConfig::parse(&bytes, "k8s.yaml", target).unwrap_or_else(|faults| panic!("{name}: {faults}")).value;
            config.places.clear();
            without_absent_keys(&format!("{config:#?}\n"))
        });
        let first = all.next().unwrap();
        assert!(all.all(|other| other == first), "{name}: targets differ");
        compare(&directory.join(format!("{name}.expected")), &first);
    }
}

/// A config as text without the keys that it does not have, so that a new one changes only the files that are about it.
fn without_absent_keys(config: &str) -> String {
    config.split_inclusive('\n').filter(|line| !line.ends_with(": None,\n")).collect()
}

#[test]
fn the_schema_agrees_with_the_checker() {
    let validators = Target::ALL.map(|target| (target, jsonschema::validator_for(&schema(Some(target))).unwrap()));
    for (kind, accepted) in [("valid", true), ("invalid", false)] {
        let directory = directory(kind);
        for name in names(&directory) {
            let bytes = fs::read(directory.join(format!("{name}.yaml"))).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let blind = text.contains("# schema: sees nothing\n");
            let json = flare_yaml::parse(&bytes, &name, Code::InvalidConfig).ok().map(|document| core_json(&document.root));
            for target in targets(&text) {
                let validator = &validators.iter().find(|(known, _)| *known == target).unwrap().1;
                let verdict = json.as_ref().map(|json| validator.is_valid(json));
                match (accepted, blind) {
                    (true, _) => assert_eq!(
                        verdict,
                        Some(true),
                        "{name} is valid for {target}: {:?}",
                        json.as_ref().map(|json| validator.iter_errors(json).map(|e| e.to_string()).collect::<Vec<_>>())
                    ),
                    (false, false) => assert_eq!(verdict, Some(false), "the schema must see the fault of {name}"),
                    (false, true) => assert_ne!(verdict, Some(false), "{name}: the schema sees it, remove the remark"),
                }
            }
        }
    }
}

/// The JSON that a reader of YAML 1.2 passes to a validator: what `Node::to_json` refuses is read by the core schema.
fn core_json(node: &flare_yaml::Node) -> serde_json::Value {
    use serde_json::Value;
    match &node.content {
        flare_yaml::NodeContent::Sequence(items) => items.iter().map(core_json).collect(),
        flare_yaml::NodeContent::Mapping(entries) => {
            entries.iter().map(|entry| (entry.key.text.clone(), core_json(&entry.value))).collect()
        }
        flare_yaml::NodeContent::Scalar(scalar) => match scalar.meaning() {
            flare_yaml::Meaning::Null => Value::Null,
            flare_yaml::Meaning::Boolean(value) => value.into(),
            flare_yaml::Meaning::Integer(value) => i64::try_from(value).unwrap().into(),
            // FLARE reads a string here, an editor a number: the checker agrees with FLARE, so the schema is given the string.
            flare_yaml::Meaning::Float(_) if scalar.legacy_meaning() == flare_yaml::Meaning::String => scalar.text.clone().into(),
            flare_yaml::Meaning::Float(value) => value.into(),
            flare_yaml::Meaning::Date | flare_yaml::Meaning::String => scalar.text.clone().into(),
        },
    }
}

#[test]
fn the_example_is_valid_and_shows_the_defaults() {
    for target in Target::ALL {
        let parse = |text: &str| {
            let mut config =
                SiteConfig::parse(text.as_bytes(), "k8s.example.yaml", target).unwrap_or_else(|faults| panic!("{faults}")).value;
            config.places.clear();
            config
        };
        let knows_security = target.capabilities().internal_mutual_tls;
        // Uncommented: `#key: value` and the lines below `#resources:`.
        let uncommented = |examples: bool| -> String {
            let line = |line: &str| -> String {
                let rest = line.trim_start();
                let indent = &line[..line.len() - rest.len()];
                match rest.strip_prefix('#') {
                    Some(key) if !knows_security && key.starts_with("internal_connection_security") => String::new(),
                    Some(key) if key.starts_with("e.g. ") => {
                        if examples {
                            format!("{indent}{}\n", &key[5..])
                        } else {
                            String::new()
                        }
                    }
                    Some(key) if !key.starts_with(' ') || key.starts_with("  ") => format!("{indent}{key}\n"),
                    Some(_) => String::new(),
                    None => format!("{line}\n"),
                }
            };
            EXAMPLE.lines().map(line).collect()
        };
        assert_eq!(parse(EXAMPLE), parse(&uncommented(false)), "the defaults that are shown are those of the code, {target}");
        assert_ne!(parse(EXAMPLE), parse(&uncommented(true)), "examples change something");
        let full = flare_yaml::parse(uncommented(true).as_bytes(), "example", Code::InvalidConfig).unwrap().root;
        let schema = schema(Some(target));
        same_keys(&full, &schema, "");
        for block in ["parent", "job_launcher"] {
            same_keys(full.get(block).unwrap(), &schema["properties"][block], block);
        }
    }
}

fn same_keys(node: &flare_yaml::Node, schema: &serde_json::Value, block: &str) {
    let shown: BTreeSet<_> = node.entries().iter().map(|entry| entry.key.text.as_str()).collect();
    let known: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(shown, known, "the example shows every key of `{block}`");
}

#[test]
fn every_key_of_the_schema_has_a_description() {
    let schema = schema(None);
    insta::assert_json_snapshot!(schema);
    for block in [&schema, &schema["properties"]["parent"], &schema["properties"]["job_launcher"]] {
        for (key, value) in block["properties"].as_object().unwrap() {
            assert!(value["description"].as_str().is_some_and(|text| text.len() > 20), "{key}");
        }
    }
}
