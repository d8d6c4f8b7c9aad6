//! Hostile and odd input for the strict reader: each gives a clear error or the right place. Quoted strings
//! are read back unchanged.

use std::fmt::Write as _;

use flare_diagnostic::{Code, Faults};
use flare_yaml::{Node, NodeContent};

fn refused(bytes: &[u8]) -> String {
    let read = flare_yaml::parse(bytes, "k8s.yaml", Code::InvalidConfig).and_then(|document| document.faults.finish(|| ()));
    let faults: Faults = read.expect_err("must be refused");
    assert!(faults.all().iter().all(|fault| fault.code == Code::InvalidConfig && fault.hint.is_some()));
    faults.to_string()
}

#[test]
fn alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let alias = format!("*a{}", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", vec![alias; 10].join(", ")).unwrap();
    }
    assert!(refused(text.as_bytes()).contains("holds more than 100000 values, counting all that aliases repeat"));
}

#[test]
fn a_long_text_that_aliases_repeat_counts_by_its_length() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), "*a, ".repeat(100_000));
    assert!(refused(text.as_bytes()).contains("holds more than 100000 values, counting all that aliases repeat"));
}

#[test]
fn a_merge_key_takes_what_is_not_written_out_and_keeps_its_place() {
    let text = b"base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\nuse:\n  <<: [*other, *base]\n  a: 5\n  d: 6\n";
    let document = flare_yaml::parse(text, "k8s.yaml", Code::InvalidConfig).unwrap();
    let used = document.root.get("use").unwrap();
    assert_eq!(used.to_json(Code::InvalidConfig).unwrap(), serde_json::json!({"a": 5, "b": 3, "c": 4, "d": 6}));
    let places: Vec<_> =
        used.entries().iter().map(|entry| (entry.key.place().to_string(), entry.value.place().to_string())).collect();
    let expected = [("5:3", "5:6"), ("2:16", "2:19"), ("2:22", "2:25"), ("6:3", "6:6")];
    assert_eq!(places, expected.map(|(key, value)| (format!("k8s.yaml:{key}"), format!("k8s.yaml:{value}"))));
    let quoted = flare_yaml::parse(b"\"<<\": {a: 1}\n", "k8s.yaml", Code::InvalidConfig).unwrap();
    assert!(quoted.root.get("<<").is_some() && quoted.root.get("a").is_none(), "only an unquoted one merges");
}

#[test]
fn a_merge_key_without_a_mapping_is_refused_where_its_value_stands() {
    let wrong = "the merge key `<<` takes a mapping or a list of mappings";
    for (text, place) in [
        ("a:\n  <<: 1\n", "2:7"),
        ("<<:\na: 1\n", "1:3"),
        ("x: &x 1\na:\n  <<: *x\n", "3:7"),
        ("a:\n  <<: [{b: 1}, 2]\n  c: 3\n", "2:7"),
    ] {
        assert_eq!(refused(text.as_bytes()), format!("k8s.yaml:{place}: {wrong}"), "{text}");
    }
    let twice = refused(b"<<: {a: 1}\n<<: {b: 2}\n");
    assert_eq!(twice, "k8s.yaml:2:1: the key `<<` is written twice; it first stands at 1:1");
    let own = refused(b"<<: {a: 1}\na: 2\na: 3\n");
    assert_eq!(own, "k8s.yaml:3:1: the key `a` is written twice; it first stands at 2:1");
}

#[test]
fn merging_counts_what_it_repeats() {
    let many = (0..1000).map(|number| format!("k{number}: 1, ")).collect::<String>();
    let text = format!("a: &a {{{many}}}\n{}", (0..200).map(|number| format!("b{number}: {{<<: *a}}\n")).collect::<String>());
    assert!(refused(text.as_bytes()).contains("holds more than 100000 values, counting all that aliases repeat"));
}

#[test]
fn a_tab_in_an_indentation_is_reported_where_it_stands() {
    for (text, place) in [("a:\n\tb: 1\n", "2:1"), ("a:\n  b: 1\n  \tc: 2\n", "3:3"), ("a:\n  b:\n    - x\n\t  - y\n", "4:1")] {
        let faults = flare_yaml::parse(text.as_bytes(), "k8s.yaml", Code::InvalidConfig).unwrap_err();
        let fault = faults.first();
        assert!(fault.to_string().starts_with(&format!("k8s.yaml:{place}: ")), "{text:?}: {fault}");
        assert_eq!(fault.hint.as_deref(), Some("indent with spaces: YAML takes no tabs there"), "{text:?}");
    }
}

#[test]
fn alias_to_what_contains_it_is_refused() {
    assert_eq!(refused(b"a: &a [*a]\n"), "k8s.yaml:1:8: an alias stands inside the value that it repeats");
}

