//! Which program starts job pods, and the keys of `job_launcher` that only flare-kube's reads.

use flare_diagnostic::{Code, Collector, Diagnostic};
use flare_names::Target;
use flare_site_config::{JobPodDefaults, SiteConfig};

use crate::plan::JobLauncher;

/// Which program is to start job pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LauncherChoice {
    /// FLARE's own launcher.
    #[default]
    Flare,
    /// flare-kube's, which takes more keys of `job_launcher`.
    FlareKube,
}

pub(crate) fn decide(config: &SiteConfig, launcher: LauncherChoice) -> JobLauncher {
    match launcher {
        LauncherChoice::Flare => JobLauncher::Flare,
        LauncherChoice::FlareKube => JobLauncher::FlareKube(Box::new(JobPodDefaults::of(&config.job_launcher))),
    }
}

/// Keys that only flare-kube's launcher reads would have no effect with FLARE's; and FLARE's parents start theirs until they are
/// given another.
pub(crate) fn check(config: &SiteConfig, target: Target, launcher: LauncherChoice, found: &mut Collector) {
    let written = JobPodDefaults::KEYS.iter().filter_map(|key| {
        let path = format!("job_launcher.{key}");
        config.place(&path).cloned().map(|place| (path, place))
    });
    let mut written: Vec<_> = written.collect();
    written.sort_by(|(_, one), (_, other)| (&one.file, one.position).cmp(&(&other.file, other.position)));
    match launcher {
        LauncherChoice::Flare => found.extend(written.into_iter().map(|(path, place)| {
            let message = format!("FLARE's own launcher does not know `{path}`: only flare-kube's takes it");
            let hint = "pass `--launcher flare-kube`, or remove the key";
            Diagnostic::error(Code::InvalidConfig, message).hint(hint).at(place)
        })),
        LauncherChoice::FlareKube => found.extend(written.into_iter().next().map(|(path, place)| {
            let message = format!(
                "`{path}` and the like count for the pods of flare-kube's `launch`: the parent still starts job pods with FLARE's own launcher, without them"
            );
            let hint = if target.capabilities().study_runtime_file {
                "start jobs with `launch run`, or give a study its own pod template in local/study_runtime.yaml"
            } else {
                "start jobs with `launch run`"
            };
            Diagnostic::warning(Code::Notice, message).hint(hint).at(place)
        })),
    }
}
