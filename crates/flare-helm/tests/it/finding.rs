//! Which Helm is used, and which is refused.

use std::path::Path;

use flare_diagnostic::Code;
use flare_helm::Helm;
use tempfile::TempDir;

use crate::support::{ample, program};

#[test]
fn the_first_program_of_the_search_path_is_taken_unless_one_is_named() {
    let [empty, first, second] = [(); 3].map(|()| TempDir::new().unwrap());
    // A file that is not executable, and a directory, are not programs.
    std::fs::write(empty.path().join("helm"), "").unwrap();
    program(first.path(), "v3.20.0", "");
    let named = program(second.path(), "v4.1.0+g123", "");
    let path = [Path::new("/nowhere"), empty.path(), first.path(), second.path()].map(Path::to_path_buf);
    assert_eq!(Helm::find(None, &path, &ample()).unwrap().version().to_string(), "3.20.0");
    assert_eq!(Helm::find(Some(&named), &path, &ample()).unwrap().version().to_string(), "4.1.0+g123");
}

#[test]
fn a_name_without_a_slash_is_looked_up_in_the_search_path() {
    let [first, second] = [(); 2].map(|()| TempDir::new().unwrap());
    program(first.path(), "v3.20.0", "");
    let other = program(second.path(), "v4.1.0", "");
    std::fs::rename(&other, other.with_file_name("helm4")).unwrap();
    let path = [first.path(), second.path()].map(Path::to_path_buf);
    let version = |name: &str| Helm::find(Some(Path::new(name)), &path, &ample()).map(|helm| helm.version().to_string());
    assert_eq!(version("helm").unwrap(), "3.20.0");
    assert_eq!(version("helm4").unwrap(), "4.1.0");
    assert_eq!(version("helm5").unwrap_err().message, "there is no `helm5` on `PATH`");
    assert_eq!(version("./helm4").unwrap_err().code, Code::HelmNotFound, "a path is none of the search path's");
}

#[test]
fn a_helm_that_is_missing_or_not_driven_has_its_own_code_and_a_hint() {
    let directory = TempDir::new().unwrap();
    let find = |given: Option<&Path>| Helm::find(given, &[directory.path().to_path_buf()], &ample()).unwrap_err();
    let missing = find(None);
    assert_eq!((missing.code, missing.message.as_str()), (Code::HelmNotFound, "there is no `helm` on `PATH`"));
    assert_eq!(find(Some(Path::new("/nowhere/helm"))).code, Code::HelmNotFound);
    for version in ["v2.17.0", "v3.12.3", "v5.0.0", "not a version"] {
        let path = program(directory.path(), version, "");
        for fault in [find(None), find(Some(&path))] {
            assert_eq!(fault.code, Code::HelmNotSupported, "{version}");
            assert!(fault.hint.unwrap().contains("3.13.0"), "{version}");
        }
    }
    let other = directory.path().join("helm");
    std::fs::write(&other, "#!/bin/sh\nexit 3\n").unwrap();
    assert_eq!(find(None).code, Code::HelmNotSupported);
    std::fs::write(&other, "#!/nowhere/interpreter\n").unwrap();
    assert!(matches!(find(None).code, Code::HelmNotFound | Code::HelmNotSupported));
}
