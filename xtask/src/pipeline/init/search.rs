//! Searches a provisioned directory: kits are read, everything else is left out, with a warning that names it.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Collector, Diagnostic, Faults, printable};
use flare_federation::init::ProvisionedKit;
use flare_startup_kit::DirectoryKind;

use super::found_kit::{FoundKit, name_of, read_kit};
use crate::pipeline::kit_directory::{self, kits_in, names, refused};

pub(super) const NAME_THE_DIRECTORY: &str =
    "name the directory that `nvflare provision` made, such as `workspace/project/prod_00`";

/// The state of a search.
pub(super) struct Search<'run> {
    output: &'run Path,
    now: i64,
    pub(super) kits: Vec<FoundKit>,
    /// Directories without a file of a kit.
    pub(super) unrelated: Vec<PathBuf>,
    /// Directories that contain kits themselves.
    pub(super) above: Vec<PathBuf>,
    /// The faults of kits, and warnings about what is left out.
    pub(super) diagnostics: Collector,
}

impl<'run> Search<'run> {
    pub(super) fn new(output: &'run Path, now: i64) -> Self {
        Self { output, now, kits: Vec::new(), unrelated: Vec::new(), above: Vec::new(), diagnostics: Collector::new() }
    }

    fn fault(&mut self, directory: &Path, message: String, hint: &str) {
        self.diagnostics.push(Diagnostic::error(Code::InvalidKit, message).hint(hint).at(directory));
    }

    fn left_out(&mut self, path: &Path, reason: &str, hint: &str) {
        let message = format!("`{}` is left out: {reason}", name_of(path));
        self.diagnostics.push(Diagnostic::warning(Code::Notice, message).hint(hint).at(path));
    }

    pub(super) fn look_at(&mut self, directory: PathBuf) {
        let kind = match kit_directory::kind(&directory) {
            Ok(kind) => kind,
            Err(error) => return self.diagnostics.push(refused(error, "make the directory readable")),
        };
        match kind {
            DirectoryKind::Kit(_) => self.read(directory),
            DirectoryKind::AdminKit => {
                self.left_out(&directory, "it is an admin's kit", "admins work from their own machines, not in Kubernetes");
            }
            DirectoryKind::RelayKit => {
                self.left_out(&directory, "it is a relay's kit", "flare-kube prepares servers and clients only");
            }
            DirectoryKind::Prepared => {
                self.left_out(&directory, "it is an output of `prepare`", "move it away if it is no longer needed");
            }
            DirectoryKind::Ambiguous(files) => {
                let message = format!("`{}` has more than one role file: {}", name_of(&directory), quoted(&files));
                self.fault(&directory, message, "keep the one that provision made for this participant");
            }
            DirectoryKind::Damaged(traces) => {
                let message =
                    format!("`{}` has {} but no role file: {}", name_of(&directory), quoted(&traces), kit_directory::EXPECTED);
                self.fault(&directory, message, "take the kit as provision made it, or move the directory away");
            }
            DirectoryKind::Unrelated => self.look_below(directory),
        }
    }

    /// Handles a directory that contains kits. An archive that was unpacked into a directory of its own name is a site that would be
    /// missed; other directories with kits, such as backups, are not.
    fn look_below(&mut self, directory: PathBuf) {
        let below = kits_in(&directory);
        if below.iter().any(|kit| kit.file_name() == directory.file_name()) {
            let message = format!("the kit `{0}` stands one directory too deep, in `{0}/{0}`", name_of(&directory));
            self.fault(&directory, message, "move its files one directory up");
        } else if !below.is_empty() {
            let reason = format!("it is not a kit, but holds some: {}", names(&below));
            self.left_out(&directory, &reason, "run `init` on that directory if its kits are meant");
            self.above.push(directory);
        } else {
            self.unrelated.push(directory);
        }
    }

    fn read(&mut self, directory: PathBuf) {
        // Two paths of the same directory are one kit.
        let real = flare_file_tree::resolved(&directory);
        if let Some(first) = self.kits.iter().find(|one| flare_file_tree::resolved(&one.directory) == real) {
            let reason = format!("it leads to the same directory as `{}`", name_of(&first.directory));
            return self.left_out(&directory, &reason, "nothing is missing; remove the link to be rid of this warning");
        }
        let kit = self.diagnostics.keep(read_kit(directory, self.output, self.now));
        self.kits.extend(kit);
    }

    /// Reports files that may contain kits, and broken links.
    pub(super) fn others(&mut self, kits: &Path) -> Result<(), Faults> {
        let failed = |error| refused(error, NAME_THE_DIRECTORY);
        for archive in flare_file_tree::files(kits).map_err(failed)?.into_iter().filter(|file| is_archive(file)) {
            self.left_out(&archive, "it is an archive, not a directory", "unpack it if its participant is missing here");
        }
        for link in flare_file_tree::broken_links(kits).map_err(failed)? {
            let message = format!("`{}` is a link that leads nowhere", name_of(&link));
            self.fault(&link, message, "mend the link, or remove it");
        }
        Ok(())
    }

    /// Leaves out copies: of several kits of one participant, the one in the directory of its name counts. If no directory has
    /// the name, `init::files` refuses them.
    pub(super) fn copies(&mut self) {
        let mut kept: Vec<FoundKit> = Vec::with_capacity(self.kits.len());
        let all = std::mem::take(&mut self.kits);
        let named: Vec<(String, PathBuf)> = all
            .iter()
            .filter(|one| is_named(&one.directory, &one.found))
            .map(|one| (one.found.name.clone(), one.directory.clone()))
            .collect();
        for one in all {
            match named.iter().find(|(name, directory)| *name == one.found.name && *directory != one.directory) {
                Some((_, original)) if !is_named(&one.directory, &one.found) => {
                    let reason = format!("it is another kit of the participant in `{}`", name_of(original));
                    self.left_out(
                        &one.directory,
                        &reason,
                        "move backups to another directory; prepare this one alone if it is the right one",
                    );
                }
                _ => kept.push(one),
            }
        }
        self.kits = kept;
    }

    /// Leaves out clients behind a relay, which `prepare --federation` refuses.
    pub(super) fn behind_relays(&mut self) {
        let participants: Vec<String> = self.kits.iter().map(|one| one.found.name.clone()).collect();
        for one in std::mem::take(&mut self.kits) {
            match one.found.relay.as_ref().filter(|relay| !participants.contains(relay)) {
                Some(relay) => {
                    let reason = format!("it logs in through the relay `{}`, and relays are not supported", printable(relay));
                    self.left_out(
                        &one.directory,
                        &reason,
                        "connect this client to the server in project.yml and provision again",
                    );
                }
                None => self.kits.push(one),
            }
        }
    }
}

fn is_named(directory: &Path, found: &ProvisionedKit) -> bool {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    name == found.name.as_str() || name == found.site.as_str()
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Whether a file is an archive that may contain a kit, even if signed or encrypted (`.gpg`).
pub(super) fn is_archive(file: &Path) -> bool {
    const ENDINGS: [&str; 22] = [
        "zip", "tar", "tgz", "tbz", "tbz2", "txz", "tzst", "gz", "bz2", "xz", "zst", "lz4", "lzma", "7z", "rar", "cpio", "jar",
        "gpg", "pgp", "age", "enc", "asc",
    ];
    file.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}
