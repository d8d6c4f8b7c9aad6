//! The first look, which changes nothing and needs no cluster.

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, shown};
use flare_prepared_kit::{MARKER_FILE, OpenOptions, PreparedKit, TRANSFER};
use flare_site_plan::SitePlan;

use super::{earlier::EarlierKit, input::Input};
use crate::pipeline::{
    difference::{self, FileDifference},
    install, places, prepare,
};

/// What is known before anything is changed.
pub(super) struct Inspection {
    /// The new prepared kit, not yet on disk.
    pub(super) new: PreparedKit,
    /// Whether the output is that kit already.
    pub(super) current: bool,
    pub(super) earlier: EarlierKit,
    /// Only in a dry run: how the prepared kit would change.
    pub(super) changes: Vec<FileDifference>,
}

/// Reads and decides everything.
///
/// # Errors
/// Everything that makes the new kit or its place unusable.
pub(super) fn look(input: &Input) -> Result<Checked<Inspection>, Faults> {
    let mut found = Collector::new();
    let resolved = found.require_checked(prepare::resolve(&input.kit, &input.run))?;
    let earlier = found.require_checked(EarlierKit::find(&input.kit))?;
    found.require(same_place(&earlier.kit, &resolved.plan))?;
    if let Some(file) = &input.backup_file {
        found.require(earlier.check_backup_file(&input.kit, file))?;
    }
    let current = found.require(prepare::is_current(&input.kit, &resolved, &input.run))?;
    let new = if current {
        // It may have been edited since, which is staged as it is.
        found.require_checked(PreparedKit::open(&input.kit.output, OpenOptions::default()))?
    } else {
        found.require_checked(prepare::preview(&input.kit, resolved, &input.run))?
    };
    // What was not prepared yet is in the startup kit.
    let directory = if current { &input.kit.output } else { &input.kit.kit };
    found.require_checked(places::below(install::refuse_what_cannot_work(&new, input.run.now), directory))?;
    // The marker only repeats what changes elsewhere, and what is in `transfer/` stays.
    let shown = [&earlier.kit, &new].map(|kit| {
        let mut tree = kit.tree().clone();
        tree.remove(MARKER_FILE);
        tree.remove(TRANSFER);
        tree
    });
    let changes = if input.run.dry_run && !current { difference::between(&shown[0], &shown[1]) } else { Vec::new() };
    found.finish(|| Inspection { new, current, earlier, changes })
}

/// Refuses a change that would make another participant or another place of it: what runs would be left where it is.
fn same_place(earlier: &PreparedKit, new: &SitePlan) -> Result<(), Faults> {
    let before = earlier.plan();
    let facts = [
        ("participant", before.participant.clone(), new.participant.clone()),
        ("role", before.role.to_string(), new.role.to_string()),
        ("namespace", before.namespace.to_string(), new.namespace.to_string()),
        ("release", before.names.release.to_string(), new.names.release.to_string()),
        ("workspace claim", before.workspace.claim.to_string(), new.workspace.claim.to_string()),
    ];
    let changed = facts.into_iter().filter(|(_, before, new)| before != new).map(|(what, before, new)| {
        let message = format!("the {what} would change from `{}` to `{}`, and what runs there would be left", shown(&before), shown(&new));
        Diagnostic::error(Code::InvalidArgs, message).hint(
            "name the prepared kit of this participant with `--output`; to move a participant, `backup` and `uninstall` it, then prepare and stage it at its new place, `restore` the backup, and install it",
        )
    });
    Faults::check(changed.collect(), || ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> SitePlan {
        serde_json::from_str(include_str!("../../../../crates/flare-helm-chart/tests/plans/client-2.8.json")).unwrap()
    }

    fn prepared(plan: SitePlan) -> PreparedKit {
        let kit = flare_prepared_kit::FingerprintedKit::new(flare_file_tree::FileTree::new()).unwrap();
        PreparedKit::assemble(plan, kit, flare_file_tree::FileTree::new()).unwrap()
    }

    #[test]
    fn another_participant_or_place_is_refused_and_each_difference_named() {
        assert!(same_place(&prepared(plan()), &plan()).is_ok());
        let mut moved = plan();
        moved.participant = "site-2".to_owned();
        moved.namespace = "elsewhere".parse().unwrap();
        moved.workspace.claim = "other".parse().unwrap();
        let refused = same_place(&prepared(plan()), &moved).unwrap_err();
        let messages: Vec<_> = refused.all().iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        for what in ["participant", "namespace", "workspace claim"] {
            assert!(messages.iter().any(|message| message.contains(what)), "{what}: {messages:?}");
        }
        assert!(refused.all().iter().all(|fault| fault.code == Code::InvalidArgs && fault.hint.is_some()));
    }
}
