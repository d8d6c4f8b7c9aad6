//! Fake Helm programs, and the real ones.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use flare_helm::{Helm, ReleaseId, RunLimits};

pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

/// Limits that no test reaches.
pub(crate) fn ample() -> RunLimits<'static> {
    RunLimits { time: Duration::from_mins(1), stop: &NEVER }
}

/// Writes a program that reports the version of a Helm, and otherwise runs the script.
pub(crate) fn program(directory: &Path, version: &str, script: &str) -> PathBuf {
    let path = directory.join("helm");
    fs::write(&path, format!("#!/bin/sh\nif [ \"$1\" = version ]; then echo '{version}'; exit 0; fi\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

pub(crate) fn find(path: &Path) -> Helm {
    Helm::find(Some(path), &[], &ample()).unwrap()
}

pub(crate) fn place() -> ReleaseId {
    let (kubeconfig, context) = (Some("/dev/null/kubeconfig".into()), Some("ctx".to_owned()));
    ReleaseId { release: "site-1".to_owned(), namespace: "fl".to_owned(), kubeconfig, context }
}

/// The real Helm 3 and 4 of the cache; versions are listed in `tools/helm/versions`.
pub(crate) fn real() -> Vec<Helm> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("FLARE_KUBE_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|directory| directory.join("flare-kube")))
        .unwrap_or_else(|| variable("HOME").expect("HOME is set").join(".cache/flare-kube"));
    let versions = fs::read_to_string(workspace.join("tools/helm/versions")).unwrap();
    let programs = versions.lines().map(|version| {
        let path = cache.join(format!("tools/helm-{version}/helm"));
        assert!(path.is_file(), "no Helm at {}: run `tools/helm/build.sh`", path.display());
        let helm = find(&path);
        assert_eq!(helm.version().to_string(), version);
        helm
    });
    programs.collect()
}

/// Waits until a condition holds.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "not in 30 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