#[test]
fn large_files_are_refused_with_the_figure() {
    let five = vec![b'#'; 5 << 20];
    assert_eq!(refused(&five), "k8s.yaml: the file has 5242880 bytes; at most 1048576 (1 MiB) are read");
    let many = "- x\n".repeat((1 << 20) / 4);
    assert!(refused(many.as_bytes()).contains("more than 100000 values"));
}

#[test]
fn deep_nesting_is_refused() {
    for unit in ["[", "{a: ", "- ", "[{a: "] {
        let deep = refused(unit.repeat(20_000).as_bytes());
        assert!(deep.contains("values are nested more than 64 levels deep"), "{unit}: {deep}");
    }
    let mut indented = String::new();
    for level in 0..1000 {
        writeln!(indented, "{}a:", " ".repeat(level)).unwrap();
    }
    assert!(refused(indented.as_bytes()).contains("values are nested more than 64 levels deep"));
    let mut by_alias = "a0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        writeln!(by_alias, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert!(refused(by_alias.as_bytes()).contains("values are nested more than 64 levels deep"));
}

#[test]
fn odd_bytes_are_refused_where_they_stand() {
    assert_eq!(refused(b"runtime: k8s\nparent: \xff\n"), "k8s.yaml:2:9: the file is not UTF-8");
    assert_eq!(refused(b"runtime: k8s\nn\xc3\xa4me: a\0b\n"), "k8s.yaml:2:8: the character U+0000 may not stand in a YAML file");
    assert_eq!(refused(b"\xff\xfer\0u\0n\0"), "k8s.yaml:1:1: the file is not UTF-8");
    assert_eq!(refused(b""), "k8s.yaml: the file is empty");
    assert_eq!(refused(b"# nothing\n"), "k8s.yaml: the file is empty");
    assert_eq!(refused(b"runtime: k8s\n---\nruntime: k8s\n"), "k8s.yaml:2:1: a second YAML document begins here");
}

fn tree(text: &str, file: &str) -> Node {
    flare_yaml::parse(text.as_bytes(), file, Code::InvalidFederation).expect("valid").root
}

#[test]
fn overlay_merges_mappings_keeps_places_and_takes_null_for_left_out() {
    let base = tree("runtime: k8s\nparent: {docker_image: old, parent_port: 1}\nlist: [1, 2]\n", "defaults");
    let top = tree("parent:\n  docker_image: new\n  parent_port: null\nlist: [3]\nadded: x\n", "site");
    let merged = Node::overlay(base.clone(), top);
    let json = merged.to_json(Code::InvalidFederation).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"runtime": "k8s", "parent": {"docker_image": "new", "parent_port": 1}, "list": [3], "added": "x"})
    );
    let place = |node: Option<&Node>| node.unwrap().place().to_string();
    let parent = merged.get("parent").unwrap();
    assert_eq!(place(parent.get("docker_image")), "site:2:17");
    assert_eq!(place(parent.get("parent_port")), "defaults:2:42");
    assert_eq!(Node::overlay(base.clone(), tree("null", "site")), base);
    assert!(matches!(Node::overlay(base, tree("[]", "site")).content, NodeContent::Sequence(_)));
}

/// Strings that some YAML reader takes for something else, folds or refuses.
const NASTY: &[&str] = &[
    "",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "null",
    "~",
    "true",
    "1e3",
    "4212e12",
    "0644",
    "1_000",
    "0x1F",
    "0o17",
    ".inf",
    ".nan",
    "1:30",
    "2026-01-01",
    "a: b",
    "#c",
    " #",
    "'",
    "\"",
    "\\",
    "<<",
    "=",
    "- a",
    "? a",
    "!x",
    "&x",
    "*x",
    "%x",
    "@x",
    "`x",
    "{{ .Values }}",
    "[",
    "{",
    " x ",
    "a\nb",
    "a\r\nb",
    "\t",
    "\u{0}",
    "\u{1b}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{1f600}",
    "\u{10ffff}",
    "---",
    "...",
];

#[test]
fn defect_9_quoted_strings_come_back_from_yaml_and_json() {
    for text in NASTY {
        let quoted = flare_yaml::quote(text);
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), *text, "JSON: {quoted}");
        for line in [quoted.clone(), format!("{quoted}: 1"), format!("key: {quoted}\n")] {
            let json = tree(&line, "x").to_json(Code::InvalidConfig).unwrap();
            let back = match &json {
                serde_json::Value::String(back) => back.as_str(),
                serde_json::Value::Object(map) => {
                    map.get("key").map_or_else(|| map.keys().next().unwrap().as_str(), |value| value.as_str().unwrap())
                }
                _ => "",
            };
            assert_eq!(back, *text, "YAML: {line}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_string_survives_quoting(text: String) {
        let quoted = flare_yaml::quote(&text);
        proptest::prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text.clone());
        let json = tree(&format!("[{quoted}]"), "x").to_json(Code::InvalidConfig).unwrap();
        proptest::prop_assert_eq!(json, serde_json::json!([text]));
    }
}
