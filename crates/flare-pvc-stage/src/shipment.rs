//! What is sent to the volume: the list, and the bytes behind it.

use std::{
    io::{self, Read as _},
    pin::Pin,
    task::{Context, Poll},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flare_diagnostic::{Code, Faults};
use flare_file_tree::{Content, ContentReader, Digest, Entry, FileTree, RelativePath};
use flare_prepared_kit::PreparedKit;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncRead, ReadBuf};

use crate::Progress;

/// The two directories of a kit that stand on the volume.
pub(crate) const KIT: [&str; 2] = ["local", "startup"];

/// Whose kit is on a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The participant, as project.yml names it.
    pub participant: String,
    /// `server` or `client`.
    pub role: String,
    /// The project, where the kit says so.
    pub project: Option<String>,
}

impl Owner {
    /// The owner that a prepared kit belongs to.
    pub fn of(kit: &PreparedKit) -> Self {
        let plan = kit.plan();
        Self { participant: plan.participant.clone(), role: plan.role.as_str().to_owned(), project: plan.project.clone() }
    }
}

#[derive(Debug, Clone, Serialize)]
struct Listed {
    /// Base64: a path need not be text.
    path: String,
    kind: &'static str,
    mode: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// Whether kits at the wrong level are moved as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// They are, and the kit is staged only where the volume does not hold this very one.
    Only,
    /// They are, and the kit is staged in any case.
    AndStage,
}

/// A kit on its way to a volume: the list of all entries, and the contents of the files in the same order. What stays on disk is
/// read while it is sent, so that a kit of any size takes little memory.
pub struct Shipment<'kit> {
    verb: &'static str,
    owner: Owner,
    fingerprint: Option<Digest>,
    transfer: bool,
    repair: Option<Repair>,
    entries: Vec<Listed>,
    contents: Vec<&'kit Content>,
}

/// Shows how much it is, never the bytes: among them are private keys.
impl std::fmt::Debug for Shipment<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (files, bytes) = (self.files(), self.bytes());
        formatter.debug_struct("Shipment").field("files", &files).field("bytes", &bytes).finish_non_exhaustive()
    }
}

impl<'kit> Shipment<'kit> {
    /// Takes `startup/` and `local/` of a prepared kit. What the volume compares with are the digests that its fingerprint is made of,
    /// so no file is read twice, and one that changes between is found there.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT` where a file cannot be read any more.
    pub fn of(kit: &'kit PreparedKit) -> Result<Self, Faults> {
        let transfer = kit.plan().role.as_str() == "server";
        Self::listing(Owner::of(kit), kit.fingerprint(), transfer, kit.tree(), |path| kit.digest(path))
    }

    /// Takes `startup/` and `local/` of a tree; with `transfer` a directory of that name is made beside them.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT` where a file cannot be read any more.
    pub fn new(owner: Owner, fingerprint: Digest, transfer: bool, tree: &'kit FileTree) -> Result<Self, Faults> {
        Self::listing(owner, fingerprint, transfer, tree, |_| None)
    }

    /// Lists what is sent; a file whose digest is not `known` is read for it.
    fn listing(
        owner: Owner,
        fingerprint: Digest,
        transfer: bool,
        tree: &'kit FileTree,
        known: impl Fn(&RelativePath) -> Option<Digest>,
    ) -> Result<Self, Faults> {
        let empty = Self::rollback(owner);
        let mut shipment = Self { verb: "stage", fingerprint: Some(fingerprint), transfer, ..empty };
        let kit = tree.iter().filter(|(path, _)| KIT.iter().any(|directory| path.as_path().starts_with(directory)));
        for (place, entry) in kit {
            let path = STANDARD.encode(place.as_bytes());
            match entry {
                Entry::Directory { mode } => {
                    shipment.entries.push(Listed { path, kind: "directory", mode: *mode, size: None, sha256: None });
                }
                Entry::File { content, mode } => {
                    let digest = match known(place) {
                        Some(digest) => digest,
                        None => content.digest().map_err(|error| error.into_diagnostic(Code::InvalidPreparedKit))?,
                    };
                    let (size, sha256) = (Some(content.len()), Some(digest.to_string()));
                    shipment.entries.push(Listed { path, kind: "file", mode: *mode, size, sha256 });
                    shipment.contents.push(content);
                }
            }
        }
        Ok(shipment)
    }

    /// Has kits at the wrong level moved to where they belong, or aside.
    #[must_use]
    pub fn with_repair(self, repair: Option<Repair>) -> Self {
        Self { repair, ..self }
    }

    /// No files, but the request to put back what the last staging replaced.
    pub fn rollback(owner: Owner) -> Self {
        Self {
            verb: "rollback",
            owner,
            fingerprint: None,
            transfer: false,
            repair: None,
            entries: Vec::new(),
            contents: Vec::new(),
        }
    }

    /// No files, but the request to take the kit away.
    pub fn removal(owner: Owner) -> Self {
        Self { verb: "remove", ..Self::rollback(owner) }
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.contents.len()
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.contents.iter().map(|content| content.len()).sum()
    }

    /// The request that the volume's program reads first. `id` names the run: letters, digits and `-`.
    pub fn request(&self, id: &str) -> Vec<u8> {
        let fingerprint = self.fingerprint.map(|fingerprint| fingerprint.to_string());
        let request = json!({"verb": self.verb, "id": id, "owner": self.owner, "fingerprint": fingerprint,
            "transfer": self.transfer, "repair": self.repair.is_some(), "again": self.repair == Some(Repair::AndStage),
            "entries": self.entries});
        request.to_string().into_bytes()
    }

    /// What belongs to the request, as a reader of as many bytes as [`Self::bytes`] says. `progress` is told of the files as they are read.
    pub fn body<'shipment>(&'shipment self, progress: Progress<'shipment>) -> impl AsyncRead + Unpin + Send {
        Sending { contents: self.contents.iter(), open: None, files: 0, bytes: 0, progress }
    }
}

/// Every content, one after the other.
struct Sending<'bytes> {
    contents: std::slice::Iter<'bytes, &'bytes Content>,
    /// The content that is being sent.
    open: Option<ContentReader<'bytes>>,
    files: u64,
    bytes: u64,
    progress: Progress<'bytes>,
}

impl Sending<'_> {
    /// Some bytes; none at the end.
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

impl AsyncRead for Sending<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // A local file is read in place: that takes less than handing it to another thread.
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
        let owner = Owner { participant: "site-1".into(), role: "client".into(), project: None };
        let then = Digest::of(b"what it was");
        let known = |path: &RelativePath| (path.as_bytes() == b"local/known").then_some(then);
        let shipment = Shipment::listing(owner, Digest::of(b""), false, &tree, known).expect("a tree in memory");
        let listed: Vec<_> = shipment.entries.iter().filter_map(|entry| entry.sha256.clone()).collect();
        assert_eq!(listed, [then.to_string(), Digest::of(b"not digested yet").to_string()]);
    }
}
