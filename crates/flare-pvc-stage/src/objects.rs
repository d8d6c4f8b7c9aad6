//! A prepared kit as a `ConfigMap` and a Secret that the chart mounts over the volume, and their staging and removal in a cluster.
//!
//! Source: `docs/behaviour.md` section 6; defects 5, 13, 14, 15, 32.

mod bundle;
mod found;
mod manifests;
mod neighbours;
mod stage;
mod unstage;

pub use bundle::Bundle;
pub(crate) use found::{annotation, is_staged};
pub(crate) use manifests::KitObject;
pub use manifests::KitObjects;
pub(crate) use neighbours::refuse_claim_of_others;
pub use stage::{ObjectStageOptions, StagedObject, StagedObjects, stage_objects};
pub use unstage::{ObjectUnstageOptions, unstage_objects};
