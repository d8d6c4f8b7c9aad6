#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! `values` has the typed values with their descriptions (`leaf_schema` the schemas of some of them), the single source of
//! `values.yaml`, `values.schema.json` and the README's table; `comments`, `schema` and `table` generate them; `sources` embeds
//! the chart sources (`charts-src/`), `templates` fills in those that differ from plan to plan; `render` assembles the directory.

mod comments;
mod leaf_schema;
mod render;
mod schema;
mod sources;
mod table;
mod templates;
mod values;

pub use render::render;
pub use schema::values_schema;
pub use values::{
    Budget, Client, ClientNetworkPolicy, ClientService, Common, Image, Persistence, PullSecret, Rbac, SecurityProfile, Server,
    ServerNetworkPolicy, ServerService, ServiceAccount, ServiceType, StagedItem, StagedLocal, StagedStartup, Values,
    WorkspaceConfig, WorkspaceVolume,
};
