//! The typed values of a chart: names, nesting and defaults of the reference (`docs/behaviour.md` section 4), and additional ones.
//!
//! The doc comment of each field is its description in `values.yaml`, in `values.schema.json` and in the README.

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
