//! The plan: every fact decided once, and what only kit and config together show.

mod faults;
mod plans;
mod support;
