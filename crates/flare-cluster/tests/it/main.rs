//! The crate against a test server on loopback that answers like an API server, speaks the exec subprotocol and
//! misbehaves on request. The cluster tests use a real cluster.
#![allow(clippy::disallowed_methods, reason = "tests write kubeconfig files and start servers")]

mod answers;
mod carrier;
mod connect;
mod exec;
mod first_request;
mod program;
mod server;
mod spdy;
mod tls;
mod token_file;
mod watch;
