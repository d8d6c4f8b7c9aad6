//! Logs of containers.

use flare_diagnostic::Diagnostic;
use futures_util::AsyncReadExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};

use crate::{Cluster, Operation};

/// Which part of a container's log.
#[derive(Debug, Clone, Default)]
pub struct LogSelection {
    /// The container; `None` if the pod has only one.
    pub container: Option<String>,
    /// Only this number of lines at the end.
    pub last_lines: Option<u32>,
    /// Only the end of the log, at most about this number of bytes.
    pub at_most_bytes: Option<u32>,
    /// The container that ran before the last restart.
    pub previous: bool,
    /// Puts the time before each line.
    pub timestamps: bool,
}

impl Cluster {
    /// The log of a container, as text; what is not UTF-8 is replaced.
    pub async fn logs(&self, namespace: &str, pod: &str, selection: &LogSelection) -> Result<String, Diagnostic> {
        let api: Api<Pod> = Api::namespaced(self.client().clone(), namespace);
        let parameters = parameters(selection);
        let operation = Operation::on::<Pod>("get", Some(namespace)).subresource("log").object(pod);
        // The client's own text of a log is an error where a program printed what is no UTF-8.
        let reading = || async {
            let (mut log, mut bytes) = (api.log_stream(pod, &parameters).await?, Vec::new());
            log.read_to_end(&mut bytes).await.map_err(kube::Error::ReadEvents)?;
            Ok(bytes)
        };
        let bytes = self.call(&operation, reading).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The log of a container while it is written: lines as they arrive, until the container ends.
    pub async fn follow_logs(
        &self,
        namespace: &str,
        pod: &str,
        selection: &LogSelection,
    ) -> Result<impl futures_util::AsyncBufRead + use<>, Diagnostic> {
        let api: Api<Pod> = Api::namespaced(self.client().clone(), namespace);
        let parameters = LogParams { follow: true, ..parameters(selection) };
        let operation = Operation::on::<Pod>("get", Some(namespace)).subresource("log").object(pod);
        self.call(&operation, || api.log_stream(pod, &parameters)).await
    }
}

fn parameters(selection: &LogSelection) -> LogParams {
    LogParams {
        container: selection.container.clone(),
        tail_lines: selection.last_lines.map(i64::from),
        limit_bytes: selection.at_most_bytes.map(i64::from),
        previous: selection.previous,
        timestamps: selection.timestamps,
        ..LogParams::default()
    }
}
