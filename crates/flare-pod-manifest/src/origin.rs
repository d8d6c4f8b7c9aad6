//! Where the value of a field came from, to answer questions such as "why does my pod request 1Gi?".

use std::fmt;

use serde::Serialize;

/// The source of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// `launcher_spec.default.k8s` of the job.
    JobDefault,
    /// `launcher_spec[site].k8s` of the job.
    JobSite,
    /// `resource_spec[site].k8s` of the job, the legacy place.
    JobLegacy,
    /// `resource_spec["@default"]` of the job (2.9).
    ResourceDefault,
    /// `resource_spec[site]` of the job.
    ResourceSite,
    /// The job itself: its id and study.
    Job,
    /// The launcher's arguments at the site (`job_launcher` in k8s.yaml).
    Site,
    /// A default of the site that only flare-kube's launcher knows (`job_launcher` in k8s.yaml, `prepare --launcher flare-kube`).
    SiteDefault,
    /// The default of FLARE's launcher.
    LauncherDefault,
    /// The study's entry in `study_data.yaml`.
    StudyData,
    /// The study's entry in `local/study_runtime.yaml` (2.9).
    StudyRuntime,
    /// The study's pod template (2.9).
    Template,
    /// The parent process: its arguments for the job process, its name, its tokens.
    Parent,
    /// The files of the kit's `startup/`.
    StartupKit,
    /// Fixed by FLARE's launcher.
    Launcher,
    /// Added by flare-kube; see [`crate::Additions`].
    Addition,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::JobDefault => "job: launcher_spec.default.k8s",
            Self::JobSite => "job: launcher_spec of the site",
            Self::JobLegacy => "job: resource_spec of the site, k8s block",
            Self::ResourceDefault => "job: resource_spec.@default",
            Self::ResourceSite => "job: resource_spec of the site",
            Self::Job => "job",
            Self::Site => "site: launcher arguments",
            Self::SiteDefault => "site: job_launcher in k8s.yaml",
            Self::LauncherDefault => "launcher's default",
            Self::StudyData => "site: study_data.yaml",
            Self::StudyRuntime => "site: study_runtime.yaml",
            Self::Template => "site: pod template",
            Self::Parent => "parent process",
            Self::StartupKit => "site: startup/",
            Self::Launcher => "launcher, fixed",
            Self::Addition => "added by flare-kube",
        })
    }
}

/// A value with its source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Sourced<T> {
    pub(crate) fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}
