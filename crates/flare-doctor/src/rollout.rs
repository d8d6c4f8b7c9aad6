//! Whether a parent runs: the own rules on its Deployment and pods.
//!
//! `Available` proves nothing: without a probe a container counts from its start, and a Python that ends after two seconds was a success.
//! `kubectl rollout status` on the other hand sits out its time where an image has no such tag. [`judge`] looks at the pod itself and
//! tells what runs, what heals and what is hopeless; [`wait`] watches until one of these is sure.

mod crash;
mod current;
mod judge;
mod look;
mod pending;
mod pull;
mod reference;
mod refusal;
mod scene;
#[cfg(test)]
mod table;
mod wait;

pub use judge::judge;
pub use look::{Look, Running, Target, Verdict};
pub use reference::{Reference, ReferenceKind};
pub use wait::{Options, wait};
