//! What `test` and `ci` say first: what has to be built, and how long that takes.

use std::path::Path;

use flare_diagnostic::Faults;

use super::{cargo_programs::CargoProgram, pinned, programs::is_file};

/// The line about what is missing in the cache; `None` if nothing has to be built. `lints` are those of CI, which need Cargo
/// subcommands, and `cluster` are the tests that need one.
pub(crate) fn announcement(cache: &Path, root: &Path, lints: bool, cluster: bool) -> Result<Option<String>, Faults> {
    let mut missing = Vec::new();
    let helm = pinned::versions(root, "helm")?.into_iter().filter(|version| !is_file(&pinned::helm(cache, version)));
    missing.extend(helm.map(|version| format!("Helm {version} with Go (3 minutes)")));
    let reference =
        pinned::versions(root, "reference")?.into_iter().filter(|version| !is_file(&pinned::reference(cache, version)));
    missing.extend(reference.map(|version| format!("nvflare {version} with Python (a minute)")));
    if lints {
        let programs = [CargoProgram::deny(cache, root)?, CargoProgram::nextest(cache, root)?];
        missing.extend(programs.iter().filter(|program| !program.is_there()).map(CargoProgram::to_be_made));
    }
    if cluster {
        missing.push("Kubernetes and FLARE's images, where they are missing (20 minutes)".to_owned());
    }
    let made = || format!("made once, into {}: {}\n", cache.display(), missing.join(", "));
    Ok((!missing.is_empty()).then(made))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::pinned, announcement};

    #[test]
    fn what_has_to_be_built_is_announced_with_its_time() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the checkout");
        let cache = tempfile::tempdir().expect("a directory");
        let announced = |lints, cluster| announcement(cache.path(), root, lints, cluster).expect("the versions are pinned");
        let parts = |line: &str| line.matches(" minute").count();

        let (helm, reference) = (pinned::versions(root, "helm").unwrap(), pinned::versions(root, "reference").unwrap());
        let without_cluster = announced(false, false).expect("the cache is empty");
        assert_eq!(parts(&without_cluster), helm.len() + reference.len(), "{without_cluster}");
        assert!(without_cluster.starts_with(&format!("made once, into {}: Helm ", cache.path().display())), "{without_cluster}");
        assert_eq!(parts(&announced(true, true).unwrap()), helm.len() + reference.len() + 3);

        let built = helm.iter().map(|version| pinned::helm(cache.path(), version));
        for file in built.chain(reference.iter().map(|version| pinned::reference(cache.path(), version))) {
            flare_file_tree::write_file(&file, b"", 0o644, false).unwrap();
        }
        assert_eq!(announced(false, false), None);
    }
}
