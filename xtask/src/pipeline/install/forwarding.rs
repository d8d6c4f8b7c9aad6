//! A server's ports at this machine, for as long as the run lasts, whichever pod the parent is at the time.

use std::{net::SocketAddr, time::Duration};

use flare_cluster::{Cluster, Selection, k8s_openapi::api::core::v1::Pod, pod_state::phase};
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_names::labels::{NAME, selector};
use tokio::time::sleep;

use super::{
    exposure::ANOTHER_LOCAL_PORT,
    run::{Installed, Progress},
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

/// Ends with what cannot heal only.
async fn follow(cluster: &Cluster, installed: &Installed, ports: &[u16], say: Progress<'_>) -> Diagnostic {
    let (namespace, deployment) = (installed.place.namespace.as_str(), &installed.kit.plan().names.deployment);
    let selection = Selection::labelled(selector(&[(NAME, deployment.as_str())]));
    let pods = cluster.namespaced::<Pod>(namespace);
    let mut open = Vec::new();
    let mut current: Option<String> = None;
    loop {
        let Ok(found) = pods.list(&selection).await else {
            // An API server that is busy for a moment ends no connection that stands.
            sleep(LOOK).await;
            continue;
        };
        let running = found.iter().find(|pod| is_running(pod)).and_then(|pod| pod.metadata.name.clone());
        if running != current || open.len() < ports.len() {
            open.clear();
            current = running;
            if let Some(pod) = &current {
                for port in ports {
                    match cluster.forward(SocketAddr::from(([127, 0, 0, 1], *port)), namespace, pod, *port).await {
                        Ok(forwarding) => open.push(forwarding),
                        Err(fault) if fault.code == Code::InvalidArgs => return fault.hint(ANOTHER_LOCAL_PORT),
                        // The pod does not listen yet, or is going: the next look tries again.
                        Err(_) => break,
                    }
                }
                if open.len() == ports.len() {
                    say(&format!("127.0.0.1 leads to the pod {pod}, ports {ports:?}; Ctrl-C ends this"));
                }
            }
        }
        sleep(LOOK).await;
    }
}

fn is_running(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none() && phase(pod) == Some("Running")
}
