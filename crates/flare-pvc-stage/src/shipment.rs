//! The kit as it is sent to the volume: the list of its files, and their bytes.

use std::{
    io::{self, Read as _},
    pin::Pin,
    task::{Context, Poll},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flare_diagnostic::{Code, Faults};
use flare_file_tree::{Content, ContentReader, Digest, Entry, FileTree, RelativePath};
use flare_names::Role;
use flare_prepared_kit::PreparedKit;
use serde::{Deserialize, Serialize, Serializer};
use tokio::io::{AsyncRead, ReadBuf};

use crate::Progress;

/// The two directories of a kit on the volume.
pub(crate) const KIT: [&str; 2] = ["local", "startup"];

/// The owner of the kit on a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitOwner {
    /// The participant's name in project.yml.
    pub participant: String,
    /// `server` or `client`.
    pub role: String,
    /// The project, if the kit names it.
    pub project: Option<String>,
}

impl KitOwner {
    /// The owner of a prepared kit.
    pub fn of(kit: &PreparedKit) -> Self {
        let plan = kit.plan();
        Self { participant: plan.participant.clone(), role: plan.role.as_str().to_owned(), project: plan.project.clone() }
    }
}

/// The request. It is written as text at once, since a tree of values would take many times the memory for a kit of many files.
#[derive(Debug, Serialize)]
struct Request<'request> {
    verb: &'static str,
    id: &'request str,
    owner: &'request KitOwner,
    fingerprint: Option<Hex>,
    transfer: bool,
    repair: bool,
    again: bool,
    entries: &'request [Listed<'request>],
}

/// An entry of the kit, with the digest if it is a file.
#[derive(Debug, Clone, Copy)]
struct Listed<'kit> {
    path: &'kit RelativePath,
    entry: &'kit Entry,
    digest: Option<Digest>,
}

impl<'kit> Listed<'kit> {
    fn content(&self) -> Option<&'kit Content> {
        match self.entry {
            Entry::File { content, .. } => Some(content),
            Entry::Directory { .. } => None,
        }
    }
}

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'kit> {
            path: Base64<'kit>,
            kind: &'static str,
            mode: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            size: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            sha256: Option<Hex>,
        }
        let (path, mode, sha256) = (Base64(self.path), self.entry.mode(), self.digest.map(Hex));
        let kind = if self.entry.is_directory() { "directory" } else { "file" };
        Written { path, kind, mode, size: self.content().map(Content::len), sha256 }.serialize(serializer)
    }
}

/// A path, in JSON as base64, since it need not be UTF-8.
#[derive(Debug, Clone, Copy)]
struct Base64<'kit>(&'kit RelativePath);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0.as_bytes()))
    }
}

/// A digest, in JSON as hex digits.
#[derive(Debug, Clone, Copy)]
struct Hex(Digest);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// How kits at the wrong level are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// They are moved, and the kit is staged only if it is not already on the volume.
    Only,
    /// They are moved, and the kit is staged in any case.
    AndStage,
}

/// A kit to be sent to a volume: the list of all entries, and the contents of the files in the same order. Files are read while they
/// are sent, so that a kit of any size takes little memory.
pub struct Shipment<'kit> {
    verb: &'static str,
    owner: KitOwner,
    fingerprint: Option<Digest>,
    transfer: bool,
    repair: Option<Repair>,
    entries: Vec<Listed<'kit>>,
}

/// Shows only the amount, since the bytes include private keys.
impl std::fmt::Debug for Shipment<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (files, bytes) = (self.files(), self.bytes());
        formatter.debug_struct("Shipment").field("files", &files).field("bytes", &bytes).finish_non_exhaustive()
    }
}

impl<'kit> Shipment<'kit> {
    /// Takes `startup/` and `local/` of a prepared kit. The volume compares the files with the digests of the kit's fingerprint, so that no
    /// file is read twice and a change in between is detected.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT` where a file cannot be read any more.
    pub fn of(kit: &'kit PreparedKit) -> Result<Self, Faults> {
        let transfer = kit.plan().role == Role::Server;
        Self::listing(KitOwner::of(kit), kit.fingerprint(), transfer, kit.tree(), |path| kit.digest(path))
    }

    /// Takes `startup/` and `local/` of a tree; with `transfer`, an empty directory of that name is added.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT` where a file cannot be read any more.
    pub fn new(owner: KitOwner, fingerprint: Digest, transfer: bool, tree: &'kit FileTree) -> Result<Self, Faults> {
        Self::listing(owner, fingerprint, transfer, tree, |_| None)
    }

