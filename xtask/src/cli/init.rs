//! `init KITS`: writes the configuration for a provisioned directory.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_federation::init::CONFIG_FILE;
use flare_file_tree::Destination;
use flare_site_config::image::ImageReference;
use serde_json::json;

use crate::{
    Environment,
    context::Context,
    output::{Outcome, VerbResult, printable},
    pipeline::{
        init::{self, Described},
        kit_directory::refused,
    },
};

const ANOTHER_OUTPUT: &str = "name another directory with `--output`";

/// Write a commented k8s.yaml and a federation.yaml for a provisioned directory
///
/// Reads the participant, the ports and the provisioning release of every kit in the directory (`prod_NN` of `nvflare provision`).
/// Writes nothing if a kit is damaged, and never overwrites. `prepare --federation` accepts the files unchanged.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The provisioned directory: one startup kit per participant.
    #[arg(value_name = "KITS")]
    kits: PathBuf,
    /// The directory for the two files.
    #[arg(long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// The parent's image [default: NVIDIA's, with the tag of the kits' release].
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
}

/// Reads the kits and writes the files.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let environment = context.environment;
    let kits = environment.absolute(&arguments.kits)?;
    let output = environment.absolute(&arguments.output)?;
    let image = arguments.image.as_deref().map(parse_image).transpose()?;
    check_output(&output)?;
    let written = [output.join(CONFIG_FILE), output.join("federation.yaml")];
    refuse_existing(&written)?;
    let Checked { value: Described { found, files }, warnings } =
        init::describe(&kits, &output, image.as_ref(), environment.now)?;
    let both = [(written[0].as_path(), files.config.as_bytes()), (written[1].as_path(), files.federation.as_bytes())];
    flare_file_tree::write_new_files(&both, 0o644).map_err(|error| refused(error, ANOTHER_OUTPUT))?;
    let mut text: String = found.iter().map(|one| format!("found {} {}\n", one.role, printable(&one.name))).collect();
    for path in &written {
        text.push_str(&format!("wrote {}\n", printable(&path.to_string_lossy())));
    }
    let next = next_step(environment, &written[1]);
    text.extend(next.as_ref().map(|next| format!("next: {next}\n")));
    let participants: Vec<_> = found.iter().map(|one| json!({"name": one.name, "role": one.role, "kit": one.kit})).collect();
    let data = json!({ "files": written, "participants": participants, "next": next });
    Ok(Outcome { data, text, warnings })
}

fn parse_image(image: &str) -> Result<ImageReference, Diagnostic> {
    image.parse().map_err(|error| {
        Diagnostic::error(Code::InvalidArgs, format!("`{}` is not an image: {error}", printable(image)))
            .hint("give another `--image`")
    })
}

/// The next command, quoted for a shell; `None` if the path cannot be quoted.
fn next_step(environment: &Environment, federation: &Path) -> Option<String> {
    let file = shlex::try_quote(federation.to_str()?).ok()?;
    Some(format!("{} prepare --federation {file} --output prepared", environment.program))
}

/// Checks that the output is a directory or does not exist yet.
fn check_output(output: &Path) -> Result<(), Diagnostic> {
    let what = match Destination::inspect(output) {
        Ok(Destination::Absent | Destination::EmptyDirectory | Destination::Directory) => return Ok(()),
        Ok(Destination::File) => "a file",
        Ok(Destination::Other) => "a device, a pipe, a socket or a broken link",
        Err(error) => return Err(refused(error, ANOTHER_OUTPUT)),
    };
    let message = format!("the output `{}` is {what}, not a directory", printable(&output.to_string_lossy()));
    Err(Diagnostic::error(Code::InvalidArgs, message).hint(ANOTHER_OUTPUT).at(output))
}

/// Refuses to write if one of the files exists.
fn refuse_existing(written: &[PathBuf]) -> Result<(), Faults> {
    let faults = written.iter().filter_map(|path| match Destination::inspect(path) {
        Ok(Destination::Absent) => None,
        Ok(_) => {
            let message = format!("`{}` is there already, and init never overwrites", printable(&path.to_string_lossy()));
            let hint = "name another directory with `--output`, or move the file away";
            Some(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(path.as_path()))
        }
        Err(error) => Some(refused(error, ANOTHER_OUTPUT)),
    });
    Faults::check(faults.collect(), || ())
}
