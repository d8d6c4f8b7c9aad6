//! What keeps a client from its server.

use crate::Finding;

/// What keeps a client from its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenLink {
    /// The name does not resolve (D71), or there is no connection with mutual TLS (D72).
    pub finding: Finding,
    /// Whether it may heal without a change of a kit. A certificate that is refused does not.
    pub heals: bool,
}
