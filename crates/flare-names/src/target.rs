//! The releases of FLARE that a kit can be prepared for, and what each of them can do.
//!
//! Only this file knows releases by number. Other code asks for a capability by name, or compares releases by their
//! order, so that a new release is one more row here (see the recipe in `CONTRIBUTING.md`).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a release of FLARE can do, as far as it matters in Kubernetes. Source: `docs/behaviour.md` and `docs/launch-request.md`, which
/// say "2.9" for what came with that release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own, and a release may have any of them")]
pub struct Capabilities {
    /// The newest patch release that was tested, which is the tag of NVIDIA's image: `2.9.0`.
    pub patch_release: &'static str,
    /// What kits of this and later releases contain and earlier ones do not. One mark is enough.
    pub kit_marks: &'static [KitMark],
    /// The link between a parent and its job pods can be mutual TLS, which is the default; without this the link is clear.
    pub internal_mutual_tls: bool,
    /// A job's tokens reach its pod in a Secret of the job; without this they are on the pod's command line.
    pub credentials_in_secret: bool,
    /// `local/study_runtime.yaml` configures the job pods of a study; with `study_data.yaml` beside it no job starts.
    pub study_runtime_file: bool,
    /// There is a Slurm launcher: a mode of `launcher_spec`, a component, and scripts in `startup/`.
    pub slurm: bool,
    /// A job may have its own `pending_timeout`, which is checked to be a number of seconds.
    pub job_pending_timeout: bool,
    /// `resource_spec` requests GPUs, CPUs and memory for every launcher, and has `@default`.
    pub portable_resources: bool,
    /// The launcher reads the events of its job pods.
    pub pod_events: bool,
    /// A parent does not log connections that send nothing, such as a probe's (other releases log two lines for each).
    pub quiet_parent_port: bool,
    /// The scheme `shared-file` of the internal link is refused; without this it is overwritten.
    pub refuses_shared_file: bool,
    /// A job whose block for a site has an image or a Python brings its own code there, and the site's policy decides.
    pub own_image_is_own_code: bool,
}

/// Something in a kit that tells which release provisioned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KitMark {
    /// `class_allow_list` exists.
    ClassAllowList,
    /// A class in `class_allow_list`.
    AllowedClass(&'static str),
    /// A permission in `authorization.json.default`.
    Right(&'static str),
    /// A file in `startup/`.
    StartupFile(&'static str),
}

/// Declares the releases, oldest first, each with all of its capabilities.
macro_rules! releases {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal: $capabilities:expr;)+) => {
        /// The FLARE release line that a prepared kit is made for. A later release is greater.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Target {
            $($(#[doc = $doc])+ #[serde(rename = $number)] $name,)+
        }

        impl Target {
            /// All targets, oldest first.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$name),+];

            /// The release line as FLARE writes it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $number,)+
                }
            }

            /// What the release can do.
            pub const fn capabilities(self) -> &'static Capabilities {
                match self {
                    $(Self::$name => const { &$capabilities },)+
                }
            }
        }
    };
}

releases! {
    /// nvflare 2.8, which the user guide describes.
    V2_8 = "2.8": Capabilities {
        patch_release: "2.8.3",
        kit_marks: &[KitMark::ClassAllowList],
        internal_mutual_tls: false,
        credentials_in_secret: false,
        study_runtime_file: false,
        slurm: false,
        job_pending_timeout: false,
        portable_resources: false,
        pod_events: false,
        quiet_parent_port: false,
        refuses_shared_file: false,
        own_image_is_own_code: false,
    };
    /// nvflare 2.9.
    V2_9 = "2.9": Capabilities {
        patch_release: "2.9.0",
        kit_marks: &[
            KitMark::AllowedClass("nvflare.app_common.aggregators.collect_and_assemble_aggregator.CollectAndAssembleAggregator"),
            KitMark::AllowedClass("nvflare.app_common.widgets.metrics_artifact_writer.MetricsArtifactWriter"),
            KitMark::AllowedClass("nvflare.app_common.ccwf.server_ctl.ServerSideController"),
            KitMark::Right("server-predeployed-flwr"),
            KitMark::StartupFile("start_slurm.sh"),
        ],
        internal_mutual_tls: true,
        credentials_in_secret: true,
        study_runtime_file: true,
        slurm: true,
        job_pending_timeout: true,
        portable_resources: true,
        pod_events: true,
        quiet_parent_port: true,
        refuses_shared_file: true,
        own_image_is_own_code: true,
    };
}

/// The release that the user guide describes, for when neither flag, image nor kit names one.
impl Default for Target {
    fn default() -> Self {
        Self::V2_8
    }
}

