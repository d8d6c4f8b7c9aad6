//! The pages with the figures, `docs/benchmarks.md` above all.

use std::fs;
use std::path::PathBuf;

use crate::workspace_directory;

/// A page. Each bench owns the section between two comments with its name.
#[derive(Debug)]
pub struct Page {
    path: PathBuf,
    marks: [String; 2],
}

impl Page {
    /// The section of `cargo xtask bench NAME`. Checked early, since measuring takes minutes.
    ///
    /// # Panics
    /// If the page cannot be read or has no such section.
    pub fn open(bench: &str) -> Self {
        Self::open_in("docs/benchmarks.md", bench)
    }

    /// The section of a bench in another page of the workspace.
    ///
    /// # Panics
    /// As [`Self::open`].
    pub fn open_in(page: &str, bench: &str) -> Self {
        Self::at(workspace_directory().join(page), bench)
    }

    fn at(path: PathBuf, bench: &str) -> Self {
        let marks = ["begin", "end"].map(|part| format!("<!-- cargo xtask bench {bench}: {part} -->\n"));
        let page = Self { path, marks };
        page.around();
        page
    }

    /// Replaces the section. Other changes of the page meanwhile stay.
    ///
    /// # Panics
    /// As [`Self::open`], and if the page cannot be written.
    pub fn write(&self, section: &str) {
        let [before, after] = self.around();
        let [begin, end] = &self.marks;
        fs::write(&self.path, format!("{before}{begin}{section}{end}{after}")).unwrap();
        eprintln!("wrote {}", self.path.display());
    }

    fn around(&self) -> [String; 2] {
        let shown = self.path.display();
        let text = fs::read_to_string(&self.path).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let [begin, end] = &self.marks;
        let parts = text.split_once(begin).and_then(|(before, rest)| Some([before, rest.split_once(end)?.1]));
        parts.unwrap_or_else(|| panic!("{shown} lacks the comments {begin}{end}")).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Page;

    #[test]
    fn a_bench_replaces_its_own_section_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page.md");
        let section = |bench: &str, text: &str| {
            format!("<!-- cargo xtask bench {bench}: begin -->\n{text}<!-- cargo xtask bench {bench}: end -->\n")
        };
        fs::write(&path, format!("# Page\n\n{}between\n{}after\n", section("one", "old\n"), section("two", ""))).unwrap();
        let (one, two) = (Page::at(path.clone(), "one"), Page::at(path.clone(), "two"));
        two.write("of two\n");
        one.write("new\n");
        let expected = format!("# Page\n\n{}between\n{}after\n", section("one", "new\n"), section("two", "of two\n"));
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }

    #[test]
    #[should_panic(expected = "lacks the comments")]
    fn a_page_without_the_section_is_refused_before_anything_is_measured() {
        let file = tempfile::NamedTempFile::new().unwrap();
        Page::at(file.path().to_path_buf(), "one");
    }
}
