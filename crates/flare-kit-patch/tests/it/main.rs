//! The patcher as its users see it: a kit in, a prepared copy out.

mod comm_config;
mod components;
mod parts;
mod properties;
mod support;
