//! flare-yaml compared with other readers of YAML: `PyYAML` of the reference, and the Go library of both Helms.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use flare_diagnostic::Code;
use flare_yaml::{Meaning, Scalar, Strings, Style, block, python};
use integration_tests::{
    helm::{helm, helm_4},
    reference::Release,
};
use serde_json::{Map, Value, json};

const ALPHABET: &[char] = &['0', '1', '7', '9', 'a', 'e', 'x', 'o', 'y', 'N', '_', '.', ':', '-', '+', '#', '/', '~', '=', ' '];

const KNOWN: &[&str] = &[
    "yes",
    "No",
    "ON",
    "off",
    "true",
    "False",
    "null",
    "NULL",
    "y",
    "n",
    "Y",
    "N",
    "<<",
    "1_000",
    "0x1F",
    "0X1F",
    "0o17",
    "0O17",
    "0b11",
    "0B11",
    "1e3",
    "1E+3",
    "1.0e+3",
    "4212e12",
    ".inf",
    "-.INF",
    ".NaN",
    "2026-01-01",
    "2026-1-1",
    "2026-1-1T10:00:00",
    "2026-01-01 10:00:00",
    "1:30",
    "01:30",
    "1:30.5",
    "-1:30",
    "190:20:30",
    "0644",
    "08",
    "+1",
    "-0x1F",
    "1__0",
    "0_7",
    "---",
    "...",
    "--set",
    "a: b",
    "a #b",
    "- a",
    "[a]",
    "{a: b}",
    "'a'",
    "\"a\"",
    "{{ .Values.x }}",
    "!a",
    "&a",
    "*a",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "a\nb",
    "a\tb",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "Grüße",
    "中",
    "\u{1f600}",
    "app.kubernetes.io/name",
    "$(POD_NAME)",
];

/// Every text of at most three characters of the alphabet, and texts that are known to be read differently.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = vec![String::new()];
    let mut longest = texts.clone();
    for _ in 0..3 {
        longest = longest.iter().flat_map(|text| ALPHABET.iter().map(move |last| format!("{text}{last}"))).collect();
        texts.extend(longest.iter().cloned());
    }
    texts.extend(KNOWN.iter().map(ToString::to_string));
    texts
}

/// Each text as a value and as a key, plain if possible.
fn document() -> Value {
    let texts = texts();
    let keys: Map<String, Value> = texts.iter().map(|text| (text.clone(), json!(1))).collect();
    json!({"data": {"values": texts, "keys": keys}})
}

fn pyyaml(program: &str, input: &str) -> String {
    let mut child = Command::new(Release::V29.python())
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the reference's Python starts");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn pyyaml_reads_what_is_written() {
    let written = document();
    let program = "import sys, json, yaml; json.dump(yaml.safe_load(sys.stdin.buffer), sys.stdout)";
    let read = pyyaml(program, &block(&written, Strings::Plain));
    assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), written);
}

#[test]
fn both_helms_read_what_is_written() {
    let written = document();
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("templates")).unwrap();
    fs::write(directory.path().join("Chart.yaml"), "apiVersion: v2\nname: x\nversion: 0.1.0\n").unwrap();
    fs::write(directory.path().join("values.yaml"), block(&written, Strings::Plain)).unwrap();
    fs::write(directory.path().join("templates/x.yaml"), "data: {{ .Values.data | toJson | quote }}\n").unwrap();
    for program in [helm(), helm_4()] {
        assert_eq!(rendered(&program, &directory), written["data"], "{}", program.display());
    }
}

