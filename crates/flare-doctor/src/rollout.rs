//! Whether a parent runs, by separate rules on its Deployment and pods.
//!
//! `Available` proves nothing: without a probe a container counts as available from its start, even if Python exits after two seconds.
//! `kubectl rollout status`, on the other hand, waits for its whole timeout if an image tag does not exist. [`judge`] examines the pod
//! itself and tells what runs, what recovers and what is hopeless; [`wait`] watches until one of these is certain.

mod crash;
mod current;
mod judge;
mod look;
mod pending;
mod pull;
mod reference;
mod refusal;
#[cfg(test)]
mod table;
mod wait;
mod watched;

pub(crate) use current::parent_container;
pub use judge::judge;
pub(crate) use look::is_start;
pub use look::{ObservedParent, ParentDeployment, Rollout, RolloutStatus, RunningParent};
pub(crate) use pending::STAGE_ON_A_NEW_CLAIM;
pub use reference::{Reference, ReferenceKind};
pub use wait::{WaitOptions, wait};
