//! The prepared kit as a value.

use std::path::Path;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place};
use flare_file_tree::{Digest, FileTree, ReadOptions, RelativePath};
use flare_site_plan::SitePlan;
use serde_json::{Map, Value};

use crate::{
    CHART, FileChange, LOCAL, STARTUP, TRANSFER, changes, facts,
    fingerprint::{FileDigests, FingerprintedKit, is_answered_for},
    marker::{MARKER_FILE, Marker, format_of},
    values,
};

/// The permission bits of the marker, the same as of other files that `prepare` makes.
const MARKER_MODE: u32 = 0o644;

/// How much of a kit is held in memory, in bytes: whole kits, but not the data and models that some contain.
const IN_MEMORY: u64 = 8 << 20;
const IN_MEMORY_EACH: u64 = 1 << 20;

/// The files of `local/` that are looked into besides those with facts of the plan: whatever else the kit holds, they are in memory.
const LOOKED_INTO: [&str; 4] =
    ["local/log_config.json", "local/log_config.json.default", "local/study_data.yaml", "local/study_runtime.yaml"];

/// How a prepared directory is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenOptions {
    /// Whether changes that would be refused are warnings: in `startup/`, of the chart's files, of facts that must match.
    pub accept_changes: bool,
}

/// A prepared kit: the plan, and the whole directory.
#[derive(Debug, Clone)]
pub struct PreparedKit {
    plan: SitePlan,
    tree: FileTree,
    digests: FileDigests,
    fingerprint: Digest,
    changes: Vec<FileChange>,
    /// Values that a release gets in addition to the chart's, in their order.
    given_values: Vec<Map<String, Value>>,
}

impl PreparedKit {
    /// Builds a prepared kit: the patched kit, the chart under `helm_chart/`, and the marker. Every file is digested
    /// once, see [`FingerprintedKit`].
    ///
    /// # Errors
    /// `DEPLOY_PREPARE_FAILED` if a file that stayed on disk can no longer be read.
    pub fn assemble(plan: SitePlan, kit: FingerprintedKit, chart: FileTree) -> Result<Self, Faults> {
        let fingerprint = kit.fingerprint();
        let FingerprintedKit { mut tree, mut digests } = kit;
        let directory = RelativePath::literal(CHART);
        digests.add(&directory, &chart)?;
        tree.graft(&directory, chart);
        let [files, other_files] = digests.listed();
        let marker = Marker {
            format_version: format_of(&plan),
            flare_kube: env!("CARGO_PKG_VERSION").to_owned(),
            fingerprint: fingerprint.to_string(),
            plan,
            files,
            other_files,
        };
        tree.insert_file(RelativePath::literal(MARKER_FILE), marker.write(), MARKER_MODE);
        Ok(Self { plan: marker.plan, tree, digests, fingerprint, changes: Vec::new(), given_values: Vec::new() })
    }

