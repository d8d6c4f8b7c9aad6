//! Copies a directory as `prepare` does, repeatedly: `copy_directory FROM TO TIMES` prints the microseconds of one copy.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "an example has a command line and measures")]

use std::{error::Error, path::PathBuf, time::Instant};

use flare_diagnostic::Code;
use flare_file_tree::{CommitOptions, FileTree, ReadOptions, commit};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let mut argument = || arguments.next().ok_or("use: copy_directory FROM TO TIMES");
    let (from, to) = (PathBuf::from(argument()?), PathBuf::from(argument()?));
    let times: u32 = argument()?.to_string_lossy().parse()?;
    let start = Instant::now();
    for _ in 0..times {
        let tree = FileTree::read(&from, &ReadOptions::new(Code::InvalidKit))?;
        commit(&tree, &to, &CommitOptions::default())?;
    }
    println!("{}", start.elapsed().as_micros() / u128::from(times.max(1)));
    Ok(())
}
