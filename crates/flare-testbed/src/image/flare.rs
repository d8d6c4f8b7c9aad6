//! The FLARE images that can be built, by the tags under which people ask for them.

use std::{fmt, str::FromStr};

use flare_diagnostic::{Code, Diagnostic};

/// A FLARE image of the cluster's registry: `nvflare/nvflare:TAG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlareImage {
    /// nvflare 2.8.3 on Debian trixie's Python 3.13.
    Flare283,
    /// nvflare 2.9.0 on Debian trixie's Python 3.13.
    Flare290,
    /// nvflare 2.8.3 on Debian bookworm's Python 3.11, which is less strict about certificates.
    Flare283Python311,
    /// nvflare 2.8.3 on Python 3.13 and its libraries alone: no shell, no tar.
    Flare283Distroless,
}

impl FlareImage {
    /// Every image that can be built.
    pub const ALL: &'static [Self] = &[Self::Flare283, Self::Flare290, Self::Flare283Python311, Self::Flare283Distroless];

    /// The images of a cluster that was asked for none.
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
    fn every_image_is_read_by_its_tag_and_others_are_refused_with_the_list() {
        for image in FlareImage::ALL {
            assert_eq!(image.tag().parse(), Ok(*image));
        }
        let refused = "2.7".parse::<FlareImage>().unwrap_err();
        assert!(refused.hint.unwrap().contains("`2.8.3-distroless`"));
    }
}
