//! A program to run in a pod, and its input.

use std::time::Duration;

/// The standard input of a program.
#[derive(Debug)]
pub enum Input<R> {
    /// No input.
    Nothing,
    /// This number of bytes, which the program knows or finds out by itself. Works on every server.
    Sized(R, u64),
    /// Until the reader ends. Needs a server that can close only the input (Kubernetes 1.30); an older one is refused before
    /// anything is sent, since there closing the input would close the connection, and the status would be lost.
    UntilEnd(R),
}

impl Input<tokio::io::Empty> {
    /// No input.
    pub const fn nothing() -> Self {
        Self::Nothing
    }
}

/// A program to run in a container.
#[derive(Debug, Clone)]
pub struct Exec {
    /// Namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container; `None` if the pod has only one.
    pub container: Option<String>,
    /// Program and arguments, without a shell.
    pub command: Vec<String>,
    /// How long it may take from the first byte to the status.
    pub deadline: Duration,
}

impl Exec {
    /// The program's name, without its arguments, which may be long or secret.
    pub(super) fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }
}
