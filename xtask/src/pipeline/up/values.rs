//! The Helm values of a participant and how it is exposed; the values are in a temporary file that only the user can read, since some are secrets.

use std::io::Write as _;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_federation::{Expose, Participant};
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use crate::pipeline::install::Given;

/// Why no participant is exposed by a port forward.
const NO_PORT_FORWARD: &str = ": a port forward lasts as long as its program";

/// What one can do instead.
const OTHER_WAYS: &str =
    "`install --expose port-forward` opens one until Ctrl-C; other sites need `load-balancer`, `host-port` or `microk8s`";

/// Refuses to expose the server by a port forward, which would end with `up`. In federation.yaml, which other verbs read too, it is only a
/// warning.
///
/// # Errors
/// `INVALID_ARGS`.
pub(crate) fn refuse_port_forward(asked: Option<Expose>) -> Result<(), Diagnostic> {
    if asked != Some(Expose::PortForward) {
        return Ok(());
    }
    Err(Diagnostic::error(Code::InvalidArgs, format!("`up` opens no port{NO_PORT_FORWARD}")).hint(OTHER_WAYS))
}

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
        let expose = participant.expose.filter(|expose| *expose != Expose::PortForward);
        if expose != participant.expose {
            let message = format!("`up` opens no port for `{}`{NO_PORT_FORWARD}", participant.name);
            found.push(Diagnostic::warning(Code::Notice, message).hint(OTHER_WAYS).at(participant.places.name.clone()));
        }
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

#[cfg(test)]
mod tests {
    use flare_federation::Federation;

    use super::*;

    #[test]
    fn a_port_forward_is_refused_as_a_flag_and_a_warning_in_the_file_with_one_hint() {
        let text = b"participants: [{name: server1, kit: k, expose: port-forward}]";
        let federation = Federation::parse(text, "federation.yaml").unwrap().value;
        let values = ParticipantValues::of(&federation.participants[0], &Map::new()).unwrap();
        assert_eq!(values.value.expose, None);
        let [warning] = values.warnings.as_slice() else { panic!("{:?}", values.warnings) };
        let refused = refuse_port_forward(Some(Expose::PortForward)).unwrap_err();
        assert_eq!((&warning.hint, refused.code), (&refused.hint, Code::InvalidArgs));
        assert!(refuse_port_forward(Some(Expose::HostPort)).is_ok() && refuse_port_forward(None).is_ok());
    }
}
