//! The FLARE release that a prepared kit is made for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The FLARE release line that a prepared kit is made for. It decides which launcher arguments, which security of the
/// internal link and which study file a kit gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Target {
    /// nvflare 2.8, which the user guide describes.
    #[default]
    #[serde(rename = "2.8")]
    V2_8,
    /// nvflare 2.9.
    #[serde(rename = "2.9")]
    V2_9,
}

impl Target {
    /// All targets, oldest first.
    pub const ALL: [Self; 2] = [Self::V2_8, Self::V2_9];

    /// The release line as FLARE writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2_8 => "2.8",
            Self::V2_9 => "2.9",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A release line that flare-kube does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown target `{}`; use 2.8 or 2.9", crate::kinds::shown(.0))]
pub struct UnknownTarget(String);

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|target| target.as_str() == text).ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}
