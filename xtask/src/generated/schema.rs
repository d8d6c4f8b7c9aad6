//! The JSON Schemas of the files that flare-kube reads and writes.

use flare_names::{Role, Target};
use serde_json::Value;

/// The files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    /// k8s.yaml, the runtime configuration of a site.
    K8s,
    /// federation.yaml, the participants of a federation.
    Federation,
    /// values.yaml of a server's chart.
    ServerValues,
    /// values.yaml of a client's chart.
    ClientValues,
    /// The launch request of `launch manifest --request`.
    LaunchRequest,
    /// `launcher_spec` in a job's meta.json.
    LauncherSpec,
    /// `resource_spec` in a job's meta.json.
    ResourceSpec,
    /// `local/study_data.yaml`.
    StudyData,
    /// `local/study_runtime.yaml`.
    StudyRuntime,
}

/// The schema of a file.
pub(crate) fn schema(name: Name, target: Option<Target>) -> Value {
    match name {
        Name::K8s => flare_site_config::schema(target),
        Name::Federation => flare_federation::schema(),
        Name::ServerValues => flare_helm_chart::values_schema(Role::Server),
        Name::ClientValues => flare_helm_chart::values_schema(Role::Client),
        Name::LaunchRequest => flare_pod_manifest::schema::launch_request(),
        Name::LauncherSpec => flare_pod_manifest::schema::launcher_spec(),
        Name::ResourceSpec => flare_pod_manifest::schema::resource_spec(),
        Name::StudyData => flare_pod_manifest::schema::study_data(),
        Name::StudyRuntime => flare_pod_manifest::schema::study_runtime(),
    }
}
