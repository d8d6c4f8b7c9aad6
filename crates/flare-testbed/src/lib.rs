#![doc = include_str!("../README.md")]
//!
//! Everything of a cluster lies in one state folder and one network namespace that no packet can leave.
#![allow(clippy::disallowed_methods, reason = "this crate is an edge: it starts processes and keeps its state on disk")]

pub mod build;
pub mod image;
pub mod packages;
pub mod registry;
mod surroundings;
mod workshop;

pub use surroundings::Surroundings;
