//! The stream of a backup from the volume's program: lines of JSON, each followed by the bytes that it announces.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flare_diagnostic::{Code, Collector, Diagnostic};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use crate::{
    answer::{Refusal, listed, refused},
    archive::{ArchiveWriter, BLOCK, Line, LinkTarget, PathBytes, Total},
    contents::{Contents, DataKind},
    progress::Progress,
};

/// The maximum length of a line, which has up to two paths in base64.
const LONGEST_LINE: u64 = 64 << 10;

/// The maximum number of names in a message.
const NAMED: usize = 5;

/// A line; its keys say which variant it is.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Frame {
    Refused(Refusal),
    End {
        end: Total,
    },
    Item {
        item: String,
    },
    Absent {
        absent: String,
    },
    LeftOut {
        left_out: String,
        why: String,
    },
    Data {
        data: usize,
    },
    FileEnd {
        sha256: String,
        size: u64,
        shrank: bool,
    },
    Entry(Box<Entry>),
    /// The first line: the kit on the volume.
    Begin {
        fingerprint: Value,
    },
}

#[derive(Debug, Deserialize)]
struct Entry {
    path: String,
    kind: String,
    mode: u32,
    mtime: u64,
    size: u64,
    #[serde(default)]
    target: String,
}

/// What was received.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) total: Total,
    /// Wanted data that do not exist.
    pub(crate) absent: Vec<String>,
    /// Reason → some names and the number of all.
    left_out: BTreeMap<String, (Vec<String>, usize)>,
    /// Some of the files that became shorter while they were read, and the number of all.
    shrank: (Vec<String>, usize),
}

/// Why not everything was received.
pub(crate) enum Stop {
    /// The stream ended. The program's exit says why.
    Cut,
    Fault(Diagnostic),
}

impl From<Diagnostic> for Stop {
    fn from(fault: Diagnostic) -> Self {
        Self::Fault(fault)
    }
}

/// Receives everything and writes it into the archive.
pub(crate) async fn receive(
    stream: impl AsyncRead + Unpin,
    archive: &mut ArchiveWriter,
    contents: &Contents,
    claim: &str,
    progress: Progress<'_>,
) -> Result<Received, Stop> {
    let mut stream = BufReader::with_capacity(BLOCK / 4, stream);
    let mut receiving = Receiving { archive, contents, received: Received::default(), now: None };
    let (mut text, mut block) = (Vec::new(), Vec::new());
    loop {
        text.clear();
        let read = (&mut stream).take(LONGEST_LINE).read_until(b'\n', &mut text).await;
        if read.is_err() || !text.ends_with(b"\n") {
            return Err(Stop::Cut);
        }
        let frame: Frame = serde_json::from_slice(&text).map_err(|_| unreadable(claim))?;
        match frame {
            Frame::Refused(refusal) => return Err(refused(&refusal, claim, Code::BackupFailed).into()),
            Frame::Data { data } if data <= BLOCK => {
                block.resize(data, 0);
                stream.read_exact(&mut block).await.map_err(|_| Stop::Cut)?;
                receiving.archive.data(&block).map_err(not_written)?;
                receiving.received.total.bytes += data as u64;
            }
            Frame::End { end } if end == receiving.received.total => return Ok(receiving.received),
            other => receiving.take(other, claim)?,
        }
        progress(receiving.received.total.files, receiving.received.total.bytes);
    }
}

struct Receiving<'run> {
    archive: &'run mut ArchiveWriter,
    contents: &'run Contents,
    received: Received,
    /// The file that is being received.
    now: Option<String>,
}