fn rendered(program: &PathBuf, chart: &tempfile::TempDir) -> Value {
    let output = Command::new(program).args(["template", "x"]).arg(chart.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("the line of the template");
    let json: String = python::read_yaml(line).ok().and_then(|read| read.root.text().map(str::to_owned)).expect("a string");
    serde_json::from_str(&json).unwrap()
}

/// Documents with merge keys, each a mapping.
const MERGES: [&str; 9] = [
    "<<: {a: 1, b: 2}\nb: 3\n",
    "b: 3\n<<: {a: 1, b: 2}\n",
    "x: &x {a: 1}\nv: &v {a: 2, b: 2}\nz: {<<: [*x, *v], c: 3}\n",
    "x: &x {a: 1}\nv: &v {<<: *x, b: 2}\nz: {<<: *v, a: 3}\n",
    "x: &x {a: {deep: 1}}\nv: {<<: *x, a: {other: 2}}\n",
    "x: {<<: [], a: 1}\nv: {<<: {}}\n",
    "x: &x {l: [1, 2]}\nv:\n  - <<: *x\n    k: v\n  - {<<: [{l: 3}, *x]}\n",
    "\"<<\": {a: 1}\n'b': 2\n",
    "? <<\n: {a: 1}\nb: 2\n",
];

/// Helm's library lets a merge key win over the keys before it, against the specification, so that it is compared only where none are.
#[test]
fn merge_keys_are_read_as_pyyaml_and_both_helms_read_them() {
    let program = "import sys, json, yaml; json.dump([yaml.safe_load(text) for text in json.load(sys.stdin)], sys.stdout)";
    let read: Vec<Value> = serde_json::from_str(&pyyaml(program, &serde_json::to_string(&MERGES).unwrap())).unwrap();
    for (text, read) in MERGES.iter().zip(read) {
        let python = python::read_yaml(text).unwrap_or_else(|refused| panic!("{text}: {}", refused.what));
        assert!(python.doubled.is_empty(), "{text}");
        // Compared as text, in which the order of keys counts.
        assert_eq!(python.root.to_json().to_string(), read.to_string(), "{text}");
        let strict = flare_yaml::parse(text.as_bytes(), "f", Code::InvalidConfig).unwrap();
        assert!(!strict.faults.has_errors(), "{text}");
        assert_eq!(strict.root.to_json(Code::InvalidConfig).unwrap(), read, "{text}");
        if text.starts_with("b: 3") {
            continue;
        }
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("templates")).unwrap();
        fs::write(directory.path().join("Chart.yaml"), "apiVersion: v2\nname: x\nversion: 0.1.0\n").unwrap();
        let values: String = text.lines().map(|line| format!("  {line}\n")).collect();
        fs::write(directory.path().join("values.yaml"), format!("data:\n{values}")).unwrap();
        fs::write(directory.path().join("templates/x.yaml"), "data: {{ .Values.data | toJson | quote }}\n").unwrap();
        for program in [helm(), helm_4()] {
            assert_eq!(rendered(&program, &directory), read, "{}: {text}", program.display());
        }
    }
}

/// Compares type and value of each unquoted text with those of `PyYAML`.
#[test]
fn unquoted_scalars_mean_what_pyyaml_reads() {
    let program = r"
import sys, json, yaml
def look(text):
    try:
        value = yaml.safe_load(text)
    except Exception:
        return None
    return [type(value).__name__, str(value).lower() if isinstance(value, bool) else str(value)]
json.dump([look(text) for text in json.load(sys.stdin)], sys.stdout)
";
    let texts = texts();
    let read: Vec<Option<(String, String)>> =
        serde_json::from_str(&pyyaml(program, &serde_json::to_string(&texts).unwrap())).unwrap();
    let mut compared = 0;
    for (text, read) in texts.iter().zip(read) {
        let Some((kind, value)) = read else { continue };
        // Only single plain scalars: no collection, comment, anchor, tag, quotation, block, line break or document mark.
        let collection = !["NoneType", "bool", "int", "float", "date", "datetime", "str"].contains(&kind.as_str());
        let more = text.contains(['#', '\n', '\u{85}', '\u{2028}', '\u{feff}']) || text == "---";
        if collection || more || text.trim_start().starts_with(['&', '!', '|', '>', '\'', '"']) {
            continue;
        }
        let scalar = Scalar { text: text.trim().to_owned(), style: Style::Plain };
        let ours = match scalar.legacy_meaning() {
            Meaning::Null => ("NoneType", "None".to_owned()),
            Meaning::Boolean(value) => ("bool", value.to_string()),
            Meaning::Integer(value) => ("int", value.to_string()),
            Meaning::Float(_) => ("float", value.clone()),
            Meaning::Date => (if kind == "datetime" { "datetime" } else { "date" }, value.clone()),
            Meaning::String => ("str", value.clone()),
        };
        assert_eq!((kind.as_str(), &value), (ours.0, &ours.1), "{text:?}");
        compared += 1;
    }
    assert!(compared > 4000, "{compared} texts were compared");
}