impl Target {
    /// The oldest release that has a capability; `None` if no release has it.
    ///
    /// ```
    /// use flare_names::Target;
    /// let first = Target::first_with(|release| release.study_runtime_file).expect("a release with it");
    /// assert_eq!(first.as_str(), "2.9");
    /// ```
    pub fn first_with(has: impl Fn(&Capabilities) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|target| has(target.capabilities()))
    }

    /// The releases with a capability as part of a sentence: `FLARE 2.9 and later`.
    ///
    /// ```
    /// use flare_names::Target;
    /// assert_eq!(Target::since(|release| release.study_runtime_file), "FLARE 2.9 and later");
    /// assert_eq!(Target::since(|_| false), "no release of FLARE");
    /// ```
    pub fn since(has: impl Fn(&Capabilities) -> bool) -> String {
        Self::first_with(has).map_or_else(|| "no release of FLARE".to_owned(), |first| format!("FLARE {first} and later"))
    }

    /// Defect 33: whether the study files of a site make the release refuse to start its jobs.
    ///
    /// A release without `study_runtime_file` does not know the runtime file and ignores it.
    pub const fn study_files_conflict(self, has_data: bool, has_runtime: bool) -> bool {
        has_data && has_runtime && self.capabilities().study_runtime_file
    }

    /// The release that a version of nvflare or the tag of an image names, if it names one and that is another one than this.
    ///
    /// ```
    /// use flare_names::Target;
    /// assert_eq!(Target::default().other_release("2.9.0-py313").as_deref(), Some("2.9"));
    /// assert_eq!(Target::default().other_release("latest"), None);
    /// ```
    pub fn other_release(self, version: &str) -> Option<String> {
        release_of(version).filter(|release| release != self.as_str())
    }

    /// Targets as part of a sentence: `2.8 or 2.9`, `2.8, 2.9 or 2.10`.
    pub fn choice(targets: &[Self]) -> String {
        match targets {
            [] => "none".to_owned(),
            [one] => one.to_string(),
            [others @ .., last] => {
                let others: Vec<_> = others.iter().map(|target| target.as_str()).collect();
                format!("{} or {last}", others.join(", "))
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The release that a version of nvflare or the tag of an image names: `2.9` from `2.9`, `2.9.0`, `v2.9.1-gpu`, `2.9rc1`; `None` if the text
/// does not begin with a FLARE 2 release. Also returns unknown releases, such as `2.10`.
pub fn release_of(version: &str) -> Option<String> {
    let rest = version.strip_prefix('v').unwrap_or(version).strip_prefix("2.")?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let minor: u16 = rest[..digits].parse().ok()?;
    let plausible =
        minor < 100 && !rest[digits..].starts_with(|c: char| c == '_' || c.is_ascii_alphanumeric() && !"rabd".contains(c));
    plausible.then(|| format!("2.{minor}"))
}

/// A release line that flare-kube does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown target `{}`; use {}", flare_diagnostic::shown(.0), Target::choice(&Target::ALL))]
pub struct UnknownTarget(String);

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|target| target.as_str() == text).ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_or_a_tag_names_its_release_or_none() {
        for (version, release) in [
            ("2.9", Some("2.9")),
            ("2.9.0", Some("2.9")),
            ("v2.9.1-gpu", Some("2.9")),
            ("2.9rc1", Some("2.9")),
            ("2.8.3+local", Some("2.8")),
            ("2.10.0", Some("2.10")),
            ("2", None),
            ("2.", None),
            ("2.x", None),
            ("2.9x", None),
            ("2.9_1", None),
            ("2.100", None),
            ("3.0", None),
            ("latest", None),
            ("12.9", None),
            ("", None),
        ] {
            assert_eq!(release_of(version).as_deref(), release, "{version}");
        }
        assert_eq!(Target::V2_9.other_release("2.9.0"), None);
        assert_eq!(Target::V2_9.other_release("2.8.3").as_deref(), Some("2.8"));
    }

    #[test]
    fn releases_are_ordered_by_their_numbers_and_read_back() {
        let number = |target: Target| target.as_str().split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
        for pair in Target::ALL.windows(2) {
            assert!(pair[0] < pair[1] && number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        for target in Target::ALL {
            assert_eq!(target.as_str().parse(), Ok(target));
            assert_eq!(serde_json::to_value(target).unwrap(), serde_json::json!(target.as_str()));
            assert!(target.capabilities().patch_release.starts_with(&format!("{target}.")));
            assert!(!target.capabilities().kit_marks.is_empty(), "nothing tells kits of {target}");
        }
    }

    #[test]
    fn defect_33_study_files_conflict_where_the_release_knows_both() {
        for target in Target::ALL {
            let knows_both = target.capabilities().study_runtime_file;
            for (has_data, has_runtime, expected) in
                [(true, true, knows_both), (true, false, false), (false, true, false), (false, false, false)]
            {
                assert_eq!(target.study_files_conflict(has_data, has_runtime), expected, "{target} {has_data} {has_runtime}");
            }
        }
    }

    #[test]
    fn choices_are_written_as_a_sentence() {
        let [first, second] = [Target::ALL[0], Target::ALL[1]];
        assert_eq!(Target::choice(&[]), "none");
        assert_eq!(Target::choice(&[first]), "2.8");
        assert_eq!(Target::choice(&[first, second]), "2.8 or 2.9");
        assert_eq!(Target::choice(&[first, second, second]), "2.8, 2.9 or 2.9");
        assert!("2.7".parse::<Target>().unwrap_err().to_string().ends_with(&Target::choice(&Target::ALL)));
    }
}
