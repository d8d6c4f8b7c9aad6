//! x
pub mod node;
