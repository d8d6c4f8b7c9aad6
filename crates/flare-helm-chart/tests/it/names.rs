//! The stable rule, written once in Rust and once as a Go template, gives the same names.

use flare_names::{Role, Target, stable};
use proptest::{
    prelude::{Strategy, prop},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use serde_json::json;

use crate::support::{Chart, Helm, plan};

/// Names that reach every branch of the rule.
fn table() -> Vec<String> {
    let long = "a".repeat(63);
    let mut names: Vec<String> = [
        "site-1",
        "a",
        "A",
        "1site",
        "My_Server",
        "server1.example.com",
        "site--1",
        "-site-",
        "---",
        "...",
        "Site-1",
        "no",
        "1e3",
        "0x1F",
        "4212e12",
        "null",
        "~",
        "a b",
        "İstanbul",
        "ISTANBUL",
        "Ünal",
        "K",
        "ß",
        "ΑΣ",
        "名前",
        "a-",
        "é",
        "a\u{301}",
        "\u{7f}",
        "a\u{0}b",
        "a'b\"c",
        "{{ .Values }}",
        "$HOME",
        "a\nb",
        "\u{2028}",
        "🧪",
        "a\u{feff}",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend([
        long.clone(),
        format!("{long}a"),
        format!("{}-b", "a".repeat(53)),
        format!("{}.b", "a".repeat(80)),
        format!("{}1", "é".repeat(40)),
    ]);
    names
}

#[test]
fn defect_1_the_chart_follows_the_stable_rule() {
    let mut runner = TestRunner::deterministic();
    let any = prop::collection::vec(prop::char::any(), 1..90).prop_map(|characters| characters.into_iter().collect::<String>());
    let near = "[a-zA-Z0-9._ -]{1,80}";
    let mut names = table();
    for _ in 0..400 {
        names.push(any.new_tree(&mut runner).unwrap().current());
        names.push(Strategy::new_tree(&near, &mut runner).unwrap().current());
    }
    // One run of Helm for all: a template that calls the chart's own helper for each name.
    let chart = Chart::of(&plan(Role::Client, Target::V2_8));
    let template = r#"kind: Names
names:
{{- range .Files.Get "names.json" | fromJsonArray }}
  - {{ include "flare-kube.stable" . | quote }}
{{- end }}
"#;
    std::fs::write(chart.path().join("templates/names.yaml"), template).unwrap();
    std::fs::write(chart.path().join("names.json"), json!(names).to_string()).unwrap();
    for helm in Helm::both() {
        let objects = helm.objects(&chart, &[]);
        let found = objects.get("Names")["names"].as_array().unwrap();
        assert_eq!(found.len(), names.len());
        for (name, found) in names.iter().zip(found) {
            assert_eq!(found, &json!(stable(name, 63)), "helm {}: {name:?}", helm.version);
        }
    }
}
