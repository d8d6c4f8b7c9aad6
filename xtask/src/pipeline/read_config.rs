//! Reads the configuration of a kit before the release whose rules apply is known.

use std::path::Path;

use flare_diagnostic::{Checked, Code, Diagnostic, Faults, printable};
use flare_federation::Participant;
use flare_file_tree::Destination;
use flare_names::Target;
use flare_site_config::{SiteConfig, image::ImageReference};

use super::{
    release,
    request::{ConfigSource, KitRequest},
};

/// The largest config file that is read, in bytes; the parser has a lower limit, with its own message.
const LARGEST_CONFIG: u64 = 8 << 20;

/// A configuration that was read but not yet checked, since its image may decide which release's rules apply.
pub(crate) enum ReadConfig<'run> {
    File(&'run flare_yaml::Document),
    Participant(&'run Participant, Option<&'run flare_yaml::Document>),
}

impl<'run> ReadConfig<'run> {
    pub(crate) fn of(request: &'run KitRequest) -> Result<Self, Faults> {
        match &request.config {
            ConfigSource::Participant { participant, document } => Ok(Self::Participant(participant, document.as_deref())),
            ConfigSource::File(file) => {
                file.read.get_or_init(|| parsed(&file.path)).as_ref().map(Self::File).map_err(Faults::clone)
            }
        }
    }

    /// The image that it names, if that is a valid reference.
    pub(crate) fn image(&self) -> Option<ImageReference> {
        match self {
            Self::File(document) => release::image_of(&document.root),
            Self::Participant(participant, document) => {
                release::image_of(&participant.config_node(document.map(|document| &document.root)))
            }
        }
    }

    /// Checks it by the rules of a release.
    pub(crate) fn check(&self, target: Target) -> Result<Checked<SiteConfig>, Faults> {
        match self {
            Self::File(document) => SiteConfig::from_document(document, target),
            Self::Participant(participant, document) => participant.site_config(*document, target),
        }
    }
}

fn parsed(path: &Path) -> Result<flare_yaml::Document, Faults> {
    let bytes = read_config_file(path)?;
    flare_yaml::parse(&bytes, &path.display().to_string(), Code::InvalidConfig)
}

/// Reads a config file. As in the reference, what is there and no file counts as not found, such as a directory and `/dev/null`.
pub(crate) fn read_config_file(path: &Path) -> Result<Vec<u8>, Faults> {
    let what = match Destination::inspect(path) {
        Ok(Destination::Directory | Destination::EmptyDirectory) => Some("a directory"),
        Ok(Destination::Other) => Some("a device, a pipe, a socket or a broken link"),
        _ => None,
    };
    if let Some(what) = what {
        let message = format!("the config `{}` is {what}, not a file", printable(&path.to_string_lossy()));
        return Err(Diagnostic::error(Code::ConfigNotFound, message).hint("name a file with `--config`").at(path).into());
    }
    let read = flare_file_tree::read_file(path, LARGEST_CONFIG, Code::ConfigNotFound, Code::InvalidConfig);
    read.map_err(|faults| {
        faults.map(|fault| match fault.code {
            Code::ConfigNotFound => fault.hint("name the file with `--config`, or let `init` write one"),
            _ => fault,
        })
    })
}
