//! `docs/benchmarks.md`, which keeps the figures.

use std::fs;
use std::path::PathBuf;

use crate::workspace_directory;

/// The page, of which each bench owns what stands between two comments with its name.
#[derive(Debug)]
pub struct Page {
    path: PathBuf,
    marks: [String; 2],
}

impl Page {
    /// The section of `cargo xtask bench NAME`. Looks for it at once, since measuring takes minutes.
    ///
    /// # Panics
    /// Where the page cannot be read or has no such section.
    pub fn open(bench: &str) -> Self {
        let marks = ["begin", "end"].map(|part| format!("<!-- cargo xtask bench {bench}: {part} -->\n"));
        let page = Self { path: workspace_directory().join("docs/benchmarks.md"), marks };
        page.around();
        page
    }

    /// Replaces the section. What others wrote on the page meanwhile stays.
    ///
    /// # Panics
    /// As [`Self::open`], and where the page cannot be written.
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
