//! A provisioned directory → the participants in it, and two files that `prepare --federation` takes as they stand.
//!
//! What is in the directory is told by what it is: kits are read and must be whole, and what else there is is left out by name.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Diagnostic, Faults, Place, printable};
use flare_federation::{
    Facts, Federation, Member, cross_check,
    init::{CONFIG_FILE, Files, Found},
};
use flare_file_tree::{Destination, DiskError, FileTree, ReadOptions};
use flare_site_config::image::ImageReference;
use flare_site_plan::Acceptance;
use flare_startup_kit::{DirectoryKind, StartupKit};

use super::{
    kit_directory::{self, kits_in, names},
    release,
};

const NAME_THE_DIRECTORY: &str = "name the directory that `nvflare provision` made, such as `workspace/project/prod_00`";

/// A kit that was found, read whole.
#[derive(Debug)]
struct FoundKit {
    directory: PathBuf,
    found: Found,
    kit: StartupKit,
    tree: FileTree,
}

/// What was made for a provisioned directory.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) found: Vec<Found>,
    pub(crate) files: Files,
    /// What was left out, and where image and kits disagree.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Reads every kit in a directory and writes both files, in memory, for the directory `output`.
///
/// Fails where a kit cannot be read or something that was meant to be one is damaged, and where `prepare` would not take the files.
pub(crate) fn describe(kits: &Path, output: &Path, image: Option<&ImageReference>, now: i64) -> Result<Described, Faults> {
    check_directory(kits)?;
    let mut search = Search::new(output, now);
    let mut directories = flare_file_tree::directories(kits).map_err(|error| refused(error, NAME_THE_DIRECTORY))?;
    // Links come last, so that a kit is named by its own directory.
    directories.sort_by_key(|directory| flare_file_tree::resolved(directory) != *directory);
    for directory in directories {
        search.look_at(directory);
    }
    search.others(kits)?;
    search.copies();
    search.behind_relays();
    if search.kits.is_empty() && search.faults.is_empty() {
        return Err(Faults::from(nothing_found(kits, &search.above)).after(search.warnings));
    }
    let Search { kits: found, unrelated, faults, mut warnings, .. } = search;
    warnings.extend(unrelated_warning(&unrelated));
    let list: Vec<Found> = found.iter().map(|one| one.found.clone()).collect();
    let made = Faults::check(faults, || ())
        .and_then(|()| flare_federation::init::files(&list, image))
        .and_then(|files| accepted(&files.value, &found).map(|()| files));
    match made {
        Ok(Checked { value: files, warnings: more }) => {
            warnings.extend(more);
            Ok(Described { found: list, files, warnings })
        }
        Err(faults) => Err(faults.map_all(|fault| with_directory(fault, &found)).after(warnings)),
    }
}

/// A fault that names a kit as federation.yaml would have it names its directory.
fn with_directory(fault: Diagnostic, kits: &[FoundKit]) -> Diagnostic {
    let named = fault.place.as_ref().and_then(|place| kits.iter().find(|one| one.found.kit == place.file));
    match named {
        Some(one) => fault.at(one.directory.as_path()),
        None => fault,
    }
}

/// The path itself must be a directory of kits, not one kit.
fn check_directory(kits: &Path) -> Result<(), Faults> {
    let shown = printable(&kits.to_string_lossy()).into_owned();
    let fault = |message: String, hint: &str| Faults::from(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(kits));
    match Destination::look(kits) {
        Ok(Destination::Directory) => {}
        Ok(Destination::EmptyDirectory) => return Err(fault(format!("the directory `{shown}` is empty"), NAME_THE_DIRECTORY)),
        Ok(Destination::Absent) => return Err(fault(format!("there is no directory `{shown}`"), NAME_THE_DIRECTORY)),
        Ok(Destination::File) if is_archive(kits) => {
            return Err(fault(
                format!("`{shown}` is an archive, not a directory"),
                "unpack it, and name the directory with the kits",
            ));
        }
        Ok(Destination::File) => return Err(fault(format!("`{shown}` is a file, not a directory"), NAME_THE_DIRECTORY)),
        Ok(Destination::Other) => {
            return Err(fault(
                format!("`{shown}` is a device, a pipe, a socket or a broken link, not a directory"),
                NAME_THE_DIRECTORY,
            ));
        }
        Err(error) => return Err(refused(error, NAME_THE_DIRECTORY).into()),
    }
    match kit_directory::kind(kits).map_err(|error| refused(error, NAME_THE_DIRECTORY))? {
        DirectoryKind::Unrelated | DirectoryKind::Damaged(_) => Ok(()),
        _ => Err(fault(
            format!("`{shown}` is one participant's kit, and `init` describes all kits of a federation"),
            "name the directory above it; or prepare this kit alone: `prepare KIT --config k8s.yaml`",
        )),
    }
}

