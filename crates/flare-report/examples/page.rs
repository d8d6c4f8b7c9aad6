//! Makes a page of a document that `-o json` printed: from stdin to stdout.

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use flare_report::{Run, page};
use jiff::Timestamp;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let document = serde_json::from_str(&text)?;
    let (began, took) = (Timestamp::UNIX_EPOCH, Duration::ZERO);
    let run = Run { verb: "example", subject: "stdin", version: env!("CARGO_PKG_VERSION"), began, took };
    std::io::stdout().write_all(page(&document, &run)?.as_bytes())?;
    Ok(())
}
