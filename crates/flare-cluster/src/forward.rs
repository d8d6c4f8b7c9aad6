//! A local address behind which a port of a pod stands.

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

/// A port of a pod at a local address, until this value is dropped.
#[derive(Debug)]
pub struct Forwarding {
    local: SocketAddr,
    serving: JoinHandle<()>,
    last_fault: watch::Receiver<Option<Diagnostic>>,
}

impl Forwarding {
    /// Where programs of this machine connect to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The last connection's fault, such as a pod that is gone or nothing that listens; `None` while all went well.
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
    /// One connection to a port of a pod. What the pod's side says about it comes as an error of the stream's end.
    pub async fn connect_to_port(
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

    /// Listens at a local address (port 0 for any free one) and hands each connection on to the pod's port.
    pub async fn forward(&self, local: SocketAddr, namespace: &str, pod: &str, port: u16) -> Result<Forwarding, Diagnostic> {
        let unusable = |error: std::io::Error| {
            Diagnostic::error(Code::InvalidArgs, format!("cannot listen at {local}: {}", error.kind()))
                .hint("choose another local port")
        };
        let listener = TcpListener::bind(local).await.map_err(unusable)?;
        let local = listener.local_addr().map_err(unusable)?;
        // Refused before anyone connects, where it is going to be.
        drop(self.connect_to_port(namespace, pod, port).await?);
        let (faults, last_fault) = watch::channel(None);
        let (cluster, namespace, pod) = (self.clone(), namespace.to_owned(), pod.to_owned());
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((incoming, _)) = listener.accept().await {
                let (cluster, namespace, pod, faults) = (cluster.clone(), namespace.clone(), pod.clone(), faults.clone());
                connections.spawn(async move {
                    let ended = hand_on(&cluster, incoming, &namespace, &pod, port).await;
                    faults.send_replace(ended.err());
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Forwarding { local, serving, last_fault })
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
