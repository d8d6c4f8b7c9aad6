//! A server's ports at this machine, for as long as the run lasts, whichever pod the parent is at the time.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use flare_cluster::{Cluster, Forwarding, Selection, k8s_openapi::api::core::v1::Pod, pod_state::phase};
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_federation::Expose;
use flare_names::labels::{NAME, selector};
use flare_site_plan::SitePlan;
use tokio::time::sleep;

use super::{
    exposure::ports,
    run::{Installed, Options, Progress},
};
use crate::{
    context::Context,
    pipeline::stage::{Request, connect},
    runtime,
};

/// How often it is looked whether the parent's pod is another one.
const LOOK: Duration = Duration::from_secs(1);

/// How long connecting to the cluster may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// What can be done about a port that is taken: a server has the ports of its kit.
const FREE_THE_PORT: &str =
    "end what listens there, or leave `--expose` out and forward another local port with `kubectl port-forward`";

/// Refuses a forward at ports of this machine that are taken, before anything is installed for it.
///
/// # Errors
/// `INVALID_ARGS` for each of them.
pub(super) fn check_ports(plan: &SitePlan, options: &Options) -> Result<(), Faults> {
    let is_asked = options.expose == Some(Expose::PortForward) && !options.dry_run;
    if is_asked { check_free(&ports(plan)) } else { Ok(()) }
}

fn check_free(ports: &[u16]) -> Result<(), Faults> {
    let taken = ports.iter().filter_map(|port| {
        let local = local(*port);
        let error = TcpListener::bind(local).err()?;
        let message = format!("cannot listen at {local}: {}", error.kind());
        Some(Diagnostic::error(Code::InvalidArgs, message).hint(FREE_THE_PORT))
    });
    Faults::check(taken.collect(), || ())
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Forwards the ports at 127.0.0.1 until Ctrl-C. A parent that restarts is found again, so the ports follow it.
///
/// # Errors
/// `INVALID_ARGS` where a port of this machine is taken, before anything is forwarded; what flare-cluster says.
pub(crate) fn forward(
    context: &Context<'_>,
    request: &Request<'_>,
    installed: &Installed,
    say: Progress<'_>,
) -> Result<(), Faults> {
    let ports = installed.exposed.as_ref().map(|exposed| exposed.ports.clone()).unwrap_or_default();
    let work = async {
        let cluster = connect(context, &request.access, CONNECT_LIMIT).await?;
        tokio::select! {
            fault = follow(&cluster, installed, &ports, say) => Err(fault.into()),
            () = runtime::interrupted(&context.interrupt) => Ok(()),
        }
    };
    runtime::block_on(work)?
}

/// Ends with what cannot heal only. The ports stay open between two pods.
async fn follow(cluster: &Cluster, installed: &Installed, ports: &[u16], say: Progress<'_>) -> Diagnostic {
    let (namespace, deployment) = (installed.place.namespace.as_str(), &installed.kit.plan().names.deployment);
    let selection = Selection::labelled(selector(&[(NAME, deployment.as_str())]));
    let pods = cluster.namespaced::<Pod>(namespace);
    let mut open: Vec<Forwarding> = Vec::new();
    let mut current: Option<String> = None;
    loop {
        let running = match pods.list(&selection).await {
            Ok(found) => found.iter().find(|pod| is_running(pod)).and_then(|pod| pod.metadata.name.clone()),
            Err(fault) if fault.code == Code::PermissionDenied => return fault,
            // An API server that is busy for a moment ends no connection that stands.
            Err(_) => None,
        };
        if let Some(pod) = running {
            let (is_another, were_open) = (current.as_ref() != Some(&pod), open.len());
            for forwarding in &open {
                forwarding.lead_to(&pod);
            }
            for port in &ports[were_open..] {
                match cluster.forward(local(*port), namespace, &pod, *port).await {
                    Ok(forwarding) => open.push(forwarding),
                    Err(fault) if fault.code == Code::InvalidArgs => return fault.hint(FREE_THE_PORT),
                    Err(fault) if fault.code == Code::PermissionDenied => return fault,
                    // The pod is going, or its node is busy: the next look tries again.
                    Err(_) => break,
                }
            }
            if open.len() == ports.len() && (is_another || were_open < open.len()) {
                say(&format!("127.0.0.1 leads to the pod {pod}, ports {ports:?}; Ctrl-C ends this"));
            }
            current = Some(pod);
        }
        sleep(LOOK).await;
    }
}

fn is_running(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none() && phase(pod) == Some("Running")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_refused_with_what_can_be_done() {
        let listener = TcpListener::bind(local(0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let refused = check_free(&[port]).unwrap_err();
        assert_eq!((refused.all().len(), refused.first().code), (1, Code::InvalidArgs));
        assert!(refused.first().message.contains(&format!("127.0.0.1:{port}")), "{refused}");
        assert_eq!(refused.first().hint.as_deref(), Some(FREE_THE_PORT));
        assert!(check_free(&[]).is_ok());
    }
}
