//! The patcher: each file of a kit that Kubernetes needs otherwise has one module here, and nothing else writes it.
//!
//! | file | module |
//! | --- | --- |
//! | `local/resources.json.default`, `local/resources.json` | [`resources`](mod@resources), with [`components`] and [`storage`] |
//! | `local/comm_config.json` | [`comm_config`] |
//! | `local/study_data.yaml`, `local/study_runtime.yaml` | [`study`] |
//! | `startup/*.sh`, `startup/parent.slurm` | [`scripts`] |
//! | modes of private keys | [`private_keys`] |
//!
//! Source: `docs/behaviour.md` section 3.
#![allow(rustdoc::private_intra_doc_links, reason = "the table is for people who change the crate")]
#![doc = include_str!("../README.md")]

mod comm_config;
mod components;
mod dropped;
mod layout;
mod private_keys;
mod provisioned;
mod resources;
mod scripts;
mod signature;
mod source;
mod storage;
mod study;

use flare_diagnostic::{Checked, Collector, Diagnostic, Faults};
use flare_file_tree::{FileTree, RelativePath};
use flare_site_plan::SitePlan;

/// Where the chart of a prepared kit stands. An old one in the kit is not copied, since it is written anew.
const CHART_DIRECTORY: &str = "helm_chart";

/// The permission bits of files that `prepare` makes. Files that it edits keep theirs.
const CREATED_MODE: u32 = 0o644;

/// Turns the tree of a kit into the tree of its prepared copy, without the chart.
///
/// What no rule of section 3 names stays as it is: bytes, modes, empty directories. The edited JSON files keep every value
/// that is not set here as it is written (`1e400`, `10.0`, escapes) and their order of keys.
///
/// Warnings: a replaced component that had settings of its own (defect 22), storage that could not be moved, a signed
/// file that was changed, a `connection_security` of the kit that is overwritten (defect 17), a file that is dropped and was
/// not as `provision` writes it.
///
/// # Errors
/// All faults of all files, each `INVALID_KIT` with its file, line and column (defect 31).
pub fn patch(kit: FileTree, plan: &SitePlan) -> Result<Checked<FileTree>, Faults> {
    let mut found = Collector::new();
    let mut edits = Edits::default();
    resources::edit(&kit, plan, &mut edits, &mut found);
    let edited = comm_config::edit(&kit, plan, &mut edits, &mut found);
    found.keep(edited);
    found.keep(study::edit(&kit, plan, &mut edits));
    scripts::edit(&kit, plan, &mut edits, &mut found);
    dropped::check(&kit, &edits, &mut found);
    signature::check(&kit, &edits, &mut found);
    found.finish(|| edits.apply(kit))
}

/// What is to be done to the tree, collected before anything is done.
#[derive(Default)]
struct Edits {
    removed: Vec<&'static str>,
    written: Vec<(&'static str, String)>,
}

impl Edits {
    fn apply(self, mut tree: FileTree) -> FileTree {
        tree.remove(CHART_DIRECTORY);
        for path in self.removed {
            tree.remove(path);
        }
        for (path, text) in self.written {
            let mode = source::mode(&tree, path).unwrap_or(CREATED_MODE);
            tree.insert_file(RelativePath::literal(path), text, mode);
        }
        private_keys::narrow(&mut tree);
        tree
    }

    /// Takes a file out where it is there. A directory of that name is a fault: directories are never removed.
    fn remove(&mut self, kit: &FileTree, path: &'static str) -> Result<(), Diagnostic> {
        if source::is_present(kit, path)? {
            self.removed.push(path);
        }
        Ok(())
    }
}
