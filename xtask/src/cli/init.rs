//! `init KITS`: what a user would otherwise type, for a provisioned folder.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_federation::init::CONFIG_FILE;
use serde_json::json;

use super::Context;
use crate::{
    output::{Ended, Outcome, printable},
    pipeline::init,
};

/// Write a commented k8s.yaml and a federation.yaml for a provisioned folder.
///
/// Looks at every kit in the folder (`prod_NN` of `nvflare provision`) for its participant, its ports and the release that provisioned it. Never
/// overwrites. `prepare --federation` takes what it writes as it stands.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The provisioned folder: one startup kit per participant.
    #[arg(value_name = "KITS")]
    kits: PathBuf,
    /// Where the two files go.
    #[arg(long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// The parent's image [default: NVIDIA's, with the tag of the kits' release].
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
}

/// Looks and writes.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Ended {
    let kits = context.environment.absolute(&arguments.kits);
    let output = context.environment.absolute(&arguments.output);
    if let Some(image) = &arguments.image {
        image.parse::<flare_site_config::image::ImageReference>().map_err(|error| {
            Diagnostic::error(Code::InvalidArgs, format!("`{}` is no image: {error}", printable(image)))
                .hint("give another `--image`")
        })?;
    }
    let looked = init::look(&kits, &output, context.environment.now)?;
    let files = flare_federation::init::files(&looked.found, arguments.image.as_deref())?;
    let written = [(output.join(CONFIG_FILE), &files.config), (output.join("federation.yaml"), &files.federation)];
    refuse_existing(&written)?;
    for (path, text) in &written {
        flare_file_tree::write_file(path, text.as_bytes(), 0o644, false)
            .map_err(|error| error.into_diagnostic(Code::InvalidArgs))?;
    }
    let mut text: String = looked.found.iter().map(|one| format!("found {} {}\n", one.role, printable(&one.name))).collect();
    for (path, _) in &written {
        text.push_str(&format!("wrote {}\n", printable(&path.to_string_lossy())));
    }
    text.push_str(&format!("next: prepare --federation {} --output prepared\n", printable(&written[1].0.to_string_lossy())));
    let participants: Vec<_> =
        looked.found.iter().map(|one| json!({"name": one.name, "role": one.role, "kit": one.kit})).collect();
    let files: Vec<_> = written.iter().map(|(path, _)| path).collect();
    Ok(Outcome { data: json!({ "files": files, "participants": participants }), text, warnings: looked.warnings })
}

/// Neither file may be there: then none is written.
fn refuse_existing(written: &[(PathBuf, &String)]) -> Result<(), Faults> {
    let there = written.iter().map(|(path, _)| path.as_path()).filter(|path| is_there(path)).map(|path| {
        let message = format!("`{}` is there already, and init never overwrites", printable(&path.to_string_lossy()));
        Diagnostic::error(Code::InvalidArgs, message).hint("name another folder with `--output`, or move the file away").at(path)
    });
    Faults::check(there.collect(), || ())
}

fn is_there(path: &Path) -> bool {
    !matches!(flare_file_tree::Destination::look(path), Ok(flare_file_tree::Destination::Absent))
}
