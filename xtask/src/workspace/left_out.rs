//! Counts the tests that a run without a cluster or a browser leaves out, from their sources, so that they need not be compiled.

use std::path::Path;

use flare_diagnostic::{Code, Faults};

/// The largest source file, in bytes.
const LARGEST_SOURCE: u64 = 1 << 20;

/// The sources of a test program: a file, or the files of a directory, one for each module.
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
        let files = flare_file_tree::files(&path).map_err(|error| error.into_diagnostic(Code::CheckFailed))?;
        let mut names = Vec::new();
        for file in files.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
            names.extend(tests_of(&file, &module_of(&file))?);
        }
        Ok(names)
    }
}

/// The prefix of the names of a file's tests.
fn module_of(file: &Path) -> String {
    match file.file_stem().unwrap_or_default().to_string_lossy() {
        name if name == "main" => String::new(),
        name => format!("{name}::"),
    }
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
        assert!(count(Path::new("/none"), programs(), None).is_err(), "a number that is not known is no zero");
    }
}
