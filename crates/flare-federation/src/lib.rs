#![doc = include_str!("../README.md")]
//!
//! Source: `docs/defects.md` number 15 and `docs/federation.md`. The crate accesses no file, cluster or
//! clock: its caller reads the files that [`Participant::config_file`] names.

mod cross_checks;
mod facts;
pub mod init;
mod installation;
mod kubeconfig;
mod model;
mod read;
mod release;
mod schema;
pub mod target;

pub use cross_checks::{Member, check_shared_objects, cross_check};
pub use facts::ParticipantFacts;
pub use installation::check_for_installation;
pub use kubeconfig::check_kubeconfig;
pub use model::{Expose, Federation, MappingSource, Participant, Places};
pub use release::{Provisioned, ReleaseFacts, provisioned_by};
pub use schema::schema;

/// A commented `federation.yaml` that shows every key; a test checks that it is valid.
pub const EXAMPLE: &str = include_str!("../federation.example.yaml");
