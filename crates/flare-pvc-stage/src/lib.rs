#![doc = include_str!("../README.md")]

#[cfg(test)]
mod access;
mod answer;
#[cfg(test)]
mod api_server;
mod archive;
mod backup;
mod bounded;
mod claim;
mod contents;
mod conversation;
mod helper_pod;
mod holders;
mod incoming;
mod lock;
mod objects;
mod outgoing;
mod parent;
mod presence;
mod progress;
mod provisioning;
mod rescheduling;
mod restore;
#[cfg(test)]
mod round_trip;
mod run;
mod shipment;
mod stage;
mod study_claims;
#[cfg(test)]
mod test_kit;
mod unstage_volume;
mod unstaged;
mod values;

pub use answer::{Answer, RemovedKit, RolledBack, StageAnswer};
pub use archive::MANIFEST;
pub use backup::{Backup, BackupOptions, backup, check_new_backup};
pub use claim::{NewClaim, NotedKit, make_namespace, noted_kit};
pub use contents::DataKind;
pub use objects::{
    Bundle, KitObjects, ObjectStageOptions, ObjectUnstageOptions, StagedObject, StagedObjects, stage_objects, unstage_objects,
};
pub use presence::{check_staged, staged_fingerprint};
pub use progress::Progress;
pub use restore::{RestoreOptions, Restored, check_is_backup, restore};
pub use shipment::{KitOwner, Repair, Shipment};
pub use stage::{StagedVolume, VolumeStageOptions, refuse_staged_objects, stage};
pub use study_claims::{CheckedClaim, ClaimUse, StudyClaimOptions, StudyClaimReport, check_study_claims};
pub use unstage_volume::{VolumeUnstageOptions, unstage_volume};
pub use unstaged::{Removed, Unstaged};

/// The program that runs in the volume; public for tests on a local directory.
pub const VOLUME_PROGRAM: &str = concat!(
    include_str!("volume/disk.py"),
    "\n\n",
    include_str!("volume/hidden.py"),
    "\n\n",
    include_str!("volume/entries.py"),
    "\n\n",
    include_str!("volume/owner.py"),
    "\n\n",
    include_str!("volume/kit.py"),
    "\n\n",
    include_str!("volume/repair.py"),
    "\n\n",
    include_str!("volume/saved.py"),
    "\n\n",
    include_str!("volume/main.py"),
);
