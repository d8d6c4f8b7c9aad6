//! The connection that every other module uses: requests with a deadline, retries and readable errors.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use flare_diagnostic::Diagnostic;
use k8s_openapi::{apimachinery::pkg::version::Info, jiff::Timestamp};
use kube::Client;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{Operation, clock::ServerClock, endpoint::Endpoint, fault, permission, retry};

/// The default deadline of one request, including retries.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// A cluster that answered. Cheap to clone; every clone shares the connections.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    endpoint: Arc<Endpoint>,
    version: Arc<Info>,
    requests: Arc<AtomicU64>,
    clock: Arc<ServerClock>,
    deadline: Duration,
}

/// Shows only server and version; the client may hold a credential.
impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("server", &self.endpoint.server)
            .field("version", &self.version.git_version)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    pub(crate) fn new(
        client: Client,
        endpoint: Endpoint,
        version: Info,
        requests: Arc<AtomicU64>,
        clock: Arc<ServerClock>,
    ) -> Self {
        let (endpoint, version, deadline) = (Arc::new(endpoint), Arc::new(version), REQUEST_DEADLINE);
        Self { client, endpoint, version, requests, clock, deadline }
    }

    /// How many requests were sent since the connection, those that were repeated and each watch included; all clones count together.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The API server's clock now, to the second: the times in its objects are of that clock, and that of this machine may be wrong. From the
    /// header `Date` of its newest answer; `None` if something before the server takes that header away.
    pub fn time(&self) -> Option<Timestamp> {
        self.clock.now()
    }

    /// Sets the deadline of every request; the default is 30 s.
    #[must_use]
    pub fn with_request_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Scheme, host and port of the API server.
    pub fn server(&self) -> &str {
        &self.endpoint.server
    }

    /// The context of the kubeconfig; `None` inside a cluster.
    pub fn context(&self) -> Option<&str> {
        self.endpoint.context.as_deref()
    }

    /// The namespace of the context, otherwise `default`.
    pub fn default_namespace(&self) -> &str {
        self.client.default_namespace()
    }

    /// The server's version as it writes it, such as `v1.34.4`.
    pub fn version(&self) -> &str {
        &self.version.git_version
    }

    /// Whether the server has an API group, such as `security.openshift.io`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn has_api_group(&self, name: &str) -> Result<bool, Diagnostic> {
        let groups = self.call(&Operation::named("get", "", "apis", None), || self.client.list_api_groups()).await?;
        Ok(groups.groups.iter().any(|group| group.name == name))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request until it is answered, for as long as the deadline allows; see `retry` for what is sent again.
    pub(crate) async fn call<T, Fut>(&self, operation: &Operation, request: impl Fn() -> Fut) -> Result<T, Diagnostic>
    where
        Fut: Future<Output = kube::Result<T>>,
    {
        let end = Instant::now() + self.deadline;
        let mut last = None;
        for attempt in 0.. {
            let Ok(answer) = timeout_at(end, request()).await else { break };
            let error = match answer {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let pause = retry::pause(&error, operation, attempt).filter(|pause| Instant::now() + *pause < end);
            last = Some(error);
            let Some(pause) = pause else { break };
            sleep(pause).await;
        }
        Err(match last {
            Some(error) => self.explain(&error, operation).await,
            None => fault::timed_out(operation, self.deadline, &self.endpoint),
        })
    }

    /// An error of the client as a diagnostic. For a refusal, finds out whether the user lacks a permission or an admission
    /// rule of the cluster forbids it.
    pub(crate) async fn explain(&self, error: &kube::Error, operation: &Operation) -> Diagnostic {
        match error {
            kube::Error::Api(status) if status.code == 403 && status.metadata.is_some() => {
                permission::explain(&self.client, &self.endpoint, status, operation).await
            }
            kube::Error::Api(status) => fault::of_status(status, operation, &self.endpoint),
            other => fault::of_transport(other, &self.endpoint),
        }
    }
}
