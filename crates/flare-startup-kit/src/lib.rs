#![doc = include_str!("../README.md")]

mod certificate;
mod chain;
mod directory;
mod host_name;
mod json;
mod kit;
mod private_key;
mod purpose;
mod relay;
mod role_file;
mod signature;
mod strict;
mod x509;

pub use certificate::{Certificates, Identity};
pub use directory::{DirectoryKind, MARKER_FILE};
pub use host_name::{certificate_covers, is_own_machine};
pub use kit::{StartupKit, StudyFiles};
pub use relay::Relay;
pub use strict::StrictFault;
