//! The crate against servers of our own on loopback: one that answers as an API server does, speaks the exec subprotocol and
//! misbehaves on request. A real cluster is asked in the cluster tests.
#![allow(clippy::disallowed_methods, reason = "tests write kubeconfig files and start servers")]

mod answers;
mod connect;
mod exec;
mod program;
mod server;
mod tls;
mod watch;
