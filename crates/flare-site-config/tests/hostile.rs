//! Input that is made to hurt, and input that is merely odd: each ends in a clear error or a right place.

use std::fmt::Write as _;

use flare_diagnostic::{Code, Faults};
use flare_names::Target;
use flare_site_config::SiteConfig;
use flare_yaml::{Content, Node};

fn refused(bytes: &[u8]) -> String {
    let faults: Faults = SiteConfig::parse(bytes, "k8s.yaml", Target::V2_8).expect_err("must be refused");
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
fn alias_to_what_contains_it_is_refused() {
    assert_eq!(refused(b"a: &a [*a]\n"), "k8s.yaml:1:8: an alias stands inside the value that it repeats");
}

#[test]
fn large_files_are_refused_with_the_figure() {
    let five = vec![b'#'; 5 << 20];
    assert_eq!(refused(&five), "k8s.yaml: the file has 5242880 bytes; at most 1048576 (1 MiB) are read");
    let many = "- x\n".repeat((1 << 20) / 4);
    assert!(refused(many.as_bytes()).contains("more than 100000 values"));
    let long = format!("namespace: {}\n", "x".repeat(1_000_000));
    assert!(refused(long.as_bytes()).len() < 1000, "a message does not repeat a megabyte");
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

#[test]
fn columns_count_characters_whatever_the_line_ends() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["\u{feff}runtime: k8s # \u{1f600}", "parent: {docker_image: a, \"\u{1f600}\u{e4}\": 1, parent_port: 0}", ""]
            .join(end);
        assert_eq!(
            refused(text.as_bytes()),
            "k8s.yaml:2:27: unknown key `parent.\u{1f600}\u{e4}`\nk8s.yaml:2:49: `parent.parent_port` is 0, which is no port",
            "{end:?}"
        );
    }
}

#[test]
fn defect_31_keys_that_are_no_strings_are_faults() {
    let text = "runtime: k8s\nparent: {docker_image: a}\n1: x\ntrue: x\n2026-01-01: x\n[a]: x\n{b: c}: x\n";
    let text = refused(text.as_bytes());
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.lines().all(|line| line.contains("a key must be a string")), "{text}");
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
    assert!(matches!(Node::overlay(base, tree("[]", "site")).content, Content::Sequence(_)));
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

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        for target in Target::ALL {
            let _ = SiteConfig::parse(&bytes, "k8s.yaml", target);
        }
    }

    #[test]
    fn faults_stand_in_file_order(lines in proptest::collection::vec("(runtime|namespace|parent|x|1|yes): ?(|k8s|no|\\{docker_image: A, x: 1\\}|\\[)", 0..8)) {
        if let Err(faults) = SiteConfig::parse(lines.join("\n").as_bytes(), "k8s.yaml", Target::V2_9) {
            let positions: Vec<_> = faults.all().iter().filter_map(|fault| fault.place.as_ref()?.position).collect();
            proptest::prop_assert!(positions.is_sorted());
        }
    }
}
