#![doc = include_str!("../README.md")]
//!
//! Everything of a cluster is in one state directory, one control group, and namespaces of network, mounts and processes
//! that one process keeps alive.
#![allow(clippy::disallowed_methods, reason = "this crate is an edge: it starts processes and keeps its state on disk")]

pub mod audit;
pub mod build;
mod build_cache;
mod certificates;
mod cluster_lock;
mod command;
mod components;
mod configuration;
mod context;
mod control_group;
mod down;
mod fault;
pub mod image;
mod kubectl;
mod link;
mod lock_file;
mod mount;
mod name;
mod namespaces;
mod options;
pub mod packages;
mod plugins;
mod preflight;
mod probe;
mod process;
pub mod program;
mod provider;
pub mod registry;
mod start;
mod state;
mod status;
mod up;

pub use context::Context;
pub use down::{Removed, down};
pub use lock_file::lock_file;
pub use name::ClusterName;
pub use options::{DefaultStorageClass, Provider, Taint, UpOptions};
pub use status::{Status, status};
pub use up::{reset, up};
