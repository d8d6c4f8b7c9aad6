#![doc = include_str!("../README.md")]

mod document;
mod findings;
mod headline;
mod marks;
mod page;
mod participants;
mod parts;
mod problems;
mod state;
mod steps;
mod text;

pub use page::{Run, page};