/// What the disk refused, with the reason that it gave; `otherwise` is the hint where the reason has none of its own.
pub(crate) fn refused(error: DiskError, otherwise: &str) -> Diagnostic {
    let fault = error.into_diagnostic(Code::InvalidArgs);
    if fault.hint.is_some() { fault } else { fault.hint(otherwise) }
}

/// The walk through the directory.
struct Search<'run> {
    output: &'run Path,
    now: i64,
    kits: Vec<FoundKit>,
    /// Directories that have nothing of a kit.
    unrelated: Vec<PathBuf>,
    /// Directories that hold kits of their own.
    above: Vec<PathBuf>,
    faults: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl<'run> Search<'run> {
    fn new(output: &'run Path, now: i64) -> Self {
        Self { output, now, kits: Vec::new(), unrelated: Vec::new(), above: Vec::new(), faults: Vec::new(), warnings: Vec::new() }
    }

    fn fault(&mut self, directory: &Path, message: String, hint: &str) {
        self.faults.push(Diagnostic::error(Code::InvalidKit, message).hint(hint).at(directory));
    }

    fn left_out(&mut self, path: &Path, reason: &str, hint: &str) {
        let message = format!("`{}` is left out: {reason}", name_of(path));
        self.warnings.push(Diagnostic::warning(Code::Notice, message).hint(hint).at(path));
    }

    fn look_at(&mut self, directory: PathBuf) {
        let kind = match kit_directory::kind(&directory) {
            Ok(kind) => kind,
            Err(error) => return self.faults.push(refused(error, "make the directory readable")),
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

    /// An archive that was unpacked into a directory of its own name is a site that would be missed; other directories with kits,
    /// such as backups, are not.
    fn look_below(&mut self, directory: PathBuf) {
        let below = kits_in(&directory);
        if below.iter().any(|kit| kit.file_name() == directory.file_name()) {
            let message = format!("the kit `{0}` stands one directory too deep, in `{0}/{0}`", name_of(&directory));
            self.fault(&directory, message, "move its files one directory up");
        } else if !below.is_empty() {
            let reason = format!("it is no kit, but holds some: {}", names(&below));
            self.left_out(&directory, &reason, "run `init` on that directory if its kits are meant");
            self.above.push(directory);
        } else {
            self.unrelated.push(directory);
        }
    }

    fn read(&mut self, directory: PathBuf) {
        // Two names of one directory are one kit.
        let real = flare_file_tree::resolved(&directory);
        if let Some(first) = self.kits.iter().find(|one| flare_file_tree::resolved(&one.directory) == real) {
            let reason = format!("it leads to the same directory as `{}`", name_of(&first.directory));
            return self.left_out(&directory, &reason, "nothing is missing; remove the link to be rid of this warning");
        }
        match read_kit(directory, self.output, self.now) {
            Ok(kit) => self.kits.push(kit),
            Err(faults) => {
                let (errors, warnings) = faults.into_parts();
                self.faults.extend(errors);
                self.warnings.extend(warnings);
            }
        }
    }

    /// Files that may hold kits, and links that lead nowhere.
    fn others(&mut self, kits: &Path) -> Result<(), Faults> {
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

    /// Of several kits of one participant the one in the directory of its name counts; the others are copies. Where no directory has
    /// the name, nobody can tell, and `init::files` refuses them.
    fn copies(&mut self) {
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

    /// Clients whose relay cannot take part are left out: `prepare --federation` refuses them.
    fn behind_relays(&mut self) {
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

fn is_named(directory: &Path, found: &Found) -> bool {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    name == found.name.as_str() || name == found.site.as_str()
}

fn name_of(path: &Path) -> String {
    printable(&path.file_name().unwrap_or_default().to_string_lossy()).into_owned()
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What people pack kits into; a signature or an encryption on top (`.gpg`) is one too.
fn is_archive(file: &Path) -> bool {
    const ENDINGS: [&str; 22] = [
        "zip", "tar", "tgz", "tbz", "tbz2", "txz", "tzst", "gz", "bz2", "xz", "zst", "lz4", "lzma", "7z", "rar", "cpio", "jar",
        "gpg", "pgp", "age", "enc", "asc",
    ];
    file.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

fn unrelated_warning(unrelated: &[PathBuf]) -> Option<Diagnostic> {
    let first = unrelated.first()?;
    let message = format!("left out, since there is nothing of a startup kit in them: {}", names(unrelated));
    Some(
        Diagnostic::warning(Code::Notice, message)
            .hint("move a missing kit's files here and run `init` again")
            .at(first.as_path()),
    )
}

fn nothing_found(kits: &Path, above: &[PathBuf]) -> Diagnostic {
    let shown = printable(&kits.to_string_lossy()).into_owned();
    let message = format!("there is no startup kit of a server or client in `{shown}`: {}", kit_directory::EXPECTED);
    let hint = match above {
        [] => NAME_THE_DIRECTORY.to_owned(),
        above => format!("name a directory that holds kits: {}", names(above)),
    };
    Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(kits)
}

fn read_kit(directory: PathBuf, output: &Path, now: i64) -> Result<FoundKit, Faults> {
    let options =
        ReadOptions::new(Code::InvalidKit).in_memory("startup").in_memory("local").exclude("prepared").exclude("transfer");
    let tree = FileTree::read(&directory, &options).map_err(|faults| kit_directory::handful(faults, &directory))?;
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    // Places are told from the kit on, and there are many kits.
    let whole = |fault: Diagnostic| match fault.place.clone() {
        Some(place) => fault.at(Place { file: directory.join(&place.file).to_string_lossy().into_owned(), ..place }),
        None => fault.at(directory.as_path()),
    };
    let kit = StartupKit::read(&tree, &name, now).map_err(|faults| faults.map_all(whole))?.value;
    let path = relative(&directory, output);
    for (what, text) in [("path", path.as_deref()), ("name", Some(kit.participant.as_str()))] {
        if text.is_none_or(|text| text.trim().is_empty() || text.chars().any(char::is_control)) {
            let message = format!("the {what} of the kit `{}` cannot be written in federation.yaml", name_of(&directory));
            let hint = "use letters, digits, `-`, `_` and `.` in names of participants and directories";
            return Err(Diagnostic::error(Code::InvalidKit, message).hint(hint).at(directory.as_path()).into());
        }
    }
    let found = Found {
        provisioned: release::of_tree(&tree),
        name: kit.participant.clone(),
        site: kit.site.clone(),
        role: kit.role,
        kit: path.unwrap_or_default(),
        fl_port: kit.fl_port,
        admin_port: kit.admin_port,
        project: kit.project.clone(),
        root_fingerprint: kit.certificates.root_fingerprint.clone(),
        relay: kit.relay.as_ref().map(|relay| relay.name.clone()),
    };
    Ok(FoundKit { directory, found, kit, tree })
}

/// The path of a directory as seen from another one, so that both can move together; `None` where it is not UTF-8.
fn relative(directory: &Path, from: &Path) -> Option<String> {
    use std::path::Component;
    let common = directory.components().zip(from.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(directory.components().skip(common)).collect();
    path.to_str().map(str::to_owned)
}

/// Goes the road of `prepare --federation` over the files, as far as it can refuse them: what `init` writes is always accepted.
fn accepted(files: &Files, kits: &[FoundKit]) -> Result<(), Faults> {
    let federation = Federation::parse(files.federation.as_bytes(), "federation.yaml")?.value;
    let target = federation.target.unwrap_or_default();
    let document = flare_yaml::parse(files.config.as_bytes(), CONFIG_FILE, Code::InvalidConfig)?;
    let mut faults = Vec::new();
    let mut facts = Vec::new();
    for entry in &federation.participants {
        let Some(one) = kits.iter().find(|one| one.found.kit == entry.kit) else { continue };
        let planned = entry
            .site_config(Some(&document), target)
            .and_then(|config| flare_site_plan::resolve(&one.kit, &config.value, target, Acceptance::default()))
            .and_then(|plan| flare_kit_patch::patch(one.tree.clone(), &plan.value).map(|_| plan.value));
        match planned {
            Ok(plan) => {
                facts.push(Facts::of(&plan, &one.kit.certificates.identity.subject_alternative_names, one.kit.relay.as_ref()));
            }
            Err(found) => faults.extend(found.into_vec().into_iter().map(|fault| of_kit(fault, &one.directory))),
        }
    }
    Faults::check(faults, || ())?;
    let members: Vec<_> = federation.participants.iter().zip(&facts).map(|(entry, facts)| Member { entry, facts }).collect();
    cross_check(&members).map(drop)
}

/// A fault of a kit names the file below the kit; here it needs the kit too.
fn of_kit(fault: Diagnostic, directory: &Path) -> Diagnostic {
    match fault.place.clone() {
        Some(place) if fault.code == Code::InvalidKit => {
            fault.at(Place { file: directory.join(&place.file).to_string_lossy().into_owned(), ..place })
        }
        _ => fault,
    }
}
