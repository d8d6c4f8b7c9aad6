#![doc = include_str!("../README.md")]

mod certificate;
mod chain;
mod host_name;
mod json;
mod kit;
mod private_key;
mod purpose;
mod role_file;
mod signature;
mod strict;
mod x509;

pub use certificate::{Certificates, Identity, StrictFault};
pub use kit::{StartupKit, StudyFiles};