    /// Lists the entries. A file whose digest is not `known` is read for it.
    fn listing(
        owner: KitOwner,
        fingerprint: Digest,
        transfer: bool,
        tree: &'kit FileTree,
        known: impl Fn(&RelativePath) -> Option<Digest>,
    ) -> Result<Self, Faults> {
        let empty = Self::rollback(owner);
        let mut shipment = Self { verb: "stage", fingerprint: Some(fingerprint), transfer, ..empty };
        let kit = tree.iter().filter(|(path, _)| KIT.iter().any(|directory| path.as_path().starts_with(directory)));
        for (path, entry) in kit {
            let listed = Listed { path, entry, digest: None };
            let digest = match listed.content() {
                None => None,
                Some(content) => match known(path) {
                    Some(digest) => Some(digest),
                    None => Some(content.digest().map_err(|error| error.into_diagnostic(Code::InvalidPreparedKit))?),
                },
            };
            shipment.entries.push(Listed { digest, ..listed });
        }
        Ok(shipment)
    }

    /// Also moves kits at the wrong level to their place, or aside.
    #[must_use]
    pub fn with_repair(self, repair: Option<Repair>) -> Self {
        Self { repair, ..self }
    }

    /// A request without files: to put back the kit that the last staging replaced.
    pub fn rollback(owner: KitOwner) -> Self {
        Self { verb: "rollback", owner, fingerprint: None, transfer: false, repair: None, entries: Vec::new() }
    }

    /// A request without files: to remove the kit.
    pub fn removal(owner: KitOwner) -> Self {
        Self { verb: "remove", ..Self::rollback(owner) }
    }

    /// The number of files.
    pub fn files(&self) -> usize {
        self.contents().count()
    }

    /// The total size of all files in bytes.
    pub fn bytes(&self) -> u64 {
        self.contents().map(Content::len).sum()
    }

    /// The contents of the files, in the order in which they are listed.
    fn contents(&self) -> impl Iterator<Item = &Content> {
        self.entries.iter().filter_map(Listed::content)
    }

    /// The request, which the volume's program reads first. `id` is the run's id: letters, digits and `-`.
    #[expect(clippy::missing_panics_doc, reason = "it never panics: every field of the request has a meaning in JSON")]
    pub fn request(&self, id: &str) -> Vec<u8> {
        let request = Request {
            verb: self.verb,
            id,
            owner: &self.owner,
            fingerprint: self.fingerprint.map(Hex),
            transfer: self.transfer,
            repair: self.repair.is_some(),
            again: self.repair == Some(Repair::AndStage),
            entries: &self.entries,
        };
        serde_json::to_vec(&request).expect("every field of the request has a meaning in JSON")
    }

    /// The request's body: a reader of [`Self::bytes`] bytes. `progress` is called as the files are read.
    pub fn body<'shipment>(&'shipment self, progress: Progress<'shipment>) -> impl AsyncRead + Unpin + Send {
        Sending { contents: self.contents(), open: None, files: 0, bytes: 0, progress }
    }
}

/// A reader of all contents, one after the other.
struct Sending<'bytes, Contents> {
    contents: Contents,
    /// The content that is being read.
    open: Option<ContentReader<'bytes>>,
    files: u64,
    bytes: u64,
    progress: Progress<'bytes>,
}

impl<'bytes, Contents: Iterator<Item = &'bytes Content>> Sending<'bytes, Contents> {
    /// Reads some bytes; none at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(open) = &mut self.open {
                let count = open.read(buffer)?;
                if count > 0 {
                    self.bytes += count as u64;
                    (self.progress)(self.files, self.bytes);
                    return Ok(count);
                }
                self.files += 1;
                self.open = None;
            }
            let Some(next) = self.contents.next() else { return Ok(0) };
            self.open = Some(next.reader().map_err(io::Error::other)?);
        }
    }
}

impl<'bytes, Contents: Iterator<Item = &'bytes Content> + Unpin> AsyncRead for Sending<'bytes, Contents> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // A local file is read in this thread, which is faster than passing it to another one.
        while buffer.remaining() > 0 {
            let count = self.read(buffer.initialize_unfilled())?;
            if count == 0 {
                break;
            }
            buffer.advance(count);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_compares_with_the_digest_that_the_fingerprint_was_made_of() {
        let mut tree = FileTree::new();
        tree.insert_file(RelativePath::literal("local/known"), "changed since it was digested", 0o644);
        tree.insert_file(RelativePath::literal("local/other"), "not digested yet", 0o644);
        let owner = KitOwner { participant: "site-1".into(), role: "client".into(), project: None };
        let then = Digest::of(b"what it was");
        let known = |path: &RelativePath| (path.as_bytes() == b"local/known").then_some(then);
        let shipment = Shipment::listing(owner, Digest::of(b""), false, &tree, known).expect("a tree in memory");
        let listed: Vec<_> = shipment.entries.iter().filter_map(|entry| entry.digest).collect();
        assert_eq!(listed, [then, Digest::of(b"not digested yet")]);
    }
}
