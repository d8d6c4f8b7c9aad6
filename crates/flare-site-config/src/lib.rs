//! `k8s.yaml`, the runtime configuration of a site: strict, every fault at once with its line and column.
//!
//! A config is read in passes, one type per pass: text → [`yaml::Node`] (a positioned tree) → [`SiteConfig`] (checked, with
//! all defaults that need no kit). Source of every rule: `spec/behaviour.md` section 1 and defects 12 and 28.

mod config;
pub mod image;
pub mod quantity;
pub mod yaml;

pub use config::{InternalSecurity, JobLauncherConfig, ParentConfig, SiteConfig};
