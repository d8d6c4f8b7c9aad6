//! Which FLARE release provisioned a startup kit: kits do not state it, but their templates differ.

use flare_names::{KitMark, Target};
use serde_json::Value;

/// The parts of a kit that show its release.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseFacts<'kit> {
    /// `local/resources.json.default`.
    pub resources: &'kit Value,
    /// `local/authorization.json.default`, if the kit has one.
    pub authorization: Option<&'kit Value>,
    /// Names of the files in `startup/`.
    pub startup_files: &'kit [String],
}

/// What the kit's templates show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provisioned {
    /// No known release: 2.7 or older, or a kit whose templates were replaced.
    Unknown,
    /// A known release.
    By(Target),
}

/// Finds the release by the kit's templates: the newest one of which the kit has a mark of [`flare_names::Capabilities::kit_marks`]
/// (taken from kits of 2.8.0, 2.8.3 and 2.9.0).
pub fn provisioned_by(facts: ReleaseFacts<'_>) -> Provisioned {
    let has_mark = |target: &Target| target.capabilities().kit_marks.iter().any(|mark| has_mark(&facts, *mark));
    Target::ALL.into_iter().rev().find(has_mark).map_or(Provisioned::Unknown, Provisioned::By)
}

fn has_mark(facts: &ReleaseFacts<'_>, mark: KitMark) -> bool {
    let allowed = facts.resources.get("class_allow_list").and_then(Value::as_array);
    match mark {
        KitMark::ClassAllowList => allowed.is_some(),
        KitMark::AllowedClass(class) => allowed.is_some_and(|list| list.iter().any(|one| one == class)),
        KitMark::Right(right) => facts.authorization.is_some_and(|value| has_key(value, right, 8)),
        KitMark::StartupFile(file) => facts.startup_files.iter().any(|name| name == file),
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
        let new =
            json!({"class_allow_list": ["a.B", "nvflare.app_common.widgets.metrics_artifact_writer.MetricsArtifactWriter"]});
        let old = json!({"class_allow_list": ["a.B"]});
        let none = json!({"components": []});
        let right = json!({"permissions": {"org_admin": {"server-predeployed-flwr": "none"}}});
        let script = ["start_slurm.sh".to_owned()];
        let ask =
            |resources, authorization, startup_files| provisioned_by(ReleaseFacts { resources, authorization, startup_files });
        assert_eq!(ask(&new, None, &[]), Provisioned::By(Target::V2_9));
        assert_eq!(ask(&old, None, &[]), Provisioned::By(Target::V2_8));
        assert_eq!(ask(&old, Some(&right), &[]), Provisioned::By(Target::V2_9));
        assert_eq!(ask(&none, None, &script), Provisioned::By(Target::V2_9));
        assert_eq!(ask(&none, None, &[]), Provisioned::Unknown);
    }
}
