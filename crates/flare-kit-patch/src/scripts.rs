//! The start scripts of `startup/`: a pod is started by its command, so a script run in it would start a second parent.

use flare_diagnostic::Collector;
use flare_file_tree::FileTree;
use flare_site_plan::SitePlan;

use crate::edits::Edits;

/// The scripts that every release has.
const SCRIPTS: [&str; 5] =
    ["startup/start.sh", "startup/sub_start.sh", "startup/stop_fl.sh", "startup/docker.sh", "startup/start_docker.sh"];

/// The scripts for Slurm.
const SLURM_SCRIPTS: [&str; 2] = ["startup/start_slurm.sh", "startup/parent.slurm"];

pub(crate) fn edit(kit: &FileTree, plan: &SitePlan, edits: &mut Edits, found: &mut Collector) {
    let slurm: &[_] = if plan.replaces_slurm() { &SLURM_SCRIPTS } else { &[] };
    for script in SCRIPTS.iter().chain(slurm) {
        found.keep(edits.remove(kit, script));
    }
}
