#![doc = include_str!("../README.md")]

mod answer;
mod backoff;
mod busy;
mod causes;
pub mod claim_state;
mod clock;
mod cluster;
mod connect;
mod endpoint;
pub mod events;
mod exec;
mod fault;
mod forward;
pub mod image_pull;
mod jitter;
mod kubeconfig;
mod location;
mod logs;
mod named_files;
mod objects;
mod operation;
mod permission;
pub mod pod_state;
mod proxy;
mod redirect;
mod retry;
mod review;
mod rules;
mod selection;
pub mod start_fault;
mod token_file;
mod watch;

pub use backoff::Backoff;
pub use cluster::Cluster;
pub use connect::connect;
pub use exec::{Exec, Input, ProgramExit};
pub use forward::Forwarding;
pub use jitter::about;
pub use k8s_openapi;
pub use kube::{
    Resource,
    api::{ApiResource, DynamicObject},
};
pub use kubeconfig::{Access, ClusterEnvironment};
pub use location::{ServerLocation, locate};
pub use logs::LogSelection;
pub use objects::{DeleteOptions, Objects, WriteOptions};
pub use operation::Operation;
pub use selection::Selection;
pub use watch::WatchEvent;

/// The field manager of every write.
pub(crate) const FIELD_MANAGER: &str = "flare-kube";
