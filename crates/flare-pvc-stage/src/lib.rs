#![doc = include_str!("../README.md")]

mod answer;
mod bounded;
mod claim;
mod helper_pod;
mod holders;
mod lock;
mod objects;
mod parent;
mod run;
mod shipment;
mod stage;
mod unstage_volume;
mod unstaged;
mod values;

pub use answer::{Answer, Staged as StagedOnVolume};
pub use claim::NewClaim;
pub use objects::{
    Bundle, KitObjects, ObjectOptions, StagedObject, StagedObjects, UnstageOptions, stage_objects, unstage_objects,
};
pub use shipment::{Owner, Shipment};
pub use stage::{Options, Staged, refuse_staged_objects, stage};
pub use unstage_volume::{VolumeUnstageOptions, unstage_volume};
pub use unstaged::{Removed, Unstaged};

/// The program that runs in the volume, for tests of it on a local directory.
pub const VOLUME_PROGRAM: &str = include_str!("volume.py");
