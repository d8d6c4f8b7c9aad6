//! The rules, tested on objects as the API server sends them.

mod deployments;
mod objects;
mod starts;
mod waits;
