//! The FLARE images that can be built, by their tags.

use std::{fmt, str::FromStr};

use flare_diagnostic::{Code, Diagnostic};

use super::{debian::Debian, nvflare::Release};

/// A FLARE image of the cluster's registry: `nvflare/nvflare:TAG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlareImage {
    /// nvflare 2.8.3 on Debian trixie's Python 3.13.
    Flare283,
    /// nvflare 2.9.0 on Debian trixie's Python 3.13.
    Flare290,
    /// nvflare 2.8.3 on Debian bookworm's Python 3.11, which is less strict about certificates.
    Flare283Python311,
    /// nvflare 2.8.3 on only Python 3.13 and its libraries: no shell, no tar.
    Flare283Distroless,
}

impl FlareImage {
    /// Every image that can be built.
    pub const ALL: &'static [Self] = &[Self::Flare283, Self::Flare290, Self::Flare283Python311, Self::Flare283Distroless];

    /// The images of a cluster by default.
    pub const DEFAULT: &'static [Self] = &[Self::Flare283, Self::Flare290];

    /// The repository of all FLARE images.
    pub const REPOSITORY: &'static str = "nvflare/nvflare";

    /// The tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Flare283 => "2.8.3",
            Self::Flare290 => "2.9.0",
            Self::Flare283Python311 => "2.8.3-python3.11",
            Self::Flare283Distroless => "2.8.3-distroless",
        }
    }
}

macro_rules! lock {
    ($release:literal, $python:literal) => {
        include_str!(concat!("../../../../tools/images/nvflare-", $release, "-python", $python, ".txt"))
    };
}

impl FlareImage {
    /// Its content.
    pub(super) const fn release(self) -> Release {
        match self {
            Self::Flare283 | Self::Flare283Distroless => {
                Release { version: "2.8.3", debian: Debian::Trixie, lock: lock!("2.8.3", "3.13") }
            }
            Self::Flare290 => Release { version: "2.9.0", debian: Debian::Trixie, lock: lock!("2.9.0", "3.13") },
            Self::Flare283Python311 => Release { version: "2.8.3", debian: Debian::Bookworm, lock: lock!("2.8.3", "3.11") },
        }
    }

    /// Whether it has only Python and its libraries.
    pub(super) const fn is_distroless(self) -> bool {
        matches!(self, Self::Flare283Distroless)
    }
}

impl fmt::Display for FlareImage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.tag())
    }
}

impl FromStr for FlareImage {
    type Err = Diagnostic;

    /// Reads a tag.
    fn from_str(text: &str) -> Result<Self, Diagnostic> {
        let unknown = || {
            let tags: Vec<_> = Self::ALL.iter().map(|image| format!("`{image}`")).collect();
            Diagnostic::error(Code::InvalidArgs, format!("there is no FLARE image `{text}`"))
                .hint(format!("take one of {}", tags.join(", ")))
        };
        Self::ALL.iter().copied().find(|image| image.tag() == text).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::FlareImage;

    #[test]
    fn every_lock_pins_the_release_and_all_else_with_digests() {
        for image in FlareImage::ALL {
            let release = image.release();
            assert!(release.lock.contains(&format!("\nnvflare=={} \\\n", release.version)), "{image}");
            let packages = release.lock.lines().filter(|line| line.contains("==")).count();
            assert!(packages > 40);
            let pinned = release.lock.lines().filter(|line| line.contains("==")).all(|line| line.ends_with(" \\"));
            assert!(pinned, "{image}: a package has no digest");
        }
    }

    #[test]
    fn every_image_is_read_by_its_tag_and_others_are_refused_with_the_list() {
        for image in FlareImage::ALL {
            assert_eq!(image.tag().parse(), Ok(*image));
        }
        let refused = "2.7".parse::<FlareImage>().unwrap_err();
        assert!(refused.hint.unwrap().contains("`2.8.3-distroless`"));
    }
}
