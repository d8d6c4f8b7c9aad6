//! Forwards a local address to a port of a pod.

use std::net::SocketAddr;

use flare_diagnostic::{Code, Diagnostic};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{Cluster, Operation};

/// A local address that is forwarded to a port of a pod until this value is dropped.
///
/// The address stays open while the pod is replaced ([`Forwarding::lead_to`]): what is closed and opened anew may find that
/// somebody else has taken the port, or that the system has not yet given it back.
#[derive(Debug)]
pub struct Forwarding {
    local: SocketAddr,
    serving: JoinHandle<()>,
    pod: watch::Sender<String>,
    last_fault: watch::Receiver<Option<Diagnostic>>,
}

impl Forwarding {
    /// The local address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Leads to another pod of the same namespace from now on. Connections to the pod before are ended.
    pub fn lead_to(&self, pod: &str) {
        self.pod.send_if_modified(|current| {
            let is_another = current != pod;
            if is_another {
                pod.clone_into(current);
            }
            is_another
        });
    }

    /// The last connection's fault, such as a pod that is gone or a port without listener; `None` if there was none.
    pub fn last_fault(&self) -> Option<Diagnostic> {
        self.last_fault.borrow().clone()
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Cluster {
    /// One connection to a port of a pod. An error from the pod's side ends the stream with an error.
    pub(crate) async fn connect_to_port(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + use<>, Diagnostic> {
        let api: Api<Pod> = Api::namespaced(self.client().clone(), namespace);
        let [operation, _] = Operation::port_forward(namespace);
        let operation = operation.object(pod);
        let ports = [port];
        let mut forwarder = self.call(&operation, || api.portforward(pod, &ports)).await?;
        forwarder.take_stream(port).ok_or_else(|| Diagnostic::error(Code::Internal, "a port-forward has no stream"))
    }

    /// Listens at a local address (port 0: any free one) and forwards each connection to the pod's port.
    pub async fn forward(&self, local: SocketAddr, namespace: &str, pod: &str, port: u16) -> Result<Forwarding, Diagnostic> {
        let unusable = |error: std::io::Error| {
            Diagnostic::error(Code::InvalidArgs, format!("cannot listen at {local}: {}", error.kind()))
                .hint("choose another local port")
        };
        let listener = TcpListener::bind(local).await.map_err(unusable)?;
        let local = listener.local_addr().map_err(unusable)?;
        // Tried once, so that a refusal is reported before anyone connects.
        drop(self.connect_to_port(namespace, pod, port).await?);
        let (faults, last_fault) = watch::channel(None);
        let (cluster, namespace) = (self.clone(), namespace.to_owned());
        let (pod, current) = watch::channel(pod.to_owned());
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((incoming, _)) = listener.accept().await {
                let (cluster, namespace, faults) = (cluster.clone(), namespace.clone(), faults.clone());
                let mut current = current.clone();
                connections.spawn(async move {
                    let pod = current.borrow_and_update().clone();
                    let ended = tokio::select! {
                        ended = hand_on(&cluster, incoming, &namespace, &pod, port) => ended,
                        _ = current.changed() => Ok(()),
                    };
                    faults.send_replace(ended.err());
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Forwarding { local, serving, pod, last_fault })
    }
}

async fn hand_on(cluster: &Cluster, mut incoming: TcpStream, namespace: &str, pod: &str, port: u16) -> Result<(), Diagnostic> {
    let mut outgoing = cluster.connect_to_port(namespace, pod, port).await?;
    let broken = |error: std::io::Error| {
        Diagnostic::error(Code::StreamBroken, format!("the connection to port {port} of pod `{pod}` broke: {}", error.kind()))
            .hint("check that the pod runs and listens there")
    };
    copy_bidirectional(&mut incoming, &mut outgoing).await.map(|_| ()).map_err(broken)
}
