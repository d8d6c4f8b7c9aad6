//! No bytes make the YAML reader panic, and any string comes back from its quoted form.
#![no_main]

use flare_diagnostic::Code;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = flare_yaml::parse(bytes, "x", Code::InvalidConfig) {
        let _ = document.root.to_json(Code::InvalidConfig);
        assert_eq!(flare_yaml::Node::overlay(document.root.clone(), document.root.clone()).is_null(), document.root.is_null());
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.len() < 10_000
    {
        let quoted = flare_yaml::parse(flare_yaml::quote(text).as_bytes(), "x", Code::InvalidConfig).expect("quoted text is YAML").root;
        assert_eq!(quoted.to_json(Code::InvalidConfig).ok(), Some(serde_json::Value::String(text.to_owned())));
    }
});
