//! A type per kind of Kubernetes name. Each documents its rule and the reason for it; a value of the type is proof that the
//! rule holds, so functions that take one need no error for it.

use std::{borrow::Cow, fmt, str::FromStr};

use flare_diagnostic::shown;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A text that is not a name of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a {kind}: {rule}", shown(.text))]
pub struct InvalidName {
    /// The text as it was given.
    pub text: String,
    /// The kind of name, for example `namespace`.
    pub kind: &'static str,
    /// The whole rule that it breaks.
    pub rule: &'static str,
}

/// RFC 1123 label: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, at most 63 bytes.
fn label_1123(text: &str) -> bool {
    text.len() <= 63 && label_body(text)
}

fn label_body(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

/// RFC 1035 label: like 1123, but it starts with a letter.
fn label_1035(text: &str) -> bool {
    label_1123(text) && text.as_bytes()[0].is_ascii_lowercase()
}

/// RFC 1123 subdomain as Kubernetes defines it: labels joined by dots, at most 253 bytes; the labels have no limit of their own.
fn subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(label_body)
}

fn release(text: &str) -> bool {
    text.len() <= 53 && label_1123(text)
}

/// Key of a Secret or `ConfigMap` (apimachinery's `IsConfigMapKey`): `[-._a-zA-Z0-9]+`, at most 253, not `.`, not
/// starting with `..`.
fn data_key(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && !text.starts_with("..")
        && text != "."
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

/// The value of a label or a taint: empty, or at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends
/// (apimachinery's `IsValidLabelValue`).
pub fn is_label_value(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    text.is_empty() || bytes.len() <= 63 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
}

/// The name in the key of a label, a taint or a resource, or a label's value that is not empty, as a regular expression without anchors.
pub const LABEL_PATTERN: &str = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";

/// The domain before such a name, as a regular expression without anchors. It does not know the longest length, which
/// [`is_qualified_name`] checks, nor that each part of the domain ends in a letter or digit.
pub const LABEL_DOMAIN_PATTERN: &str = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?";

/// The key of a label, a taint or a resource, `[domain/]name` (apimachinery's `IsQualifiedName`): the domain is an RFC 1123
/// subdomain, the name a non-empty label value.
///
/// ```
/// assert!(flare_names::is_qualified_name("nvidia.com/gpu"));
/// assert!(!flare_names::is_qualified_name("NVIDIA.com/gpu"));
/// ```
pub fn is_qualified_name(text: &str) -> bool {
    let (domain, name) = text.split_once('/').map_or((None, text), |(domain, name)| (Some(domain), name));
    !name.is_empty() && is_label_value(name) && domain.is_none_or(subdomain)
}

const LABEL_1123: &str = "lower-case letters, digits and `-`, a letter or digit at both ends, at most 63 characters";
const LABEL_1035: &str = "lower-case letters, digits and `-`, a letter first, a letter or digit last, at most 63 characters";
const SUBDOMAIN: &str =
    "lower-case letters, digits, `-` and `.`, a letter or digit at both ends of each part, at most 253 characters";

macro_rules! kubernetes_names {
    ($($(#[doc = $doc:literal])+ $name:ident, $kind:literal, $max:literal, $pattern:literal, $check:path, $rule:expr, $example:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// This kind of name, for messages.
            pub const KIND: &'static str = $kind;
            /// The rule, as one clause for messages.
            pub const RULE: &'static str = $rule;
            /// The longest name, in bytes.
            pub const LIMIT: usize = $max;
            /// A name that obeys the rule.
            pub const EXAMPLE: &'static str = $example;

            /// Takes a text that obeys the rule.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                if $check(&text) { Ok(Self(text)) } else { Err(InvalidName { text, kind: $kind, rule: $rule }) }
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "minLength": 1, "maxLength": $max, "pattern": $pattern, "description": concat!("A ", $kind, ", for example ", $example)})
            }
        }
    )+};
}

