//! What is run in a pod, and what it reads.

use std::time::Duration;

/// What a program reads from its standard input.
#[derive(Debug)]
pub enum Input<R> {
    /// It has none.
    Nothing,
    /// So many bytes, which the program knows or finds out by itself. Works on every server.
    Sized(R, u64),
    /// Until the reader ends. Needs a server that can end the input alone (Kubernetes 1.30); an older one is refused before
    /// anything is sent, since there the end of the input would be the end of the connection, and the status would be lost.
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
    /// The container; `None` where the pod has one.
    pub container: Option<String>,
    /// Program and arguments, as they are: no shell splits them.
    pub command: Vec<String>,
    /// How long it may take from the first byte to the status.
    pub deadline: Duration,
}

impl Exec {
    /// The program's name. Its arguments may be long or secret.
    pub(super) fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }
}
