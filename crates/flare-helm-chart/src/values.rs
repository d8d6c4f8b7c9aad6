//! The values of a chart, typed: names, nesting and defaults as the reference has them (`docs/behaviour.md` section 4), and ours.
//!
//! The doc comment of each field is its description everywhere: in `values.yaml`, in `values.schema.json`, in the README.

mod blocks;
mod common;
mod defaults;
mod roles;

pub use blocks::{
    Budget, ClientNetworkPolicy, ClientService, Image, Persistence, PullSecret, Rbac, SecurityProfile, ServerNetworkPolicy,
    ServerService, ServiceAccount, ServiceType, StagedItem, StagedLocal, StagedStartup, WorkspaceConfig, WorkspaceVolume,
};
pub use common::Common;
pub use roles::{Client, Server, Values};
