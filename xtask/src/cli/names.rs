//! `names SITE`: every name that is derived from a participant's raw name.

use flare_diagnostic::{Code, Diagnostic};
use flare_names::{ParticipantNames, Role, ServiceName, job_container, job_pod, launcher_site};
use flare_pod_manifest::PLACEHOLDER_JOB_ID;
use serde_json::{Map, Value, json};

use crate::output::{Outcome, VerbResult, printable};

/// Print every Kubernetes name that is derived from a participant's name
///
/// Kubernetes does not accept every FLARE name: a site `Site_1` becomes Deployment `site-1-…`, Secret `nvflare-startup-site1-…`.
/// This shows all names, for a server and for a client, as `prepare` and FLARE's own launcher derive them.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The participant's name in project.yml.
    #[arg(value_name = "SITE")]
    site: String,
    /// Only for this role.
    #[arg(long, value_parser = ["server", "client"])]
    role: Option<String>,
    /// The name of a server's Service: `server_service_name` of k8s.yaml.
    #[arg(long, default_value = "nvflare-server", value_name = "NAME")]
    server_service_name: String,
    /// The id of a job, for the name of its pods.
    #[arg(long, default_value = PLACEHOLDER_JOB_ID, value_name = "ID")]
    job: String,
}

/// Derives the names and prints them.
pub(crate) fn run(arguments: &Arguments) -> VerbResult {
    if arguments.site.is_empty() {
        return Err(Diagnostic::error(Code::InvalidArgs, "the participant's name is empty")
            .hint("give the name that project.yml has")
            .into());
    }
    let service = ServiceName::new(arguments.server_service_name.clone()).map_err(|invalid| {
        Diagnostic::error(Code::InvalidArgs, invalid.to_string()).hint("give another `--server-service-name`")
    })?;
    if job_pod(&arguments.job, &arguments.site).is_none() {
        let message = format!("`{}` is not a job id: no name of a pod can be made of it", printable(&arguments.job));
        return Err(Diagnostic::error(Code::InvalidArgs, message)
            .hint("give the id that FLARE shows for the job, such as 5f0f7d2e-1d3a-4c3b-9a51-0c7f5f1f0e2d")
            .into());
    }
    let mut data = Map::new();
    data.insert("name".to_owned(), json!(arguments.site));
    let mut text = format!("{}\n", printable(&arguments.site));
    for role in [Role::Server, Role::Client] {
        if arguments.role.as_deref().is_some_and(|only| only != role.as_str()) {
            continue;
        }
        let rows = rows(role, arguments, &service);
        text.push_str(&format!("\nas a {role}:\n"));
        for (_, label, value) in &rows {
            text.push_str(&format!("  {label:<38} {value}\n", value = value.as_str().unwrap_or_default()));
        }
        let object: Map<String, Value> = rows.into_iter().map(|(key, _, value)| (key.to_owned(), value)).collect();
        data.insert(role.as_str().to_owned(), Value::Object(object));
    }
    Ok(Outcome { data: Value::Object(data), text, warnings: Vec::new() })
}

/// Rows of JSON key, label and value.
fn rows(role: Role, arguments: &Arguments, service: &ServiceName) -> Vec<(&'static str, &'static str, Value)> {
    let names = ParticipantNames::derive(role, &arguments.site, &arguments.site, service);
    let pod = job_pod(&arguments.job, launcher_site(role, &arguments.site)).map_or(Value::Null, |pod| json!(pod));
    vec![
        ("release", "Helm release", json!(names.release)),
        ("deployment", "Deployment, container, label", json!(names.deployment)),
        ("service", "Service", json!(names.service)),
        ("service_account", "ServiceAccount", json!(names.deployment)),
        ("launcher_role", "Role, RoleBinding", json!(names.launcher_role)),
        ("startup_secret", "Secret of the launcher", json!(names.startup_secret)),
        ("job_pod", "job pod", pod),
        ("job_container", "container of a job pod", json!(job_container(&arguments.job))),
        ("staged_local", "ConfigMap of local/, -VERSION left out", json!(names.staged_local)),
        ("staged_startup", "Secret of startup/, -VERSION left out", json!(names.staged_startup)),
    ]
}
