//! The stream of a restore to the volume's program: lines of JSON, each file's line followed by its bytes. Links come last, so that
//! nothing can be written through one.

use std::{fs::File, io::Read as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flare_diagnostic::{Code, Diagnostic};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _, duplex},
    join,
};

use crate::{
    KitOwner,
    archive::{BLOCK, Line, PathBytes, Steps, Total, positioned},
    progress::{ON_THE_WAY, Progress},
    run::Run,
};

/// The items to send, and their size.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) items: Vec<PathBytes>,
    pub(crate) total: Total,
    /// The length of the stream in bytes, without its end.
    length: u64,
    /// Whether the lines that are being counted will be sent.
    wanted: bool,
}

impl Selected {
    /// Begins to count the lines of this item.
    pub(crate) fn item(&mut self, path: &PathBytes, wanted: bool) {
        self.wanted = wanted;
        if wanted {
            self.items.push(path.clone());
        }
    }

    pub(crate) fn count(&mut self, line: &Line) {
        if let Some(text) = wire(line).filter(|_| self.wanted) {
            self.length += text.len() as u64;
            if let Line::File { size, .. } = line {
                self.length += size;
                self.total.files += 1;
                self.total.bytes += size;
            }
        }
    }

    fn end(&self) -> Vec<u8> {
        format!("{}\n", json!({"end": self.total})).into_bytes()
    }
}

/// An entry in the format of the volume's program.
fn wire(line: &Line) -> Option<Vec<u8>> {
    let encoded = |path: &PathBytes| STANDARD.encode(&path.0);
    let value = match line {
        Line::Directory { path, mode, .. } => json!({"path": encoded(path), "kind": "directory", "mode": mode & 0o777}),
        Line::Link { path, target, .. } => json!({"path": encoded(path), "kind": "link", "target": encoded(&target.0)}),
        Line::File { path, mode, mtime, size, sha256 } => {
            json!({"path": encoded(path), "kind": "file", "mode": mode & 0o777, "mtime": mtime, "size": size, "sha256": sha256})
        }
        _ => return None,
    };
    Some(format!("{value}\n").into_bytes())
}

/// The answer of the volume's program to a restore.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    /// Whether an exchange of an earlier run had to be finished first.
    pub(crate) recovered: bool,
    /// The items that replaced something.
    pub(crate) replaced: Vec<String>,
    /// What an earlier run left on the volume and this one could not remove.
    pub(crate) stays: Vec<String>,
}

/// A backup that is being sent.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'run> {
    pub(crate) path: &'run Path,
    pub(crate) file: &'run File,
    pub(crate) selected: &'run Selected,
}

impl Outgoing<'_> {
    pub(crate) fn request(&self, id: &str, owner: &KitOwner, keys: bool, replace: bool) -> Vec<u8> {
        let items: Vec<_> = self.selected.items.iter().map(|item| STANDARD.encode(&item.0)).collect();
        let request = json!({"verb": "restore", "id": id, "owner": owner, "items": items, "keys": keys, "replace": replace});
        request.to_string().into_bytes()
    }

    /// Sends everything and returns the line with the answer.
    pub(crate) async fn send(&self, run: &Run<'_>, request: Vec<u8>, progress: Progress<'_>) -> Result<Vec<u8>, Diagnostic> {
        let (body, ours) = duplex(ON_THE_WAY);
        let (sent, printed) = join!(self.write(ours, progress), run.ask(request, body, self.length()));
        sent?;
        printed
    }

    /// The length of the stream in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.selected.end().len() as u64 + self.selected.length
    }

    /// Writes everything. The reader may close before the end, which is not an error here.
    pub(crate) async fn write(&self, mut to: impl AsyncWrite + Unpin, progress: Progress<'_>) -> Result<(), Diagnostic> {
        let mut sent = Total::default();
        for links in [false, true] {
            let mut archive = positioned(self.file).map_err(|_| self.changed())?;
            let mut steps = Steps::begin(self.path, self.file, &mut archive)?;
            let (mut wanted, mut block) = (false, vec![0; BLOCK]);
            while let Some((line, entry)) = steps.next()? {
                if let Line::Item { path, .. } = &line {
                    wanted = self.selected.items.contains(path);
                }
                let Some(text) = wire(&line).filter(|_| wanted && links == matches!(line, Line::Link { .. })) else { continue };
                if to.write_all(&text).await.is_err() {
                    return Ok(());
                }
                let (Line::File { size, .. }, Some(mut entry)) = (&line, entry) else { continue };
                let mut left = *size;
                while left > 0 {
                    let count = entry.read(&mut block).map_err(|_| self.changed())?;
                    if count == 0 {
                        return Err(self.changed());
                    }
                    left = left.saturating_sub(count as u64);
                    sent.bytes += count as u64;
                    if to.write_all(&block[..count]).await.is_err() {
                        return Ok(());
                    }
                    progress(sent.files, sent.bytes);
                }
                sent.files += 1;
            }
        }
        let _ = to.write_all(&self.selected.end()).await;
        Ok(())
    }

    fn changed(&self) -> Diagnostic {
        Diagnostic::error(Code::InvalidBackup, format!("`{}` was changed while it was sent", self.path.display()))
            .hint("nothing on the volume was changed: take another copy of the backup, and run again")
            .at(self.path)
    }
}
