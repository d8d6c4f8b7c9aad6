//! Jobs that bring their own code by their image or their Python, and whom the site's policy lets do so. The job process of such a job
//! runs what its author put into an image, so FLARE asks the policy for the right `byoc` before it deploys the job.

use std::{collections::BTreeMap, fmt};

use flare_diagnostic::{Code, Diagnostic, Place, shown};
use serde::Deserialize;

/// The files with a site's policy, in `local/`; the first that exists counts.
pub const POLICY_FILES: [&str; 2] = ["authorization.json", "authorization.json.default"];

/// The right that a policy grants.
const RIGHT: &str = "byoc";

/// The users of a role whom a policy lets bring their own code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// All of them.
    All,
    /// Those that the text names: `of the organization a`.
    Some(String),
    /// None of them.
    None,
}

impl fmt::Display for Admitted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Some(who) => write!(formatter, "only {who}"),
            Self::None => formatter.write_str("none"),
        }
    }
}

/// A policy, as far as it is read here.
#[derive(Deserialize)]
struct Policy {
    format_version: String,
    permissions: BTreeMap<String, Rights>,
}

/// What a role may do: the same for every right, or right by right.
#[derive(Deserialize)]
#[serde(untagged)]
enum Rights {
    Every(Conditions),
    Each(BTreeMap<String, Conditions>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Conditions {
    One(String),
    Several(Vec<String>),
}

/// The roles of a site's policy, each with those of its users who may bring their own code.
///
/// # Errors
/// `INVALID_LAUNCH_REQUEST` for a file that is not a policy; FLARE does not start with one.
pub fn own_code_policy(bytes: &[u8], file: &str) -> Result<Vec<(String, Admitted)>, Diagnostic> {
    let refused = |what: String| {
        Diagnostic::error(Code::InvalidLaunchRequest, format!("`{file}` is not a policy of FLARE: {what}"))
            .hint("write `format_version` \"1.0\" and `permissions`, as in the file that was provisioned")
            .at(Place::file(file))
    };
    let policy: Policy = serde_json::from_slice(bytes)
        .map_err(|fault| refused(format!("line {} column {} is not as expected", fault.line(), fault.column())))?;
    if policy.format_version != "1.0" {
        return Err(refused("its `format_version` is not 1.0".to_owned()));
    }
    let mut roles = Vec::with_capacity(policy.permissions.len());
    for (role, rights) in policy.permissions {
        let conditions = match &rights {
            Rights::Every(conditions) => Some(conditions),
            Rights::Each(rights) => rights.iter().find(|(right, _)| normal(right) == RIGHT).map(|(_, conditions)| conditions),
        };
        let admitted = match conditions {
            None => Admitted::None,
            Some(conditions) => {
                admitted(conditions).map_err(|condition| refused(format!("`{}` is not a condition", shown(&condition))))?
            }
        };
        roles.push((normal(&role), admitted));
    }
    Ok(roles)
}

/// As FLARE compares words of a policy: in lower case, with single spaces.
fn normal(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whom a condition means. The user is the submitter of the job.
enum Condition {
    Everyone,
    Nobody,
    Users(String),
}

impl Condition {
    /// Reads a condition in its normal form.
    fn read(text: &str) -> Option<Self> {
        if matches!(text, "all" | "any") {
            return Some(Self::Everyone);
        }
        if matches!(text, "none" | "no") {
            return Some(Self::Nobody);
        }
        let (kind, target) = text.split_once(':').filter(|(_, target)| !target.contains(':'))?;
        let (kind, target) = (kind.trim(), target.trim());
        match (kind, target) {
            ("o" | "org" | "n" | "name", "submitter") => Some(Self::Everyone),
            ("o" | "org", "site") => Some(Self::Users("of the site's organization".to_owned())),
            ("o" | "org", other) => Some(Self::Users(format!("of the organization {}", shown(other)))),
            ("n" | "name", other) => Some(Self::Users(format!("named {}", shown(other)))),
            _ => None,
        }
    }
}

/// Whom the conditions admit; the error is one that cannot be read. What a condition with `not` means is refused whatever the others say.
fn admitted(conditions: &Conditions) -> Result<Admitted, String> {
    let conditions = match conditions {
        Conditions::One(one) => std::slice::from_ref(one),
        Conditions::Several(several) if several.is_empty() => return Err("[]".to_owned()),
        Conditions::Several(several) => several,
    };
    let (mut allowed, mut blocked, mut is_everyone, mut is_list_of_allowed) = (Vec::new(), Vec::new(), false, false);
    for text in conditions {
        let text = normal(text);
        let (is_blocking, condition) = match text.strip_prefix("not ") {
            Some(rest) if !rest.contains(' ') => (true, rest),
            _ => (false, text.as_str()),
        };
        let condition = Condition::read(condition).ok_or_else(|| text.clone())?;
        is_list_of_allowed |= !is_blocking;
        match condition {
            Condition::Everyone if is_blocking => return Ok(Admitted::None),
            Condition::Everyone => is_everyone = true,
            Condition::Nobody => {}
            Condition::Users(who) if is_blocking => blocked.push(who),
            Condition::Users(who) => allowed.push(who),
        }
    }
    is_everyone |= !is_list_of_allowed;
    let allowed = allowed.join(" or ");
    let blocked = blocked.join(" or ");
    Ok(match (is_everyone, allowed.is_empty(), blocked.is_empty()) {
        (true, _, true) => Admitted::All,
        (true, _, false) => Admitted::Some(format!("users not {blocked}")),
        (false, true, _) => Admitted::None,
        (false, false, true) => Admitted::Some(format!("users {allowed}")),
        (false, false, false) => Admitted::Some(format!("users {allowed}, but not {blocked}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(conditions: &str) -> String {
        let policy = format!(r#"{{"format_version": "1.0", "permissions": {{"Lead": {conditions}}}}}"#);
        match own_code_policy(policy.as_bytes(), "authorization.json") {
            Ok(roles) => format!("{}: {}", roles[0].0, roles[0].1),
            Err(fault) => fault.message,
        }
    }

    #[test]
    fn conditions_mean_what_flare_s_policy_means() {
        for (conditions, expected) in [
            (r#""any""#, "lead: all"),
            (r#"["o:site", "any"]"#, "lead: all"),
            (r#""none""#, "lead: none"),
            (r#"{"view": "any"}"#, "lead: none"),
            (r#"{"byoc": "none", "view": "any"}"#, "lead: none"),
            (r#"{"BYOC": " Any "}"#, "lead: all"),
            (r#"{"byoc": "n:submitter"}"#, "lead: all"),
            (r#"{"byoc": "o:submitter"}"#, "lead: all"),
            (r#"{"byoc": "o:site"}"#, "lead: only users of the site's organization"),
            (r#"{"byoc": ["org:Lab", "name:ann@lab"]}"#, "lead: only users of the organization lab or named ann@lab"),
            (r#"{"byoc": "not o:lab"}"#, "lead: only users not of the organization lab"),
            (r#"{"byoc": ["o:lab", "not n:bob"]}"#, "lead: only users of the organization lab, but not named bob"),
            (r#"{"byoc": ["any", "not any"]}"#, "lead: none"),
            (r#"{"byoc": "not none"}"#, "lead: all"),
            (r#"{"byoc": []}"#, "`authorization.json` is not a policy of FLARE: `[]` is not a condition"),
            (r#"{"byoc": "x:lab"}"#, "`authorization.json` is not a policy of FLARE: `x:lab` is not a condition"),
            ("7", "`authorization.json` is not a policy of FLARE: line 1 column 52 is not as expected"),
        ] {
            assert_eq!(of(conditions), expected, "{conditions}");
        }
        assert!(own_code_policy(b"{", "f").is_err());
        assert!(own_code_policy(br#"{"format_version": "2.0", "permissions": {"a": "any"}}"#, "f").is_err());
    }
}
