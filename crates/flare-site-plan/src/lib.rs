//! The resolved plan: [`resolve`] turns a kit, a config and a target into one value that holds every decided fact.
//!
//! Nobody below it sees `k8s.yaml` or decides anything again: the patcher and the chart read the same plan, so what they
//! write fits together. The plan is a value that serializes; the prepared kit keeps it in its marker.
#![doc = include_str!("../README.md")]

mod facts;
mod plan;
mod resolve;

pub use facts::{LauncherRights, ReadinessPort};
/// A fact of the plan that the configuration names first.
pub use flare_site_config::InternalSecurity;
pub use plan::{Image, InternalConnection, Parent, Ports, PullPolicy, SitePlan, StudyTemplate, Workspace};
pub use resolve::{Acceptance, release_of_tag, resolve};
