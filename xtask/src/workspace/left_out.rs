//! Counts the tests that a run without a cluster or a browser leaves out, from their sources, so that they need not be compiled.

use std::path::Path;

use flare_diagnostic::{Code, Faults};

/// The largest source file, in bytes.
const LARGEST_SOURCE: u64 = 1 << 20;

/// The sources of a test program: a file, or the files of a directory and those below it, one for each module.
pub(crate) struct TestProgram {
    /// Its name, for `cargo test --test`.
    pub(crate) name: &'static str,
    /// Its sources, below the root of the checkout.
    sources: &'static str,
}

/// The tests that use a cluster.
pub(crate) const CLUSTER_TESTS: [TestProgram; 1] = [TestProgram { name: "cluster", sources: "tests/cluster" }];

/// The tests of local clusters themselves, of their images and their registries.
pub(crate) const TESTBED_TESTS: [TestProgram; 3] = [
    TestProgram { name: "lifecycle", sources: "tests/lifecycle" },
    TestProgram { name: "images", sources: "crates/flare-testbed/tests/images.rs" },
    TestProgram { name: "registries", sources: "crates/flare-testbed/tests/registries.rs" },
];

/// The tests of HTML pages in a real browser.
pub(crate) const BROWSER_TESTS: [TestProgram; 1] =
    [TestProgram { name: "browser", sources: "crates/flare-report/tests/browser.rs" }];

/// How many tests of these programs match the filter.
pub(crate) fn count<'program>(
    root: &Path,
    programs: impl IntoIterator<Item = &'program TestProgram>,
    filter: Option<&str>,
) -> Result<usize, Faults> {
    let mut count = 0;
    for program in programs {
        let names = program.tests(root)?;
        count += names.iter().filter(|name| filter.is_none_or(|filter| name.contains(filter))).count();
    }
    Ok(count)
}

impl TestProgram {
    /// The names of its tests, as they are shown and filtered: `module::function`.
    fn tests(&self, root: &Path) -> Result<Vec<String>, Faults> {
        let path = root.join(self.sources);
        if path.extension().is_some_and(|ending| ending == "rs") {
            return tests_of(&path, "");
        }
        tests_below(&path, "")
    }
}

/// The tests of a directory's files and of those below it. A directory is a module, whose own tests are in its `mod.rs` or beside it.
fn tests_below(directory: &Path, module: &str) -> Result<Vec<String>, Faults> {
    let failed = |error: flare_file_tree::DiskError| error.into_diagnostic(Code::CheckFailed);
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut names = Vec::new();
    for file in flare_file_tree::files(directory).map_err(failed)? {
        if file.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let module = match name(&file).as_str() {
            "main" | "mod" => module.to_owned(),
            file => format!("{module}{file}::"),
        };
        names.extend(tests_of(&file, &module)?);
    }
    for below in flare_file_tree::directories(directory).map_err(failed)? {
        names.extend(tests_below(&below, &format!("{module}{}::", name(&below)))?);
    }
    Ok(names)
}

fn tests_of(file: &Path, module: &str) -> Result<Vec<String>, Faults> {
    let bytes = flare_file_tree::read_file(file, LARGEST_SOURCE, Code::CheckFailed, Code::CheckFailed)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut is_test = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        is_test |= line == "#[test]";
        if let (true, Some(function)) = (is_test, line.strip_prefix("fn ")) {
            names.push(format!("{module}{}", function.split('(').next().unwrap_or_default()));
            is_test = false;
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_tests_of_every_program_are_found_and_filtered_by_their_names() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let programs = || CLUSTER_TESTS.iter().chain(&TESTBED_TESTS).chain(&BROWSER_TESTS);
        for program in programs() {
            assert!(!program.tests(&root).unwrap().is_empty(), "no test of `{}` was found", program.name);
        }
        let all = count(&root, programs(), None).unwrap();
        let probes = count(&root, programs(), Some("probes::")).unwrap();
        assert!(0 < probes && probes < all, "{probes} of {all}");
        assert_eq!(count(&root, programs(), Some("no such test")).unwrap(), 0);
        for below in ["launch::ends::", "verify_faults::pod::"] {
            assert!(count(&root, programs(), Some(below)).unwrap() > 0, "no test of `{below}` was found");
        }
        assert!(count(Path::new("/none"), programs(), None).is_err(), "a number that is not known is not zero");
    }

    /// Cargo and nextest choose them by their names alone.
    #[test]
    fn no_other_program_of_the_workspace_has_the_name_of_one_that_is_left_out() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let crates = flare_file_tree::directories(&root.join("crates")).unwrap();
        let directories: Vec<_> = crates.iter().map(|one| one.join("tests")).chain([root.join("tests")]).collect();
        for program in CLUSTER_TESTS.iter().chain(&TESTBED_TESTS).chain(&BROWSER_TESTS) {
            let named = |directory: &Path| [directory.join(format!("{}.rs", program.name)), directory.join(program.name)];
            let found: Vec<_> = directories
                .iter()
                .flat_map(|one| named(one))
                .filter(|path| !matches!(flare_file_tree::Destination::inspect(path), Ok(flare_file_tree::Destination::Absent)))
                .collect();
            assert_eq!(found, [root.join(program.sources)], "{}", program.name);
        }
    }

    #[test]
    fn a_test_in_a_directory_below_is_counted_with_its_modules() {
        let directory = tempfile::tempdir().unwrap();
        for (file, test) in [
            ("main.rs", "at_the_root"),
            ("launch/mod.rs", "of_the_directory"),
            ("launch/ends.rs", "of_a_file"),
            ("launch/end/deep.rs", "of_a_file_below"),
            ("launch/notes.txt", "of_no_source"),
        ] {
            let text = format!("#[test]\nfn {test}() {{}}\n");
            flare_file_tree::write_file(&directory.path().join(file), text.as_bytes(), 0o644, false).unwrap();
        }
        let names = tests_below(directory.path(), "").unwrap();
        let expected =
            ["at_the_root", "launch::ends::of_a_file", "launch::of_the_directory", "launch::end::deep::of_a_file_below"];
        assert_eq!(names, expected);
    }
}
