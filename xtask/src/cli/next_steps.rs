//! What a person does next with a participant that is up.

use flare_cluster::Access;
use flare_federation::Expose;
use flare_site_plan::{Ports, SitePlan};
use serde_json::{Value, json};

use crate::{output::printable, pipeline::install::Exposed};

/// The next steps: a few words each, and a command or a sentence.
pub(super) struct NextSteps(Vec<(&'static str, String)>);

impl NextSteps {
    /// Those after a participant was installed in the cluster of `access`, and a server exposed.
    pub(super) fn of(plan: &SitePlan, access: &Access, exposed: Option<&Exposed>) -> Self {
        let kubectl = kubectl(plan, access);
        let mut next = vec![("log", format!("{kubectl} logs deployment/{} --follow", plan.names.deployment))];
        let Ports::Server { fl, admin, .. } = plan.ports else {
            next.push(("jobs", "an admin submits them at the server; this site starts its part by itself".to_owned()));
            return Self(next);
        };
        let port = admin.unwrap_or(fl);
        let host = plan.server_target.as_ref().map_or_else(|| plan.participant.clone(), |(host, _)| host.clone());
        let host = printable(&host).into_owned();
        next.push((
            "admin console",
            format!("start `startup/fl_admin.sh` of an admin's startup kit of this project; it calls {host}, port {port}"),
        ));
        let inside = format!("in the cluster as {}.{}:{port}", plan.names.service, plan.namespace);
        let outside = match exposed {
            Some(exposed) if exposed.expose == Expose::PortForward => {
                format!("from this machine as 127.0.0.1:{port} until this command ends, with {host} pointing to 127.0.0.1")
            }
            Some(exposed) => {
                let addresses = printable(&exposed.addresses.join(", ")).into_owned();
                format!("from outside as {addresses}, port {port}, where {host} has to lead")
            }
            None => {
                let service = &plan.names.service;
                format!(
                    "from this machine, with {host} pointing to 127.0.0.1, by `{kubectl} port-forward service/{service} {port}:{port}`"
                )
            }
        };
        next.push(("reach it", format!("{inside}; {outside}")));
        next.push(("submit a job", "`submit_job DIRECTORY` in the admin console, then `list_jobs`".to_owned()));
        Self(next)
    }

    /// As `next` of a result.
    pub(super) fn to_json(&self) -> Value {
        self.0.iter().map(|(what, how)| json!({"what": what, "how": how})).collect()
    }

    /// A line each.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|(what, how)| format!("  {what}: {how}\n")).collect()
    }
}

/// The `kubectl` command for a cluster and the participant's namespace, for a shell.
fn kubectl(plan: &SitePlan, access: &Access) -> String {
    let mut words = vec!["kubectl".to_owned()];
    words.extend(access.kubeconfig.iter().flat_map(|file| ["--kubeconfig".to_owned(), file.to_string_lossy().into_owned()]));
    words.extend(access.context.iter().flat_map(|context| ["--context".to_owned(), context.clone()]));
    words.extend(["--namespace".to_owned(), plan.namespace.to_string()]);
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| "kubectl".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> SitePlan {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_way_to_a_server_is_the_one_by_which_it_is_exposed() {
        let server = plan(include_str!("../../../crates/flare-helm-chart/tests/plans/server-2.8.json"));
        let access = Access { kubeconfig: Some("a b/config".into()), context: Some("prod".to_owned()) };
        let reach = |exposed: Option<&Exposed>| {
            let next = NextSteps::of(&server, &access, exposed).to_json();
            let steps = next.as_array().unwrap().clone();
            let step = steps.into_iter().find(|step| step["what"] == "reach it").unwrap();
            step["how"].as_str().unwrap().to_owned()
        };
        let exposed = |expose, address: &str| Exposed { expose, addresses: vec![address.to_owned()], ports: vec![8002, 8003] };
        assert!(reach(Some(&exposed(Expose::LoadBalancer, "203.0.113.7"))).contains("from outside as 203.0.113.7, port "));
        let forwarded = reach(Some(&exposed(Expose::PortForward, "127.0.0.1")));
        assert!(forwarded.contains("until this command ends") && !forwarded.contains("kubectl"), "{forwarded}");
        let hidden = reach(None);
        assert!(hidden.contains("kubectl --kubeconfig 'a b/config' --context prod --namespace "), "{hidden}");
    }

    #[test]
    fn a_client_has_a_log_and_waits_for_jobs() {
        let client = plan(include_str!("../../../crates/flare-helm-chart/tests/plans/client-2.8.json"));
        let text = NextSteps::of(&client, &Access::default(), None).text();
        assert_eq!((text.lines().count(), text.contains("reach it")), (2, false), "{text}");
        assert!(text.starts_with("  log: kubectl --namespace "), "{text}");
    }
}