    /// Reads a prepared directory back. Large files stay on disk, except those that are parsed.
    ///
    /// # Errors
    /// As [`Self::from_tree`], and `INVALID_PREPARED_KIT` for what cannot be read, including links and devices.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Checked<Self>, Faults> {
        Self::read(path, options, IN_MEMORY)
    }

    /// As [`Self::open`], but only what is looked into is held in memory: for a run that has many kits open at once.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on_disk(path: &Path, options: OpenOptions) -> Result<Checked<Self>, Faults> {
        Self::read(path, options, 0)
    }

    fn read(path: &Path, options: OpenOptions, memory: u64) -> Result<Checked<Self>, Faults> {
        // What users put into `transfer/` is none of the kit's business, such as a link, which a kit must not have.
        let mut reading = ReadOptions::new(Code::InvalidPreparedKit).in_memory(CHART).in_memory(MARKER_FILE).exclude(TRANSFER);
        reading = facts::FILES.into_iter().chain(LOOKED_INTO).fold(reading, ReadOptions::in_memory);
        reading = reading.own_files_in_memory(STARTUP);
        reading.memory = memory;
        reading.on_disk_above = IN_MEMORY_EACH;
        Self::from_tree(FileTree::read(path, &reading)?, options)
    }

    /// Opens a prepared directory that has been read, and finds what has changed since it was made.
    ///
    /// Users may edit `local/`: such edits are accepted, listed in [`Self::changes`], and change the fingerprint. The same
    /// holds for `values.yaml`, as long as the values match the kit. A changed template is a warning.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT`, all faults at once: no marker, or one of a newer format; a changed, missing or extra file in
    /// `startup/`; a missing or extra file of the chart; a value of the chart or a key in `local/` that no longer matches (defect
    /// 34). With [`OpenOptions::accept_changes`] all but those about the marker are warnings.
    pub fn from_tree(tree: FileTree, options: OpenOptions) -> Result<Checked<Self>, Faults> {
        let marker = Marker::parse(tree.bytes(MARKER_FILE).ok_or_else(no_marker)?)?;
        let digests = FileDigests::of(&tree, Code::InvalidPreparedKit, is_answered_for)?;
        let changes = changes::compare(marker.files, &digests);
        let mut found = Collector::new();
        found.extend(changes.iter().filter_map(FileChange::diagnostic));
        if let Some(bytes) = tree.bytes(values::FILE) {
            values::check(bytes, &marker.plan, &mut found);
        }
        facts::check(&tree, &marker.plan, &mut found);
        found.extend(facts::study_conflict(&tree, &marker.plan));
        if options.accept_changes {
            found.accept();
        }
        let fingerprint = digests.fingerprint();
        found.finish(|| Self { plan: marker.plan, tree, digests, fingerprint, changes, given_values: Vec::new() })
    }

    /// Every decided fact.
    pub fn plan(&self) -> &SitePlan {
        &self.plan
    }

    /// The whole directory, including marker and chart; of one that was opened, without `transfer/`.
    pub fn tree(&self) -> &FileTree {
        &self.tree
    }

    /// The fingerprint of the kit as it is now, including edits in `local/`.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// The SHA-256 of a file of `startup/`, `local/` or the chart when the kit was opened, from which the fingerprint is made.
    pub fn digest(&self, path: &RelativePath) -> Option<Digest> {
        self.digests.get(path)
    }

    /// The files that differ from what `prepare` wrote, sorted by path; empty for one that was just assembled.
    pub fn changes(&self) -> &[FileChange] {
        &self.changes
    }

    /// The files of `startup/`, as a separate tree.
    pub fn startup(&self) -> FileTree {
        self.tree.subtree(STARTUP).unwrap_or_default()
    }

    /// The files of `local/`, as a separate tree.
    pub fn local(&self) -> FileTree {
        self.tree.subtree(LOCAL).unwrap_or_default()
    }

    /// The values of the release, as JSON: the chart's as they are now, and over them those of [`Self::give_values`]. The chart's
    /// are an empty object if the file is missing.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT` if they are not YAML or cannot be expressed in JSON.
    pub fn values(&self) -> Result<Value, Faults> {
        let (mut values, mut given) = (self.chart_values()?, Map::new());
        self.given_values.iter().for_each(|one| values::merge(&mut given, one));
        values::lay_over(&mut values, &given);
        Ok(values)
    }

    /// The chart's values as they are now.
    pub(crate) fn chart_values(&self) -> Result<Value, Faults> {
        self.tree.bytes(values::FILE).map_or_else(|| Ok(serde_json::json!({})), values::as_json)
    }

    /// Adds values that the release gets in addition, such as those of a values file: they take precedence over the chart's and
    /// over those that were given earlier. Nothing is written.
    pub fn give_values(&mut self, values: Map<String, Value>) {
        self.given_values.push(values);
    }

    /// The path of the chart, below the directory of the prepared kit.
    pub fn chart_path() -> &'static Path {
        Path::new(CHART)
    }
}

fn no_marker() -> Faults {
    Diagnostic::error(Code::InvalidPreparedKit, format!("there is no `{MARKER_FILE}`: `prepare` did not make this directory"))
        .hint("name the output of `prepare`; one that `nvflare deploy prepare` made must be prepared again")
        .at(Place::file(MARKER_FILE))
        .into()
}
