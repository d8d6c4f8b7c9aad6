//! `schema NAME`: the JSON Schemas, for editors and pipelines.

use flare_diagnostic::{Code, Diagnostic};
use flare_names::{Role, Target};
use serde_json::Value;

use crate::output::{Ended, Outcome};

/// Print the JSON Schema of a file that flare-kube reads or writes.
///
/// In an editor with a YAML language server, a first line `# yaml-language-server: $schema=k8s.schema.json` gives
/// completion and checks while you type.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which file.
    #[arg(value_enum, value_name = "NAME")]
    name: Name,
    #[arg(long, value_name = "RELEASE", help = format!(
        "The FLARE release: {}. Only `k8s` depends on it; left out, its schema takes what any release takes",
        Target::choice(&Target::ALL)
    ))]
    target: Option<Target>,
}

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
    /// `local/study_runtime.yaml` (2.9).
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

/// Prints it: the bare schema as text, the envelope with it as JSON.
pub(crate) fn run(arguments: &Arguments) -> Ended {
    let data = schema(arguments.name, arguments.target);
    let pretty = serde_json::to_string_pretty(&data)
        .map_err(|error| Diagnostic::error(Code::Internal, format!("the schema cannot be written: {error}")))?;
    Ok(Outcome { data, text: format!("{pretty}\n"), warnings: Vec::new() })
}
