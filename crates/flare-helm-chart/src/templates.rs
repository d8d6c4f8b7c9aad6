//! The files of a chart that are filled in for each plan. A template and its variables are compiled together, so that none is missing.

use askama::Template;
use flare_names::Role;
use flare_site_plan::{LauncherRight, ReadinessPort, SitePlan};
use flare_yaml::{Comments, quote};
use serde_json::{Map, Value};

use crate::table;

/// The chart's own `Chart.yaml`. Texts that come from users are quoted.
#[derive(Template)]
#[template(path = "common/Chart.yaml.askama", escape = "none")]
pub(crate) struct ChartFile {
    chart: &'static str,
    description: String,
    app_version: String,
    role: String,
    target: String,
    namespace: String,
    service: String,
    readiness_port: String,
    parent_port: String,
    mount_path: String,
    image_tag: String,
    image_digest: String,
}

impl ChartFile {
    pub(crate) fn of(plan: &SitePlan) -> Self {
        let image = &plan.parent.image;
        let readiness_port = match plan.readiness_port() {
            ReadinessPort::FederatedLearning => "fedLearnPort",
            ReadinessPort::Parent | ReadinessPort::None => "parentPort",
        };
        Self {
            chart: chart_name(plan.role),
            description: quote(&description(plan)),
            app_version: quote(if image.tag.is_empty() { "latest" } else { &image.tag }),
            role: quote(plan.role.as_str()),
            target: quote(plan.target.as_str()),
            namespace: quote(plan.namespace.as_str()),
            service: quote(plan.names.service.as_str()),
            readiness_port: quote(readiness_port),
            parent_port: quote(&plan.ports.parent().to_string()),
            mount_path: quote(&plan.workspace.mount_path),
            image_tag: quote(&image.tag),
            image_digest: quote(&image.digest),
        }
    }

    pub(crate) fn text(&self) -> String {
        filled_in(self)
    }
}

/// The chart's `README.md`.
#[derive(Template)]
#[template(path = "common/README.md.askama", escape = "none")]
pub(crate) struct Readme<'plan> {
    chart: &'static str,
    description: String,
    target: &'static str,
    release: &'plan str,
    namespace: &'plan str,
    /// The rows of the table.
    values: String,
    /// The value from which the Deployment has its name.
    name_source: &'static str,
}

impl<'plan> Readme<'plan> {
    pub(crate) fn of(plan: &'plan SitePlan, values: &Map<String, Value>, comments: &Comments) -> Self {
        Self {
            chart: chart_name(plan.role),
            description: description(plan),
            target: plan.target.as_str(),
            release: plan.names.release.as_str(),
            namespace: plan.namespace.as_str(),
            values: table::rows(values, comments),
            name_source: match plan.role {
                Role::Server => "`name`",
                Role::Client => "`serviceName`",
            },
        }
    }

    pub(crate) fn text(&self) -> String {
        filled_in(self)
    }
}

/// The Role of the parent's launcher.
#[derive(Template)]
#[template(path = "common/templates/role.yaml.askama", escape = "none")]
pub(crate) struct LauncherRole {
    rules: Vec<LauncherRule>,
}

struct LauncherRule {
    /// Quoted.
    resource: String,
    /// A YAML list.
    verbs: String,
}

impl LauncherRole {
    pub(crate) fn of(plan: &SitePlan) -> Self {
        let rule = |right: LauncherRight| {
            let verbs: Vec<_> = right.verbs.iter().map(|verb| quote(verb)).collect();
            LauncherRule { resource: quote(right.resource.as_str()), verbs: format!("[{}]", verbs.join(", ")) }
        };
        Self { rules: plan.launcher_rights().into_iter().map(rule).collect() }
    }

    pub(crate) fn text(&self) -> String {
        filled_in(self)
    }
}

fn filled_in(template: &impl Template) -> String {
    let mut text = template.render().expect("writing into memory, of values that are texts, cannot fail");
    // Askama takes the last line end off a template.
    text.push('\n');
    text
}

const fn chart_name(role: Role) -> &'static str {
    match role {
        Role::Server => "nvflare-server",
        Role::Client => "nvflare-client",
    }
}

fn description(plan: &SitePlan) -> String {
    match plan.role {
        Role::Server => format!("NVFlare federated learning server for {}", plan.participant),
        Role::Client => format!("NVFlare federated learning client deployment and service for {}", plan.participant),
    }
}