impl Receiving<'_> {
    fn take(&mut self, frame: Frame, claim: &str) -> Result<(), Diagnostic> {
        let path = |text: &str| STANDARD.decode(text).map(PathBytes).map_err(|_| unreadable(claim));
        match frame {
            Frame::Begin { fingerprint } => {
                debug_assert!(fingerprint.is_null() || fingerprint.is_string());
            }
            Frame::Item { item } => {
                let path = path(&item)?;
                let what = self.contents.label(&path.0).as_str().to_owned();
                self.archive.line(&Line::Item { path, what }).map_err(not_written)?;
            }
            Frame::Absent { absent } => self.received.absent.push(absent),
            Frame::LeftOut { left_out, why } => {
                let path = path(&left_out)?;
                let (names, count) = self.received.left_out.entry(why.clone()).or_default();
                *count += 1;
                if names.len() < NAMED {
                    names.push(path.shown());
                }
                self.archive.line(&Line::LeftOut { path, why }).map_err(not_written)?;
            }
            Frame::Entry(entry) => self.entry(&entry, claim)?,
            Frame::FileEnd { sha256, size, shrank } => {
                let name = self.now.take().unwrap_or_default();
                if !self.archive.end_file(size, &sha256).map_err(not_written)? {
                    return Err(Diagnostic::error(
                        Code::BackupFailed,
                        format!("`{name}` did not arrive as it was read on the volume"),
                    )
                    .hint("no file was written: run the same command again"));
                }
                self.received.total.files += 1;
                if shrank {
                    let (names, count) = &mut self.received.shrank;
                    *count += 1;
                    if names.len() < NAMED {
                        names.push(name);
                    }
                }
            }
            Frame::Refused(_) | Frame::End { .. } | Frame::Data { .. } => return Err(unreadable(claim)),
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, claim: &str) -> Result<(), Diagnostic> {
        let path = |text: &str| STANDARD.decode(text).map(PathBytes).map_err(|_| unreadable(claim));
        let Entry { mode, mtime, size, .. } = *entry;
        let at = path(&entry.path)?;
        let line = match entry.kind.as_str() {
            "file" => {
                self.now = Some(at.shown());
                return self.archive.begin_file(at, mode, mtime, size).map_err(not_written);
            }
            "directory" => Line::Directory { path: at, mode, mtime },
            "link" => Line::Link { path: at, target: LinkTarget(path(&entry.target)?), mtime },
            _ => return Err(unreadable(claim)),
        };
        self.archive.line(&line).map_err(not_written)
    }
}

impl Received {
    /// Adds the warnings.
    pub(crate) fn warn(&self, wanted: &[DataKind], found: &mut Collector) {
        let mut notice = |message: String, hint: &str| found.push(Diagnostic::warning(Code::Notice, message).hint(hint));
        for what in self.absent.iter().filter(|_| !wanted.contains(&DataKind::All)) {
            let hint = "a parent makes it when it first needs it; nothing is lost";
            notice(format!("nothing of `{what}` stands on the volume"), hint);
        }
        let in_use = "the volume was in use; `--restart` saves it while its parent is down";
        for (why, (names, count)) in &self.left_out {
            let names = listed(names, *count);
            match why.as_str() {
                "key" => notice(format!("private keys are not saved: {names}"), "`--with-keys` saves them, and the kit"),
                "vanished" => notice(format!("gone before it could be read: {names}"), in_use),
                _ => notice(
                    format!("no files, directories or links, and not saved: {names}"),
                    "pipes, sockets and devices hold no data",
                ),
            }
        }
        let (names, count) = &self.shrank;
        if *count > 0 {
            let names = listed(names, *count);
            notice(format!("became shorter while it was read, and is saved to where it ended: {names}"), in_use);
        }
    }
}

pub(crate) fn not_written(error: flare_file_tree::DiskError) -> Diagnostic {
    error.into_diagnostic_or(Code::BackupFailed, "name another file, on a disk with enough space")
}

fn unreadable(claim: &str) -> Diagnostic {
    Diagnostic::error(Code::BackupFailed, format!("the helper pod on claim `{claim}` sent what cannot be read"))
        .hint("check that the image's Python is 3.8 or newer; `--helper-image` names another image")
}
