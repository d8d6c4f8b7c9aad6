//! The JSON Schema of `federation.yaml`, for editors and for checks before a commit.

use std::collections::BTreeMap;

use flare_names::{ClaimName, NamespaceName, Target};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::Expose;

/// The schema, JSON Schema 2020-12, closed at every level that this crate reads. The keys of `k8s.yaml` in `defaults` and
/// `config` are described in the schema of that file.
pub fn schema() -> Value {
    let generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
    generator.into_root_schema_for::<FederationFile>().to_value()
}

/// Declares a block of the file: its schema, and the names of its keys for the reader.
macro_rules! block {
    ($(#[$about:meta])* $name:ident { $($(#[$key_about:meta])* $key:ident: $kind:ty,)+ }) => {
        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$about])*
        #[expect(dead_code, reason = "the shape of the file, for its schema and its keys only")]
        pub(crate) struct $name {
            $($(#[$key_about])* $key: $kind,)+
        }

        impl $name {
            /// The keys of the block, in the order of the manual.
            pub(crate) const KEYS: &[&str] = &[$(stringify!($key)),+];
        }
    };
}

block! {
    /// Participants of one federation, each with its startup kit and its cluster.
    #[schemars(title = "federation.yaml")]
    FederationFile {
        /// The defaults of every participant: keys of `k8s.yaml`, `target` and `values`.
        defaults: Option<Defaults>,
        /// The participants: one server and its clients.
        #[schemars(length(min = 1))]
        participants: Vec<ParticipantEntry>,
    }
}

block! {
    /// The defaults of every participant.
    Defaults {
        /// The FLARE release that the kits are prepared for; if left out, that of the image's tag, otherwise that of
        /// the kit.
        target: Option<TargetValue>,
        /// Helm values for every participant: a mapping, or the name of a file.
        values: Option<MappingOrFile>,
        /// The runtime; only `k8s`.
        runtime: Option<Runtime>,
        /// The namespace of every participant that does not name its own.
        namespace: Option<NamespaceName>,
        /// The Service of the server; `nvflare-server` if left out.
        server_service_name: Option<String>,
        /// The block `parent` of `k8s.yaml`.
        parent: Option<Map<String, Value>>,
        /// The block `job_launcher` of `k8s.yaml`.
        job_launcher: Option<Map<String, Value>>,
    }
}

block! {
    /// One participant.
    ParticipantEntry {
        /// Its name, the same as in its startup kit.
        #[schemars(length(min = 1))]
        name: String,
        /// The directory of its startup kit, relative to this file.
        #[schemars(length(min = 1))]
        kit: String,
        /// Its `k8s.yaml`, overlaid on `defaults`: a mapping, or the name of a file relative to this one.
        config: Option<MappingOrFile>,
        /// The kubeconfig of its cluster, relative to this file.
        kubeconfig: Option<String>,
        /// The context of the kubeconfig.
        context: Option<String>,
        /// Its namespace; takes precedence over `defaults` and `config`.
        namespace: Option<NamespaceName>,
        /// The claim of its workspace; takes precedence over `parent.workspace_pvc` of `defaults` and `config`.
        claim: Option<ClaimName>,
        /// Its Helm values, overlaid on those of `defaults`: a mapping, or the name of a file.
        values: Option<MappingOrFile>,
        /// How clients outside the cluster reach it.
        expose: Option<Expose>,
    }
}

/// The runtime.
#[derive(Deserialize, JsonSchema)]
enum Runtime {
    /// Kubernetes.
    #[serde(rename = "k8s")]
    Kubernetes,
}

/// A mapping, or the name of a file that contains one.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the shape of the file, for its schema only")]
enum MappingOrFile {
    /// The mapping.
    Mapping(BTreeMap<String, Value>),
    /// The name of a file.
    File(String),
}

/// A release line, quoted or not.
struct TargetValue;

impl<'de> Deserialize<'de> for TargetValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for TargetValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        // Without quotes YAML reads a number, and 2.1 where 2.10 stands, which no editor should propose.
        let texts = Target::ALL.iter().map(|target| json!(target.as_str()));
        let number = |target: &Target| target.as_str().parse::<f64>().ok().filter(|number| number.to_string() == target.as_str());
        let numbers = Target::ALL.iter().filter_map(number).map(|number| json!(number));
        schemars::json_schema!({"description": "The FLARE release line", "enum": texts.chain(numbers).collect::<Vec<_>>()})
    }
}
