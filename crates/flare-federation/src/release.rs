//! Which FLARE release provisioned a startup kit: no kit says so, but its templates differ.

use flare_names::Target;
use serde_json::Value;

/// What is read of a kit to tell its release.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseFacts<'kit> {
    /// `local/resources.json.default`.
    pub resources: &'kit Value,
    /// `local/authorization.json.default`, where the kit has one.
    pub authorization: Option<&'kit Value>,
    /// Names of the files in `startup/`.
    pub startup_files: &'kit [String],
}

/// What the kit's templates say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provisioned {
    /// 2.7 or older, or a kit whose templates were replaced: nothing tells.
    Unknown,
    /// A release that we know.
    By(Target),
}

/// Classes that `class_allow_list` has since 2.9 (seen in kits of 2.8.0, 2.8.3 and 2.9.0).
const SINCE_2_9: [&str; 3] = [
    "nvflare.app_common.aggregators.collect_and_assemble_aggregator.CollectAndAssembleAggregator",
    "nvflare.app_common.widgets.metrics_artifact_writer.MetricsArtifactWriter",
    "nvflare.app_common.ccwf.server_ctl.ServerSideController",
];
/// A right that `authorization.json.default` has since 2.9.
const RIGHT_SINCE_2_9: &str = "server-predeployed-flwr";
/// A script that `startup/` may have since 2.9.
const SCRIPT_SINCE_2_9: &str = "start_slurm.sh";

/// Tells the release from the kit's templates. `class_allow_list` came with 2.8, three of its classes with 2.9; a right in
/// `authorization.json.default` and a script are further signs of 2.9.
pub fn provisioned_by(facts: ReleaseFacts<'_>) -> Provisioned {
    let allowed = facts.resources.get("class_allow_list").and_then(Value::as_array);
    let lists_new = allowed.is_some_and(|list| list.iter().filter_map(Value::as_str).any(|class| SINCE_2_9.contains(&class)));
    let has_right = facts.authorization.is_some_and(|value| has_key(value, RIGHT_SINCE_2_9, 8));
    let has_script = facts.startup_files.iter().any(|name| name == SCRIPT_SINCE_2_9);
    if lists_new || has_right || has_script {
        Provisioned::By(Target::V2_9)
    } else if allowed.is_some() {
        Provisioned::By(Target::V2_8)
    } else {
        Provisioned::Unknown
    }
}

fn has_key(value: &Value, key: &str, depth: u8) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::Object(map) => map.contains_key(key) || map.values().any(|inner| has_key(inner, key, depth)),
        Value::Array(items) => items.iter().any(|inner| has_key(inner, key, depth)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_templates_tell_the_release() {
        let new = json!({"class_allow_list": ["a.B", SINCE_2_9[1]]});
        let old = json!({"class_allow_list": ["a.B"]});
        let none = json!({"components": []});
        let right = json!({"permissions": {"org_admin": {RIGHT_SINCE_2_9: "none"}}});
        let script = [SCRIPT_SINCE_2_9.to_owned()];
        let ask =
            |resources, authorization, startup_files| provisioned_by(ReleaseFacts { resources, authorization, startup_files });
        assert_eq!(ask(&new, None, &[]), Provisioned::By(Target::V2_9));
        assert_eq!(ask(&old, None, &[]), Provisioned::By(Target::V2_8));
        assert_eq!(ask(&old, Some(&right), &[]), Provisioned::By(Target::V2_9));
        assert_eq!(ask(&none, None, &script), Provisioned::By(Target::V2_9));
        assert_eq!(ask(&none, None, &[]), Provisioned::Unknown);
    }
}
