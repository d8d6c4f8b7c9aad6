//! Image references, as the grammar of distribution has them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A parsed image reference. `Display` gives back the text that was parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageReference {
    /// Everything before tag and digest, the registry with its port included: `registry:5000/nvflare/nvflare`.
    pub repository: String,
    /// The tag, without `:`.
    pub tag: Option<String>,
    /// The digest with its algorithm: `sha256:…`.
    pub digest: Option<String>,
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}
