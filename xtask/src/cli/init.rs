//! `init KITS`: writes the configuration for a provisioned directory.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Diagnostic};
use flare_site_config::image::ImageReference;
use serde_json::json;

use crate::{
    Environment,
    context::Context,
    output::{Outcome, VerbResult, printable},
    pipeline::init_files::{self, Written},
};

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
    let Checked { value: Written { found, config, federation }, warnings } =
        init_files::write(&kits, &output, image.as_ref(), environment.now)?;
    let written = [config, federation];
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
