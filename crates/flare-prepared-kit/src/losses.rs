//! What users added to an earlier output and would lose when it is replaced.

use std::path::Path;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, printable};
use flare_file_tree::{Content, Destination, Entry, FileTree, ReadOptions, RelativePath};

use crate::{
    CHART, LOCAL, MARKER_FILE, TRANSFER,
    changes::{ChangeKind, FileChange},
    existing_output::ExistingOutput,
    fingerprint::key,
    marker::MarkerHead,
};

/// A file that every chart has and that a directory with a copied marker does not.
const CHART_FILE: &str = "helm_chart/Chart.yaml";

/// Checks that an earlier output contains nothing that would be lost: a file that was edited or that the marker does not list,
/// unless the new kit has the same file. `transfer/` is ignored, because the commit keeps it.
///
/// The marker must describe the directory: at least half of the files that it lists are there, unchanged, and a chart. So a
/// marker that was copied somewhere does not make that directory replaceable.
///
/// With `discard` the losses are one warning. `kit` is the patched kit that is about to replace the output, without its chart.
///
/// # Errors
/// `INVALID_ARGS`: each file that would be lost; or a single fault if the marker does not describe the directory.
pub fn check_losses(output: &Path, existing: &ExistingOutput, kit: &FileTree, discard: bool) -> Result<Checked<()>, Faults> {
    let ExistingOutput::Marked { head } = existing else { return Ok(Checked::clean(())) };
    let compared = compare(output, head, kit)?;
    let mut found = Collector::new();
    found.extend(transfer_conflicts(output, kit)?);
    if !compared.changes.is_empty() && !compared.fits(head) {
        found.push(misplaced_marker(output));
    } else if discard && !compared.changes.is_empty() {
        found.push(discarded(output, &compared.changes));
    } else {
        found.extend(compared.changes.iter().map(|change| would_be_lost(output, change)));
    }
    found.finish(|| ())
}

struct Comparison {
    changes: Vec<FileChange>,
    /// How many of the files that the marker lists are unchanged.
    unchanged: usize,
    has_chart: bool,
}

impl Comparison {
    fn fits(&self, head: &MarkerHead) -> bool {
        self.has_chart && self.unchanged * 2 >= head.files.len()
    }
}

fn compare(output: &Path, head: &MarkerHead, kit: &FileTree) -> Result<Comparison, Faults> {
    let mut options = ReadOptions::new(Code::InvalidArgs).exclude(MARKER_FILE).exclude(TRANSFER);
    // Nothing is read into memory: most files are only digested, and those of a foreign directory not even that.
    options.on_disk_above = 0;
    let survey = FileTree::survey(output, &options)?;
    let mut comparison = Comparison { changes: Vec::new(), unchanged: 0, has_chart: survey.tree.is_file(CHART_FILE) };
    for (path, content, _) in survey.tree.files() {
        let kind = match head.written(&key(path)) {
            Some(written) if content.digest().is_ok_and(|digest| digest.to_string() == *written) => {
                comparison.unchanged += 1;
                continue;
            }
            Some(_) => ChangeKind::Edited,
            None => ChangeKind::Added,
        };
        if !is_in(kit, path, content) {
            comparison.changes.push(FileChange { file: path.to_string(), kind });
        }
    }
    let others = survey.others.iter().map(|path| FileChange { file: path.to_string(), kind: ChangeKind::Added });
    comparison.changes.extend(others);
    Ok(comparison)
}

/// Whether the new kit has the same file, so that nothing is lost.
fn is_in(kit: &FileTree, path: &RelativePath, content: &Content) -> bool {
    let Some(Entry::File { content: new, .. }) = kit.get(path) else { return false };
    new.len() == content.len() && matches!((new.digest(), content.digest()), (Ok(new), Ok(old)) if new == old)
}

/// The files of the kit's own `transfer/` that differ in an earlier output, where the earlier ones stay.
fn transfer_conflicts(output: &Path, kit: &FileTree) -> Result<Option<Diagnostic>, Faults> {
    let Some(new) = kit.subtree(TRANSFER).filter(|tree| tree.files().next().is_some()) else { return Ok(None) };
    let earlier = output.join(TRANSFER);
    if !matches!(Destination::inspect(&earlier), Ok(Destination::Directory)) {
        return Ok(None);
    }
    let mut options = ReadOptions::new(Code::InvalidArgs);
    options.on_disk_above = 0;
    let survey = FileTree::survey(&earlier, &options)?;
    let differing: Vec<_> = survey
        .tree
        .files()
        .filter(|(path, content, _)| new.get(*path).is_some() && !is_in(&new, path, content))
        .map(|(path, ..)| format!("`{TRANSFER}/{path}`"))
        .collect();
    let message = format!("the earlier output's {} stay, and the kit has others of these names", differing.join(", "));
    let hint = "remove them from the output, and prepare again to get those of the kit";
    Ok((!differing.is_empty()).then(|| Diagnostic::warning(Code::Notice, message).hint(hint).at(earlier.as_path())))
}

fn misplaced_marker(output: &Path) -> Diagnostic {
    let message = format!(
        "the output `{}` has a `{MARKER_FILE}` that does not describe it: too few of the files that `prepare` wrote are there",
        printable(&output.to_string_lossy()),
    );
    Diagnostic::error(Code::InvalidArgs, message).hint("name another directory with `--output`, or remove this one").at(output)
}

fn would_be_lost(output: &Path, change: &FileChange) -> Diagnostic {
    let message = format!("`{}` was {} after the earlier output was prepared, and would be lost", change.file, change.kind);
    let below = |directory: &str| Path::new(&change.file).starts_with(directory);
    let what = if below(LOCAL) {
        "put it into the startup kit's `local/`, so that it is copied each time"
    } else if below(CHART) {
        "move it out of the output; values of your own can stand anywhere"
    } else {
        "move it out of the output"
    };
    Diagnostic::error(Code::InvalidArgs, message)
        .hint(format!("{what}; or pass `--discard-changes` to lose it"))
        .at(output.join(&change.file).as_path())
}

fn discarded(output: &Path, changes: &[FileChange]) -> Diagnostic {
    let files: Vec<_> = changes.iter().map(|change| format!("`{}`", change.file)).collect();
    let message = format!("files that were added to or changed in the earlier output are discarded: {}", files.join(", "));
    Diagnostic::warning(Code::Notice, message)
        .hint("make such changes in the startup kit, so that they are copied each time")
        .at(output)
}