kubernetes_names! {
    /// A namespace: RFC 1123 label, since it is a part of every Service's DNS name.
    NamespaceName, "namespace", 63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", label_1123, LABEL_1123, "nvflare";
    /// A Service: RFC 1035 label (Kubernetes before 1.34 refuses a leading digit).
    ServiceName, "Service name", 63, "^[a-z]([-a-z0-9]*[a-z0-9])?$", label_1035, LABEL_1035, "nvflare-server";
    /// A Deployment. Kubernetes takes a subdomain; here the label rule holds, because the name becomes a label value and a container name.
    DeploymentName, "Deployment name", 63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", label_1123, LABEL_1123, "site-1";
    /// A container: RFC 1123 label.
    ContainerName, "container name", 63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", label_1123, LABEL_1123, "site-1";
    /// A volume of a pod: RFC 1123 label.
    VolumeName, "volume name", 63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", label_1123, LABEL_1123, "workspace";
    /// A Helm release: RFC 1123 label of at most 53, because charts append to it and must stay within 63.
    ReleaseName, "Helm release name", 53, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", release, "lower-case letters, digits and `-`, a letter or digit at both ends, at most 53 characters", "site-1";
    /// A `PersistentVolumeClaim`: RFC 1123 subdomain.
    ClaimName, "claim name", 253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", subdomain, SUBDOMAIN, "nvflws";
    /// A Secret: RFC 1123 subdomain.
    SecretName, "Secret name", 253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", subdomain, SUBDOMAIN, "nvflare-startup-server-b3eacd33";
    /// A Secret that holds registry credentials: RFC 1123 subdomain.
    PullSecretName, "pull Secret name", 253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", subdomain, SUBDOMAIN, "registry-credentials";
    /// A ConfigMap: RFC 1123 subdomain.
    ConfigMapName, "ConfigMap name", 253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", subdomain, SUBDOMAIN, "nvflare-local-site-1";
    /// A `ServiceAccount`: RFC 1123 subdomain.
    ServiceAccountName, "ServiceAccount name", 253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", subdomain, SUBDOMAIN, "site-1";
    /// A Role or `RoleBinding`. Kubernetes takes any path segment; here the subdomain rule holds.
    RoleName, "Role name", 253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", subdomain, SUBDOMAIN, "site-1-launcher";
    /// A `RuntimeClass`: RFC 1123 subdomain.
    RuntimeClassName, "RuntimeClass name", 253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", subdomain, SUBDOMAIN, "nvidia";
    /// A `PriorityClass`: RFC 1123 subdomain.
    PriorityClassName, "PriorityClass name", 253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", subdomain, SUBDOMAIN, "training";
    /// A pod. Kubernetes takes a subdomain of 253; here the label rule holds, because the name becomes the pod's host name.
    PodName, "pod name", 63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", label_1123, LABEL_1123, "j9c0d6b1e-site-1-c828b91c";
    /// A key in a Secret's or ConfigMap's data.
    SecretKey, "Secret or ConfigMap key", 253, "^([-_a-zA-Z0-9]|\\.[-_a-zA-Z0-9])[-._a-zA-Z0-9]*$", data_key, "letters, digits, `-`, `_` and `.`, not `.` and not starting with `..`, at most 253 characters", "client.key";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_qualified_names_are_as_kubernetes_takes_them_and_so_do_their_patterns() {
        let value = regex::Regex::new(&format!("^({LABEL_PATTERN})?$")).unwrap();
        let key = regex::Regex::new(&format!("^({LABEL_DOMAIN_PATTERN}/)?{LABEL_PATTERN}$")).unwrap();
        for (text, label, qualified) in [
            ("", true, false),
            ("a", true, true),
            ("Site_1.x-2", true, true),
            ("-a", false, false),
            ("a.", false, false),
            ("a b", false, false),
            ("\u{e4}", false, false),
            ("nvidia.com/gpu", false, true),
            ("NVIDIA.com/gpu", false, false),
            ("nvidia_com/gpu", false, false),
            ("/gpu", false, false),
            ("nvidia.com/", false, false),
            ("a/b/c", false, false),
        ] {
            assert_eq!((is_label_value(text), is_qualified_name(text)), (label, qualified), "{text}");
            assert_eq!(value.is_match(text), label, "{text}");
            assert_eq!(key.is_match(text), qualified, "{text}");
        }
        assert!(is_label_value(&"a".repeat(63)) && !is_label_value(&"a".repeat(64)));
        assert!(is_qualified_name(&format!("{}/a", "d".repeat(253))) && !is_qualified_name(&format!("{}/a", "d".repeat(254))));
    }
}
