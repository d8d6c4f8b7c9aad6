//! Whatever `comm_config.json` and `resources.json.default` hold: they are refused with a place, or patched, and then
//! nothing that no rule names has changed, and patching again changes nothing.
//!
//! Input: a byte (bit 0: client, bit 1: the newest release), `comm_config.json`, a NUL byte, `resources.json.default`. What is
//! empty stays the fixture's.
#![no_main]

use std::collections::BTreeMap;

use flare_diagnostic::Code;
use flare_file_tree::FileTree;
use flare_kit_patch::patch;
use flare_kube_fuzz::{assert_faults, assert_message, choice, default_plan, kit, put};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, value::RawValue};

const COMM_CONFIG: &str = "local/comm_config.json";
const RESOURCES: &str = "local/resources.json.default";

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = choice(input) else { return };
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let mut tree = kit(choice.role());
    for file in [COMM_CONFIG, RESOURCES] {
        let bytes = parts.next().unwrap_or_default();
        if !bytes.is_empty() {
            put(&mut tree, file, bytes);
        }
    }
    let plan = default_plan(choice.role(), choice.target());
    match patch(tree.clone(), plan) {
        Err(faults) => assert_faults(&faults, Code::InvalidKit),
        Ok(patched) => {
            patched.warnings.iter().for_each(assert_message);
            assert_unchanged(&tree, &patched.value, COMM_CONFIG, &["internal"]);
            assert_unchanged(&tree, &patched.value, RESOURCES, &["components", "snapshot_persistor"]);
            for (path, content, mode) in patched.value.files().filter(|(path, ..)| path.as_path().starts_with("startup")) {
                assert!(tree.files().any(|before| before == (path, content, mode)), "{path:?} was changed");
            }
            let again = patch(patched.value.clone(), plan).expect("what was patched can be patched").value;
            assert!(again == patched.value, "patching again changes something");
        }
    }
});

/// Every other key keeps its text, but for the blanks between tokens.
fn assert_unchanged(before: &FileTree, after: &FileTree, file: &str, edited: &[&str]) {
    let Some(before) = members(before, file) else { return };
    let after = members(after, file).expect("what is written is a JSON object");
    for (key, value) in before.iter().filter(|(key, _)| !edited.contains(&key.as_str())) {
        assert_eq!(tokens(value.get()), tokens(after[key].get()), "`{key}` in `{file}`");
    }
}

fn members<'tree>(tree: &'tree FileTree, file: &str) -> Option<BTreeMap<String, &'tree RawValue>> {
    let bytes = tree.bytes(file)?;
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).ok()
}

/// The text without the blanks outside of strings.
fn tokens(json: &str) -> String {
    assert!(serde_json::from_str::<&RawValue>(json).is_ok() || serde_json::from_str::<Value>(json).is_ok());
    let (mut inside, mut escaped) = (false, false);
    json.chars()
        .filter(|character| {
            let quote = *character == '"' && !escaped;
            escaped = inside && *character == '\\' && !escaped;
            inside ^= quote;
            inside || !character.is_ascii_whitespace()
        })
        .collect()
}
