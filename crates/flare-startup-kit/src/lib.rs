//! What a FLARE startup kit says about its participant: role, names, organisation, ports, certificates.
//!
//! Knows nothing of Kubernetes. Source: `spec/behaviour.md` section 2; certificates: doctor checks D40–D44.

mod certificate;
mod kit;

pub use certificate::{Certificates, Identity, StrictFault};
pub use kit::{StartupKit, StudyFiles};
