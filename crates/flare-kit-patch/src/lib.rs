//! The patcher: each file of a kit that must differ in Kubernetes has one module here, and nothing else writes it.
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
mod edits;
mod json_file;
mod layout;
mod private_keys;
mod provisioned;
mod resources;
mod scripts;
mod signature;
mod storage;
mod study;

use flare_diagnostic::{Checked, Collector, Faults};
use flare_file_tree::FileTree;
use flare_site_plan::SitePlan;

use crate::edits::Edits;

/// Turns the tree of a kit into the tree of its prepared copy, without the chart.
///
/// Everything that section 3 does not name stays as it is: bytes, modes, empty directories. The edited JSON files keep every
/// value that is not set here as written (`1e400`, `10.0`, escapes) and their order of keys.
///
/// Warnings: a replaced component that had its own settings (defect 22), storage that could not be moved, a signed
/// file that was changed, a `connection_security` of the kit that is overwritten (defect 17), a dropped file that differs
/// from what `provision` writes.
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
