//! The record of staged objects: the block `workspaceConfig` of `helm_chart/values.yaml`, whose objects the chart's pod mounts.
//! It is read here, and written without changing anything else in the file.
//!
//! Source: `docs/behaviour.md` section 6.

use std::{ops::Range, path::Path};

use flare_diagnostic::{Code, Diagnostic, Faults, Place};
use flare_file_tree::{Entry as TreeEntry, read_file, write_file};
use flare_yaml::{Node, Strings, block};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{PreparedKit, values};

/// The block of the values.
const BLOCK: &str = "workspaceConfig";

/// The maximum length of the values in bytes, which is that of the strict reader.
const LONGEST: u64 = flare_yaml::MAX_BYTES as u64;

/// The staged objects that the values name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedRecord {
    /// The namespace of the objects; `None` if it was not recorded.
    pub namespace: Option<String>,
    /// The `ConfigMap` that is mounted at `local/`.
    pub config_map: Option<String>,
    /// Which of its keys becomes which file; empty if each key is a file of the same name.
    pub local: Vec<StagedItem>,
    /// The Secret that is mounted at `startup/`.
    pub secret: Option<String>,
    /// Which of its keys becomes which file; empty if each key is a file of the same name.
    pub startup: Vec<StagedItem>,
}

/// A file of a staged object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedItem {
    /// The key in the object.
    pub key: String,
    /// The file's path below the mount.
    pub path: String,
}

impl PreparedKit {
    /// The objects that the chart's values name; `None` if they name none.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT` if the values cannot be read, or the block has another form.
    pub fn staged_record(&self) -> Result<Option<StagedRecord>, Faults> {
        let values = self.chart_values()?;
        let config = &values[BLOCK];
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (config_map, secret) = (text(&config["local"]["configMapName"]), text(&config["startup"]["secretName"]));
        if config_map.is_none() && secret.is_none() {
            return Ok(None);
        }
        let items = |of: &str| match &config[of]["items"] {
            Value::Null => Ok(Vec::new()),
            items => serde_json::from_value(items.clone()).map_err(|_| {
                let message = format!("value `{BLOCK}.{of}.items` is not a list of keys and paths");
                Faults::from(Diagnostic::error(Code::InvalidPreparedKit, message).hint(UNDO).at(Place::file(values::FILE)))
            }),
        };
        let (local, startup) = (items("local")?, items("startup")?);
        Ok(Some(StagedRecord { namespace: text(&config["namespace"]), config_map, local, secret, startup }))
    }

    /// The text of the values with another record and everything else, including comments, unchanged. `None` removes the record.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT` if the values cannot be read, or are written such that the block cannot be replaced alone;
    /// `KIT_TOO_LARGE` if the record makes them too long.
    pub fn values_with(&self, record: Option<&StagedRecord>) -> Result<String, Faults> {
        let bytes = self.tree().bytes(values::FILE).ok_or_else(|| Faults::from(no_values()))?;
        edit(bytes, record)
    }

    /// Writes the record into the values of the prepared directory from which this kit was opened, by one rename. `None`
    /// removes it. Returns whether the file was changed.
    ///
    /// # Errors
    /// As [`Self::values_with`]; `INVALID_PREPARED_KIT` if the file was changed since the kit was opened, or cannot be written.
    pub fn write_record(&self, directory: &Path, record: Option<&StagedRecord>) -> Result<bool, Faults> {
        let text = self.values_with(record)?;
        let file = directory.join(values::FILE);
        let found = read_file(&file, LONGEST, Code::InvalidPreparedKit, Code::InvalidPreparedKit)?;
        if found == text.as_bytes() {
            return Ok(false);
        }
        if Some(&*found) != self.tree().bytes(values::FILE) {
            let message = format!("`{}` was changed while this run was at work", values::FILE);
            return Err(Diagnostic::error(Code::InvalidPreparedKit, message).hint("run the same command again").into());
        }
        let mode = self.tree().get(values::FILE).map_or(0o644, TreeEntry::mode);
        write_file(&file, text.as_bytes(), mode, true).map_err(|error| error.into_diagnostic(Code::InvalidPreparedKit))?;
        Ok(true)
    }
}

const UNDO: &str = "write the block as `prepare` writes it, or prepare the kit again into another directory";

fn no_values() -> Diagnostic {
    Diagnostic::error(Code::InvalidPreparedKit, format!("`{}` is missing", values::FILE)).hint("prepare the kit again")
}

/// A value of the block: its path below the block, and its new value.
type Leaf = (&'static [&'static str], Value);

fn leaves(record: Option<&StagedRecord>) -> [Leaf; 5] {
    let name = |choose: fn(&StagedRecord) -> &Option<String>| json!(record.and_then(|record| choose(record).as_ref()));
    let items = |choose: fn(&StagedRecord) -> &Vec<StagedItem>| json!(record.map_or(&Vec::new(), choose));
    [
        (&["namespace"], name(|record| &record.namespace)),
        (&["local", "configMapName"], name(|record| &record.config_map)),
        (&["local", "items"], items(|record| &record.local)),
        (&["startup", "secretName"], name(|record| &record.secret)),
        (&["startup", "items"], items(|record| &record.startup)),
    ]
}

