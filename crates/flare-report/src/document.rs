//! The JSON document of a run, as far as the page shows it: the envelope, and the `data` of `up`, `status`, `down` and `verify`.
//!
//! What a run did not come to is missing in its document, so every part may be.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::text::Text;

/// The envelope.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    pub(crate) exit_code: u8,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) data: Data,
    #[serde(default)]
    pub(crate) errors: Vec<Problem>,
    #[serde(default)]
    pub(crate) warnings: Vec<Problem>,
}

/// What the run is about: a list of participants, or one.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) participants: Vec<ParticipantRow>,
    pub(crate) is_dry_run: bool,
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Data {
    fn read(data: &Value) -> Result<Self, serde_json::Error> {
        let participants = match (data.get("participants"), data.get("participant")) {
            (Some(participants), _) => Vec::deserialize(participants)?,
            (None, Some(_)) => vec![ParticipantRow::deserialize(data)?],
            (None, None) => Vec::new(),
        };
        Ok(Self { participants, is_dry_run: data["dry_run"] == true })
    }
}

/// A participant: in a list with its steps, alone without.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ParticipantRow {
    #[serde(alias = "participant")]
    pub(crate) name: Text,
    pub(crate) role: Option<Text>,
    pub(crate) ok: Option<bool>,
    /// Step → its state.
    #[serde(default)]
    pub(crate) steps: Map<String, Value>,
    /// Step → how long it took.
    #[serde(default)]
    pub(crate) seconds: Map<String, Value>,
    pub(crate) namespace: Option<Text>,
    pub(crate) target: Option<Text>,
    pub(crate) image: Option<Text>,
    pub(crate) fingerprint: Option<Text>,
    /// Where a server is reached from outside of its cluster.
    pub(crate) exposed: Option<Exposed>,
    #[serde(default)]
    pub(crate) findings: Vec<Finding>,
    pub(crate) state: Option<State>,
    /// Why its state could not be read.
    #[serde(default)]
    pub(crate) errors: Vec<Problem>,
}

/// Addresses or host names, and the ports for clients and admins.
#[derive(Debug, Deserialize)]
pub(crate) struct Exposed {
    pub(crate) addresses: Vec<Text>,
    pub(crate) ports: Vec<u16>,
}

/// An error or a warning.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    #[serde(alias = "error_code")]
    pub(crate) code: Option<Text>,
    pub(crate) message: Text,
    pub(crate) hint: Option<Text>,
    pub(crate) location: Option<Location>,
}

/// A place in a file.
#[derive(Debug, Deserialize)]
pub(crate) struct Location {
    pub(crate) file: Text,
    pub(crate) line: Option<u64>,
    pub(crate) column: Option<u64>,
}

/// A finding of a check.
#[derive(Debug, Deserialize)]
pub(crate) struct Finding {
    pub(crate) id: Text,
    pub(crate) severity: Text,
    pub(crate) message: Text,
    pub(crate) hint: Option<Text>,
    #[serde(default)]
    pub(crate) evidence: Vec<Text>,
}

/// The state of a participant in its cluster.
#[derive(Debug, Deserialize)]
pub(crate) struct State {
    pub(crate) namespace: Text,
    pub(crate) deployment: Option<Deployment>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) kit: Kit,
    pub(crate) joined: Option<bool>,
    pub(crate) reason: Option<Text>,
    pub(crate) jobs: Vec<Pod>,
}

/// A Deployment.
#[derive(Debug, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) name: Text,
    pub(crate) desired: i64,
    pub(crate) available: i64,
}

/// A pod of a parent or of a job.
#[derive(Debug, Deserialize)]
pub(crate) struct Pod {
    pub(crate) name: Text,
    pub(crate) status: Text,
    pub(crate) ready: bool,
    pub(crate) restarts: i64,
    pub(crate) created: Option<Text>,
    pub(crate) node: Option<Text>,
}

/// The fingerprints of a kit in three places.
#[derive(Debug, Deserialize)]
pub(crate) struct Kit {
    pub(crate) prepared: Text,
    pub(crate) staged: Option<Text>,
    pub(crate) running: Option<Text>,
}

/// `null` as the default.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
