//! The resolved plan: [`resolve`] turns a kit, a config and a target into one value that holds every decided fact.
//!
//! Crates below it never see `k8s.yaml` and decide nothing again: the patcher and the chart read the same plan, so what they
//! write fits together. The plan can be serialized; the prepared kit stores it in its marker.
#![doc = include_str!("../README.md")]

mod facts;
mod job_launcher;
mod plan;
mod resolve;

pub use facts::{LauncherResource, LauncherRight, ReadinessPort};
/// Facts of the plan whose types the configuration defines.
pub use flare_site_config::{InternalSecurity, JobPodDefaults};
pub use job_launcher::LauncherChoice;
pub use plan::{Image, InternalConnection, JobLauncher, Parent, Ports, PullPolicy, SitePlan, StudyTemplate, Workspace};
pub use resolve::{Acceptance, resolve};
