//! What a study can add to a pod.

use flare_diagnostic::Place;
use serde_json::Value;

use crate::origin::Origin;

/// What the study adds to the pod.
#[derive(Default)]
pub(crate) struct Study {
    pub(crate) image: Option<String>,
    pub(crate) datasets: Vec<Dataset>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) secret_env: Vec<SecretEnv>,
    pub(crate) secret_mounts: Vec<SecretMount>,
    pub(crate) template: Option<Template>,
    /// Where the datasets come from.
    pub(crate) origin: Option<Origin>,
}

/// A claim that is mounted at `/data/<study>/<dataset>`.
#[derive(Clone)]
pub(crate) struct Dataset {
    pub(crate) name: String,
    pub(crate) claim: String,
    pub(crate) read_only: bool,
    /// Where the file names the claim.
    pub(crate) offset: usize,
}

/// A variable whose value comes from a Secret of the site.
#[derive(Clone)]
pub(crate) struct SecretEnv {
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) key: String,
}

/// A mounted Secret of the site: the whole Secret, or the keys in `items` at their paths.
#[derive(Clone)]
pub(crate) struct SecretMount {
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) mount_path: String,
    pub(crate) items: Vec<(String, String)>,
}

/// A pod template, and the place for faults of its content.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) pod: Value,
    pub(crate) place: Place,
}
