//! x
mod model;
mod read;
pub mod node;
pub use model::{Expose, Federation, Participant, Places, Source};
