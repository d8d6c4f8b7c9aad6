//! Each kind of name against Kubernetes' rule, its boundaries and the pattern of its schema.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use flare_names::{
    ClaimName, ConfigMapName, ContainerName, DeploymentName, InvalidName, NamespaceName, PodName, PullSecretName, ReleaseName,
    RoleName, SecretKey, SecretName, ServiceAccountName, ServiceName, VolumeName,
};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// One kind of name, with what all kinds have in common.
struct Kind {
    name: &'static str,
    limit: usize,
    rule: &'static str,
    example: &'static str,
    takes: fn(&str) -> bool,
    /// Whether the text is accepted, and is unchanged by `Display` and by JSON in both directions.
    round_trip: fn(&str) -> bool,
    message: fn(&str) -> Option<String>,
    schema: fn() -> serde_json::Value,
}

fn round_trip<N: FromStr<Err = InvalidName> + Display + Debug + AsRef<str> + Serialize + DeserializeOwned + PartialEq>(
    text: &str,
) -> bool {
    let Ok(name) = N::from_str(text) else { return false };
    let json = serde_json::to_string(&name).unwrap();
    name.to_string() == text
        && name.as_ref() == text
        && json == serde_json::to_string(text).unwrap()
        && serde_json::from_str::<N>(&json).is_ok_and(|read| read == name)
}

fn schema<N: JsonSchema>() -> serde_json::Value {
    schemars::schema_for!(N).to_value()
}

macro_rules! kinds {
    ($($name:ident),+ $(,)?) => {
        [$(Kind {
            name: stringify!($name),
            limit: $name::LIMIT,
            rule: $name::RULE,
            example: $name::EXAMPLE,
            takes: |text| $name::new(text).is_ok() && serde_json::from_value::<$name>(text.into()).is_ok(),
            round_trip: round_trip::<$name>,
            message: |text| $name::new(text).err().map(|error| error.to_string()),
            schema: schema::<$name>,
        }),+]
    };
}

fn kinds() -> [Kind; 14] {
    kinds![
        NamespaceName,
        ServiceName,
        DeploymentName,
        ContainerName,
        VolumeName,
        ReleaseName,
        ClaimName,
        SecretName,
        PullSecretName,
        ConfigMapName,
        ServiceAccountName,
        RoleName,
        PodName,
        SecretKey,
    ]
}

#[test]
fn examples_are_valid_and_limits_are_exact() {
    for kind in kinds() {
        assert!((kind.round_trip)(kind.example), "{}", kind.name);
        assert!((kind.takes)(&"a".repeat(kind.limit)), "{}", kind.name);
        assert!(!(kind.takes)(&"a".repeat(kind.limit + 1)), "{}", kind.name);
        assert!(kind.rule.contains(&kind.limit.to_string()), "the rule of {} names its limit", kind.name);
        assert!(!(kind.takes)(""), "{}", kind.name);
    }
    let limits: Vec<_> = kinds().iter().map(|kind| kind.limit).collect();
    assert_eq!(limits, [63, 63, 63, 63, 63, 53, 253, 253, 253, 253, 253, 253, 63, 253]);
}

#[test]
fn kubernetes_own_examples() {
    // From apimachinery's validation_test.go: (text, RFC 1123 label, RFC 1035 label, subdomain, data key).
    let table = [
        ("a", true, true, true, true),
        ("ab", true, true, true, true),
        ("a1", true, true, true, true),
        ("a--1--2--b", true, true, true, true),
        ("0", true, false, true, true),
        ("1a", true, false, true, true),
        ("a-1-2-b", true, true, true, true),
        ("A", false, false, false, true),
        ("aBc", false, false, false, true),
        ("a-", false, false, false, true),
        ("-a", false, false, false, true),
        ("_", false, false, false, true),
        ("a_b", false, false, false, true),
        ("a.b", false, false, true, true),
        ("1.a", false, false, true, true),
        ("a.", false, false, false, true),
        (".a", false, false, false, true),
        ("a..b", false, false, false, true),
        ("a.-b", false, false, false, true),
        (".", false, false, false, false),
        ("..", false, false, false, false),
        ("..data", false, false, false, false),
        (".hidden", false, false, false, true),
        ("-", false, false, false, true),
        ("a b", false, false, false, false),
        (" a", false, false, false, false),
        ("a\n", false, false, false, false),
        ("a/b", false, false, false, false),
        ("é", false, false, false, false),
        ("\u{212a}", false, false, false, false),
        ("a\0", false, false, false, false),
    ];
    for (text, label, letter_first, subdomain, key) in table {
        assert_eq!(NamespaceName::new(text).is_ok(), label, "{text:?}");
        assert_eq!(ServiceName::new(text).is_ok(), letter_first, "{text:?}");
        assert_eq!(SecretName::new(text).is_ok(), subdomain, "{text:?}");
        assert_eq!(SecretKey::new(text).is_ok(), key, "{text:?}");
    }
    let long_label = format!("{}.{}", "a".repeat(64), "b".repeat(100));
    assert!(SecretName::new(long_label).is_ok(), "the parts of a subdomain have no limit of their own");
}

/// Whether the schema of a kind accepts a text, by its pattern and lengths.
fn schema_takes(schema: &serde_json::Value, pattern: &regex::Regex, text: &str) -> bool {
    let length = text.chars().count() as u64;
    (schema["minLength"].as_u64().unwrap()..=schema["maxLength"].as_u64().unwrap()).contains(&length) && pattern.is_match(text)
}

#[test]
fn messages_say_kind_and_rule_and_cannot_steer_a_terminal() {
    for kind in kinds() {
        let message = (kind.message)("a\u{1b}[2J\n\u{202e}b").unwrap();
        assert!(message.contains(kind.rule) && !message.chars().any(|c| c.is_control() || c == '\u{202e}'), "{message}");
        let message = (kind.message)(&"ä".repeat(1 << 16)).unwrap();
        assert!(message.len() < 1000, "{} bytes for a hostile name", message.len());
    }
    let message = NamespaceName::new("it's").unwrap_err().to_string();
    assert!(message.starts_with("`it's` is not a namespace: lower-case letters"), "{message}");
}

/// Texts close to names: the few characters that matter, in any order, beyond the longest limit.
fn near_names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-a-c0-2._A\n é]{0,8}",
        "[a-z][-a-z0-9]{50,64}",
        "[a-z0-9]{250,256}",
        "[a-z]{1,3}(\\.[a-z-]{0,3}){0,4}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_schema_agrees_with_the_check(text in near_names()) {
        static KINDS: std::sync::LazyLock<Vec<(Kind, serde_json::Value, regex::Regex)>> = std::sync::LazyLock::new(|| {
            let with_pattern = |kind: Kind| {
                let schema = (kind.schema)();
                let pattern = regex::Regex::new(schema["pattern"].as_str().unwrap()).unwrap();
                (kind, schema, pattern)
            };
            kinds().into_iter().map(with_pattern).collect()
        });
        for (kind, schema, pattern) in KINDS.iter() {
            prop_assert_eq!((kind.takes)(&text), schema_takes(schema, pattern, &text), "{} of {:?}", kind.name, text);
            prop_assert_eq!((kind.takes)(&text), (kind.round_trip)(&text), "{} of {:?}", kind.name, text);
        }
    }
}
