//! What results say about a prepared kit, whatever was done with it.

use flare_names::Target;
use flare_prepared_kit::PreparedKit;
use serde::Serialize;
use serde_json::Value;

/// Where a kit is installed, and which version of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KitFacts {
    pub(crate) namespace: String,
    /// The FLARE release.
    pub(crate) target: Target,
    /// The parent's image, as it was prepared.
    pub(crate) image: String,
    /// The version of the kit.
    pub(crate) fingerprint: String,
}

/// The beginning of a fingerprint, for people.
pub(crate) fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

impl KitFacts {
    /// The facts of a kit.
    pub(crate) fn of(kit: &PreparedKit) -> Self {
        let plan = kit.plan();
        Self {
            namespace: plan.namespace.to_string(),
            target: plan.target,
            image: plan.parent.image.to_string(),
            fingerprint: kit.fingerprint().to_string(),
        }
    }

    /// Adds them to the JSON of a result.
    pub(crate) fn add_to(&self, row: &mut Value) {
        if let (Some(row), Ok(Value::Object(facts))) = (row.as_object_mut(), serde_json::to_value(self)) {
            row.extend(facts);
        }
    }
}
