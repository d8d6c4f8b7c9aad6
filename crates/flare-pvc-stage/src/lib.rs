#![doc = include_str!("../README.md")]

mod answer;
mod claim;
mod helper_pod;
mod holders;
mod lock;
mod parent;
mod run;
mod shipment;
mod stage;
mod values;

pub use answer::{Answer, Staged as StagedOnVolume};
pub use claim::NewClaim;
pub use shipment::{Owner, Shipment};
pub use stage::{Options, Staged, stage};

/// The program that runs in the volume, for tests of it on a local directory.
pub const VOLUME_PROGRAM: &str = include_str!("volume.py");
