//! The Helm values of a participant and how it is exposed; the values are in a temporary file that only the user can read, since some are secrets.

use std::io::Write as _;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_federation::{Expose, Participant};
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use crate::pipeline::install::Given;

/// The values of a participant. The file is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct ParticipantValues {
    file: Option<NamedTempFile>,
    /// How its installation exposes it.
    pub(super) expose: Option<Expose>,
}

impl ParticipantValues {
    /// Writes the values that federation.yaml names.
    ///
    /// # Errors
    /// `OUTPUT_NOT_WRITTEN`.
    pub(crate) fn of(participant: &Participant, values: &Map<String, Value>) -> Result<Checked<Self>, Faults> {
        let mut found = Collector::new();
        let file = if values.is_empty() { None } else { Some(found.require(written(values))?) };
        if participant.expose == Some(Expose::PortForward) {
            let message = format!("`up` opens no port for `{}`: a port forward lasts as long as its program", participant.name);
            found.push(
                Diagnostic::warning(Code::Notice, message)
                    .hint("`kubectl port-forward` opens one; other sites need `expose: load-balancer`, `host-port` or `microk8s`")
                    .at(participant.places.name.clone()),
            );
        }
        let expose = participant.expose.filter(|expose| *expose != Expose::PortForward);
        found.finish(|| Self { file, expose })
    }

    /// The values for an installation.
    pub(crate) fn given(&self) -> Given {
        Given { files: self.file.iter().map(|file| file.path().to_path_buf()).collect(), settings: Vec::new() }
    }
}

/// Writes the values as JSON, which is also YAML.
fn written(values: &Map<String, Value>) -> Result<NamedTempFile, Diagnostic> {
    let text = serde_json::to_vec(values).unwrap_or_default();
    let write = || {
        let mut file = tempfile::Builder::new().prefix("flare-kube-values-").suffix(".json").tempfile()?;
        file.write_all(&text)?;
        file.flush()?;
        Ok(file)
    };
    write().map_err(|error: std::io::Error| {
        Diagnostic::error(Code::OutputNotWritten, format!("a file for the Helm values cannot be made: {}", error.kind()))
            .hint("make room in the directory for temporary files, or name another one in `TMPDIR`")
    })
}
