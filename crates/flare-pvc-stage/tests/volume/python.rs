//! This machine's Python.

use std::{path::PathBuf, process::Command, sync::LazyLock};

/// The program itself. What `PATH` finds may be a script that chooses between several versions, which takes ten times as long as a start
/// of Python, and the tests start it hundreds of times.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let asked = Command::new("python3").args(["-S", "-c", "import sys; sys.stdout.write(sys.executable)"]).output();
    let found = String::from_utf8(asked.expect("python3 is on this machine").stdout).expect("a path in UTF-8");
    assert!(!found.is_empty(), "python3 does not know where it is");
    found.into()
});

pub(crate) fn python() -> &'static PathBuf {
    &PYTHON
}