/// Replaces the values of the block line by line; if they share lines with others, the whole block.
fn edit(bytes: &[u8], record: Option<&StagedRecord>) -> Result<String, Faults> {
    let text = String::from_utf8_lossy(bytes);
    let root = values::read(bytes, Code::InvalidPreparedKit)?;
    let leaves = leaves(record);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let spans: Option<Vec<_>> = leaves.iter().map(|(path, _)| lines_of(&lines, &root, path)).collect();
    let edited = match spans {
        Some(spans) => {
            let changes = spans.into_iter().zip(&leaves).map(|(span, (path, value))| {
                let key = *path.last().unwrap_or(&BLOCK);
                (span.lines, indented(&json!({key: value}), span.indent))
            });
            replaced(&lines, changes.collect())
        }
        None => replaced_whole(&lines, &root, &leaves),
    };
    check(&edited, &values::as_json(bytes)?, &leaves)?;
    Ok(edited)
}

fn replaced_whole(lines: &[&str], root: &Node, leaves: &[Leaf]) -> String {
    let mut whole = json!({});
    for (path, value) in leaves {
        set(&mut whole[BLOCK], path, value);
    }
    let (at, begin) = match lines_of(lines, root, &[]) {
        Some(span) => (span.lines, ""),
        None => (lines.len()..lines.len(), if lines.last().is_some_and(|line| !line.ends_with('\n')) { "\n" } else { "" }),
    };
    replaced(lines, vec![(at, format!("{begin}{}", block(&whole, Strings::Quoted)))])
}

/// The lines of an entry, and how far its key is indented.
struct Span {
    lines: Range<usize>,
    indent: usize,
}

/// The lines of the entry at this path below the block: from its key to the next key, without blank lines and comments before
/// the latter. `None` if it is missing or shares a line with another.
fn lines_of(lines: &[&str], root: &Node, path: &[&str]) -> Option<Span> {
    let (mut node, mut begin, mut next) = (root, None, None);
    for name in std::iter::once(&BLOCK).chain(path) {
        let index = node.entries().iter().position(|entry| entry.key.text == *name)?;
        let entry = &node.entries()[index];
        next = node.entries().get(index + 1).map(|entry| entry.key.position).or(next);
        begin = Some(entry.key.position);
        node = &entry.value;
    }
    // A key has its own line if only spaces precede it.
    let own_line = |position: flare_diagnostic::Position| {
        let (line, indent) = (position.line.checked_sub(1)? as usize, position.column.checked_sub(1)? as usize);
        lines.get(line)?.chars().take(indent).all(|character| character == ' ').then_some((line, indent))
    };
    let (first, indent) = own_line(begin?)?;
    let mut end = match next {
        Some(next) => own_line(next)?.0,
        None => lines.len(),
    };
    let is_comment = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    while end > first + 1 && is_comment(lines[end - 1]) {
        end -= 1;
    }
    (end > first).then_some(Span { lines: first..end, indent })
}

fn indented(value: &Value, indent: usize) -> String {
    block(value, Strings::Quoted).lines().map(|line| format!("{:indent$}{line}\n", "")).collect()
}

/// The text with some lines replaced.
fn replaced(lines: &[&str], mut changes: Vec<(Range<usize>, String)>) -> String {
    changes.sort_by_key(|(range, _)| range.start);
    let mut text = String::new();
    let mut at = 0;
    for (range, new) in changes {
        text.extend(lines[at..range.start.max(at)].iter().copied());
        text.push_str(&new);
        at = range.end.max(at);
    }
    text.extend(lines[at..].iter().copied());
    text
}

fn set(value: &mut Value, path: &[&str], new: &Value) {
    match path {
        [] => *value = new.clone(),
        [name, below @ ..] => {
            if !value.is_object() {
                *value = json!({});
            }
            set(&mut value[*name], below, new);
        }
    }
}

/// Checks that the edited text means the same as before, except for the record.
fn check(edited: &str, before: &Value, leaves: &[Leaf]) -> Result<(), Faults> {
    if edited.len() as u64 > LONGEST {
        let message = format!("with a record of this many files `{}` would be longer than 1 MiB", values::FILE);
        return Err(Diagnostic::error(Code::KitTooLarge, message).into());
    }
    let mut expected = before.clone();
    for (path, value) in leaves {
        set(&mut expected[BLOCK], path, value);
    }
    match values::as_json(edited.as_bytes()) {
        Ok(after) if after == expected => Ok(()),
        _ => {
            let message = format!("`{BLOCK}` cannot be exchanged alone in `{}` as it is written", values::FILE);
            Err(Diagnostic::error(Code::InvalidPreparedKit, message).hint(UNDO).at(Place::file(values::FILE)).into())
        }
    }
}
