//! busybox, one static program with all small tools: the image that creates volumes, and the pause process of a pod.

use std::path::PathBuf;

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::{
    debian::{self, Debian},
    entry::{Entries, LayerContent, LayerEntry},
    store::{Recipe, Stored},
};
use crate::{Context, build_cache::LongRun};

/// The first process of a pod: reaps every process that ends in it, and ends on SIGTERM.
pub(super) const PAUSE: &str = "trap 'exit 0' TERM INT; while :; do sleep 2147483647 & wait $!; done";

/// The tools that are linked in the images.
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

const SCRIPT: &str =
    concat!(include_str!("../../../../tools/images/mirror.sh"), include_str!("../../../../tools/images/busybox.sh"));

/// The Debian release that it is taken from, regardless of this machine's.
const SUITE: &str = Debian::Trixie.suite();

/// The layer. The program is extracted from its package, since installing it would replace a busybox that is not static.
pub(super) fn layer(context: &Context<'_>) -> Result<Stored, Faults> {
    let recipe = Recipe::new("busybox", "the image of busybox", "some seconds", &[SCRIPT, SUITE, &TOOLS.join(" ")]);
    recipe.layer(context, |work| {
        let mut command = debian::isolated(context, SCRIPT, "mmdebstrap", "mmdebstrap")?;
        command.arg(work).arg(SUITE);
        LongRun::new(context, &recipe.what, &recipe.name).run(context, command)?;
        let places = ["usr/bin/busybox", "bin/busybox"].map(|place| work.join(place));
        let missing = || {
            Diagnostic::error(Code::MachineNotReady, "the Debian package `busybox-static` has no program `busybox`")
                .hint("name another mirror with FLARE_KUBE_DEBIAN_MIRROR, and run again")
        };
        Ok(entries(places.into_iter().find(|path| path.is_file()).ok_or_else(missing)?))
    })
}

fn entries(program: PathBuf) -> Entries {
    let directory = |mode| LayerEntry::of_root(mode, LayerContent::Directory);
    let tools =
        TOOLS.iter().map(|tool| (format!("bin/{tool}"), LayerEntry::of_root(0o777, LayerContent::Link("busybox".into()))));
    let fixed = [("bin", directory(0o755)), ("etc", directory(0o755)), ("tmp", directory(0o1777))];
    let fixed = fixed.into_iter().map(|(path, entry)| (path.to_owned(), entry));
    tools.chain(fixed).chain([("bin/busybox".to_owned(), LayerEntry::of_root(0o755, LayerContent::File(program)))]).collect()
}
