//! The name of a cluster, after which its directory and its control group are named.

use std::fmt;

use flare_diagnostic::{Code, Diagnostic, Faults};

/// The name of a local cluster: a DNS label, so that it can be a file name and a part of other names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName(String);

/// The maximum length of a DNS label (RFC 1123).
const LONGEST: usize = 63;

impl ClusterName {
    /// Accepts a DNS label: 1 to 63 lower-case letters, digits and hyphens, without a hyphen at either end.
    ///
    /// # Errors
    /// [`Code::InvalidArgs`].
    pub fn new(name: impl Into<String>) -> Result<Self, Faults> {
        let name = name.into();
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let ends = !name.starts_with('-') && !name.ends_with('-');
        if (1..=LONGEST).contains(&name.len()) && ends && name.bytes().all(inner) {
            return Ok(Self(name));
        }
        Err(Diagnostic::error(Code::InvalidArgs, format!("`{name}` cannot be the name of a cluster"))
            .hint("take 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends")
            .into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ClusterName {
    /// `local`, the cluster that is used if none is named.
    fn default() -> Self {
        Self("local".to_owned())
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ClusterName;

    #[test]
    fn a_name_is_a_dns_label() {
        for good in ["a", "local", "0", "a-b", &"x".repeat(63)] {
            assert_eq!(ClusterName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "../x", "a/b", "é", "a b", "a\n", &"x".repeat(64)] {
            let faults = ClusterName::new(bad).unwrap_err();
            assert!(faults.first().hint.is_some(), "{bad}");
        }
    }
}
