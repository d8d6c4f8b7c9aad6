#![doc = include_str!("../README.md")]

mod build;
mod json;
mod overlay;
mod quote;
mod reading;
mod tree;

pub use build::{MAX_BYTES, MAX_DEPTH, MAX_NODES, parse};
pub use quote::quote;
pub use reading::{Meaning, Reading};
pub use tree::{Content, Document, Entry, Key, Node, Scalar, Style, shown};
