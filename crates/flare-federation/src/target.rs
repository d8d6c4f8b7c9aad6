//! For which FLARE release a kit is prepared if none is requested: the one of the image's tag, otherwise the one of the kit.

use std::fmt;

use flare_diagnostic::{Code, Diagnostic};
use flare_names::{Target, release_of};
use flare_site_config::image::ImageReference;

use crate::release::Provisioned;

/// What decided the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A flag of the command line.
    Flag,
    /// `defaults.target` of `federation.yaml`.
    Federation,
    /// The tag of this image.
    ImageTag(String),
    /// The kit's templates, which differ between releases.
    Kit,
    /// Neither image nor kit shows a release.
    Default,
}

/// Shows the reason as the second half of a sentence: `target 2.9: …`.
impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => formatter.write_str("`--target` says so"),
            Self::Federation => formatter.write_str("`defaults.target` says so"),
            Self::ImageTag(image) => write!(formatter, "the tag of the image `{image}` says so"),
            Self::Kit => formatter.write_str("the kit was provisioned by this release"),
            Self::Default => formatter.write_str("the default, since neither image nor kit tell"),
        }
    }
}

/// A target, and what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The release that the kit is prepared for.
    pub target: Target,
    /// What decided it.
    pub reason: Reason,
    /// `RELEASE_MISMATCH` if the image's tag decided and the kit is of another release.
    pub warning: Option<Diagnostic>,
}

/// Decides the target: the one `asked` for, then the image's tag, then the kit, then [`Target::default`].
///
/// A tag counts if it begins with a known release (`2.9.0-py313`, `v2.8`); `latest`, a digest alone and other numbering
/// schemes do not.
pub fn decide(asked: Option<(Target, Reason)>, image: Option<&ImageReference>, provisioned: Provisioned) -> Decision {
    if let Some((target, reason)) = asked {
        return Decision { target, reason, warning: None };
    }
    let tagged = image.and_then(|image| Some((image, release_of_image(image)?)));
    match (tagged, provisioned) {
        (Some((image, target)), kit) => {
            let warning = match kit {
                Provisioned::By(release) if release != target => Some(mismatch(image, target, release)),
                _ => None,
            };
            Decision { target, reason: Reason::ImageTag(image.to_string()), warning }
        }
        (None, Provisioned::By(target)) => Decision { target, reason: Reason::Kit, warning: None },
        (None, Provisioned::Unknown) => Decision { target: Target::default(), reason: Reason::Default, warning: None },
    }
}

/// The release that an image's tag names, if kits can be prepared for it.
pub fn release_of_image(image: &ImageReference) -> Option<Target> {
    release_of(image.tag.as_deref()?)?.parse().ok()
}

fn mismatch(image: &ImageReference, target: Target, kit: Target) -> Diagnostic {
    let message = format!(
        "the image `{image}` is of FLARE {target} by its tag, and the kit was provisioned by FLARE {kit}; it is prepared for {target}"
    );
    Diagnostic::warning(Code::ReleaseMismatch, message).hint(format!(
        "use an image of FLARE {kit}, or provision again with FLARE {target}; `--target {target}` accepts it as it is"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_decides_then_the_kit_then_the_default() {
        let (old, new) = (Target::V2_8, Target::V2_9);
        let by = Provisioned::By;
        for (image, kit, expected, warned) in [
            ("nvcr.io/nvidia/nvflare:2.9.0-py313", by(new), new, false),
            ("registry:5000/a/flare:2.9.1rc5", by(old), new, true),
            ("registry:5000/a/flare:v2.8", by(new), old, true),
            ("a:2.9.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Provisioned::Unknown, new, false),
            ("a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", by(new), new, false),
            ("registry.example.com/nvflare-2.9/client:latest", by(old), old, false),
            ("a:latest", by(new), new, false),
            ("a:3.1", by(new), new, false),
            ("a:2.99.0", by(new), new, false),
            ("a:1.2.9", Provisioned::Unknown, old, false),
            ("registry:5000/nvflare", Provisioned::Unknown, old, false),
        ] {
            let reference: ImageReference = image.parse().unwrap();
            let decision = decide(None, Some(&reference), kit);
            assert_eq!(decision.target, expected, "{image}");
            assert_eq!(decision.warning.is_some(), warned, "{image}: {:?}", decision.warning);
            let asked = decide(Some((old, Reason::Flag)), Some(&reference), kit);
            assert_eq!((asked.target, asked.warning), (old, None), "what is asked for wins without a word");
        }
        let none = decide(None, None, Provisioned::Unknown);
        assert_eq!((none.target, none.reason), (old, Reason::Default));
    }

    #[test]
    fn a_disagreement_names_both_releases() {
        let image: ImageReference = "a:2.9.0".parse().unwrap();
        let warning = decide(None, Some(&image), Provisioned::By(Target::V2_8)).warning.unwrap();
        assert_eq!(warning.code, Code::ReleaseMismatch);
        assert!(warning.message.contains("`a:2.9.0`") && warning.message.contains("2.8"), "{}", warning.message);
    }
}
