#![doc = include_str!("../README.md")]

mod build;
mod dialect;
pub mod json;
mod key_path;
mod legacy;
mod meaning;
mod merge;
mod overlay;
mod plain;
pub mod python;
mod quote;
mod reading;
mod strict;
mod to_json;
mod tree;
mod write;

pub use build::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
pub use flare_diagnostic::shown;
pub use key_path::key_path;
pub use meaning::Meaning;
pub use plain::{key, scalar};
pub use quote::quote;
pub use reading::Reading;
pub use strict::{parse, parse_if_any};
pub use tree::{Document, Key, KeyValue, Node, NodeContent, Scalar, Style};
pub use write::{Comments, Strings, block, commented_block, documents};
