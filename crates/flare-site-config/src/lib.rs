//! `k8s.yaml`, the runtime configuration of a site: strict, every fault at once with its line and column.
//!
//! A config is read in passes, one type per pass: text → [`flare_yaml::Node`] (a tree with places) → [`SiteConfig`] (checked, with
//! all defaults that need no kit). Source of every rule: `docs/behaviour.md` section 1 and defects 12 and 28.
#![doc = include_str!("../README.md")]

mod choices;
mod config;
pub mod image;
pub mod quantity;
mod schema;
mod shape;
mod table;

pub use choices::{InternalSecurity, JobPullPolicy, Kubernetes};
pub use schema::schema;
pub use table::{JobLauncherConfig, JobPodDefaults, ParentConfig, SiteConfig, mapping_keys};

/// A commented `k8s.yaml` with every key. Required keys are written out; all others are commented out and
/// show their default, or an example if they have none.
pub const EXAMPLE: &str = include_str!("../k8s.example.yaml");
