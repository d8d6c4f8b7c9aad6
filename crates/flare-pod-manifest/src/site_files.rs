//! The files of a site that a launch reads, as values: the caller reads them, this crate decides.

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use crate::{
    document::{Findings, Node},
    path::{self, SitePath},
};

/// What was found at a path.
#[derive(Clone, PartialEq, Eq)]
pub enum FileContent {
    /// The file's bytes.
    Bytes(Vec<u8>),
    /// Nothing, or a broken link.
    Missing,
    /// Something that cannot be read as a file, such as a directory.
    Unreadable,
}

impl FileContent {
    /// Whether something was found.
    pub fn exists(&self) -> bool {
        *self != Self::Missing
    }
}

/// Shows only the size: study files name Secrets, and templates may contain anything.
impl fmt::Debug for FileContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "Bytes({})", bytes.len()),
            Self::Missing => formatter.write_str("Missing"),
            Self::Unreadable => formatter.write_str("Unreadable"),
        }
    }
}

/// The files of a site: those directly in `startup/`, and those that [`crate::LaunchRequest::needed_files`] names.
#[derive(Clone, Default)]
pub struct SiteFiles {
    /// Name and content of every regular file directly in `startup/` (a link to one counts); empty without such a directory.
    pub startup: BTreeMap<String, Vec<u8>>,
    files: BTreeMap<SitePath, FileContent>,
    /// The parsed study runtime file, which names templates; `None` if it has faults.
    runtime: OnceLock<Option<Node>>,
}

const MISSING: FileContent = FileContent::Missing;

impl SiteFiles {
    /// Only the files of `startup/`.
    pub fn new(startup: BTreeMap<String, Vec<u8>>) -> Self {
        Self { startup, ..Self::default() }
    }

    /// Adds what was found at a path.
    pub fn insert(&mut self, path: SitePath, content: FileContent) {
        self.runtime = OnceLock::new();
        self.files.insert(path, content);
    }

    /// The study runtime file, parsed once; `None` if it is missing or is not valid YAML.
    pub(crate) fn runtime(&self) -> Option<&Node> {
        let FileContent::Bytes(bytes) = self.file(&SitePath::local(path::STUDY_RUNTIME)) else { return None };
        let parse = || {
            let text = std::str::from_utf8(bytes).ok()?;
            let mut findings = Findings::new("", text);
            crate::document::from_yaml(text, &mut findings).filter(|_| findings.is_empty())
        };
        self.runtime.get_or_init(parse).as_ref()
    }

    pub(crate) fn was_asked_for(&self, path: &SitePath) -> bool {
        self.files.contains_key(path)
    }

    pub(crate) fn file(&self, path: &SitePath) -> &FileContent {
        self.files.get(path).unwrap_or(&MISSING)
    }
}

/// Shows names and sizes: `startup/` contains private keys.
impl fmt::Debug for SiteFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let startup: BTreeMap<_, _> = self.startup.iter().map(|(name, bytes)| (name, bytes.len())).collect();
        formatter.debug_struct("SiteFiles").field("startup", &startup).field("files", &self.files).finish_non_exhaustive()
    }
}
