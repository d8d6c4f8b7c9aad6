//! One static program with all small tools: the image in which volumes are made, and the process that holds a pod.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::{
    entry::{Content, Entries, Entry},
    store::{Recipe, Stored},
};
use crate::{
    Surroundings,
    workshop::{disk, key},
};

/// Holds a pod: takes leave of every process that ends in it, and ends itself when asked.
pub(super) const PAUSE: &str = "trap 'exit 0' TERM INT; while :; do sleep 2147483647 & wait $!; done";

/// The tools that the images have under their own names.
const TOOLS: &[&str] = &[
    "[",
    "awk",
    "base64",
    "basename",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "du",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "grep",
    "head",
    "hostname",
    "id",
    "kill",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "mv",
    "nc",
    "netstat",
    "nslookup",
    "ping",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "sync",
    "tail",
    "tar",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "true",
    "truncate",
    "tty",
    "uname",
    "uniq",
    "vi",
    "wc",
    "wget",
    "which",
    "whoami",
    "xargs",
    "yes",
];

/// The layer, made of this machine's own busybox.
pub(super) fn layer(surroundings: &Surroundings<'_>) -> Result<Stored, Faults> {
    let missing = || {
        Diagnostic::error(Code::ToolNotFound, "the program `busybox` is not there")
            .hint("install it with `apt-get install busybox-static`, and run again")
    };
    let program = ["/bin", "/usr/bin"].iter().map(|folder| Path::new(folder).join("busybox")).find(|path| path.is_file());
    let program = program.or_else(|| surroundings.find("busybox")).ok_or_else(missing)?;
    let bytes = std::fs::read(&program).map_err(|error| disk("read", &program, &error))?;
    let recipe = Recipe::new("busybox", "the image of busybox", "a second", &[&key([bytes.as_slice()]), &TOOLS.join(" ")]);
    recipe.layer(surroundings, |_| Ok(entries(program)))
}

fn entries(program: PathBuf) -> Entries {
    let folder = |mode| Entry::of_root(mode, Content::Folder);
    let tools = TOOLS.iter().map(|tool| (format!("bin/{tool}"), Entry::of_root(0o777, Content::Link("busybox".into()))));
    let fixed = [("bin", folder(0o755)), ("etc", folder(0o755)), ("tmp", folder(0o1777))];
    let fixed = fixed.into_iter().map(|(path, entry)| (path.to_owned(), entry));
    tools.chain(fixed).chain([("bin/busybox".to_owned(), Entry::of_root(0o755, Content::File(program)))]).collect()
}
