//! Runs a program in a pod, with its input, its output and always its status.
//!
//! kube's own `AttachedProcess` hangs when stdin is dropped, deadlocks when one stream is not read, and can report a
//! missing status as success. Here the connection is read and written at the same time, and one that ends without the program's
//! status is an error. It is a WebSocket; a large input goes over SPDY where the server agrees to it.

mod command;
mod ending;
mod spdy;
mod stream;

use std::time::Duration;

pub use command::{Exec, Input};
pub use ending::ProgramExit;
use flare_diagnostic::{Code, Diagnostic};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::AttachParams, core::Request};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use crate::{
    Cluster, Operation,
    exec::ending::{Broken, broken},
};

/// How long both directions may be silent before the connection counts as dead. A server answers pings within this time,
/// unless the program does not read its input.
const SILENCE: Duration = Duration::from_mins(2);

/// The maximum size of a program's output that is returned as a value: 4 MiB.
const LARGEST_OUTPUT: usize = 4 << 20;

/// The smallest input for which the extra request for the older protocol is worth its time.
const LARGE_INPUT: u64 = 4 << 20;

/// How long the server may take to agree to the older protocol.
const SPDY_WITHIN: Duration = Duration::from_secs(10);

impl Exec {
    /// Runs the program and returns how it ended, with any exit code.
    ///
    /// An API server reports success also if its own connection to the kubelet breaks: a program that must be known to have finished
    /// has to print a last line.
    ///
    /// Standard output is written to `output` as it arrives; of standard error the end is kept. Both are read while the input is
    /// written, so the two sides cannot deadlock.
    ///
    /// # Errors
    ///
    /// `STREAM_BROKEN` if the status did not arrive, `TIMED_OUT`, and what the API server refuses.
    pub async fn run<R, W>(&self, cluster: &Cluster, input: Input<R>, output: W) -> Result<ProgramExit, Diagnostic>
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send,
    {
        let api: Api<Pod> = Api::namespaced(cluster.client().clone(), &self.namespace);
        let [operation, _] = Operation::exec(&self.namespace);
        let operation = operation.object(&self.pod);
        let parameters = AttachParams {
            container: self.container.clone(),
            stdin: !matches!(input, Input::Nothing),
            stdout: true,
            stderr: true,
            ..AttachParams::default()
        };
        let request = Request::new(api.resource_url());
        let request = || request.exec(&self.pod, self.command.iter(), &parameters).map_err(kube::Error::BuildRequest);
        if let (Input::Sized(_, LARGE_INPUT..), Ok(request)) = (&input, request())
            && let Some(connection) = self.spdy(cluster, request).await
        {
            let conversation = async { stream::converse(spdy::open(connection).await?, input, output, true, SILENCE).await };
            return self.within_deadline(conversation).await;
        }
        let connecting = || async { cluster.client().connect(request()?).await };
        let connection = cluster.call(&operation, connecting).await?;
        let half_close = connection.supports_stream_close();
        if !half_close && matches!(input, Input::UntilEnd(_)) {
            return Err(Diagnostic::error(Code::ClusterAnswerInvalid, "the API server, or a proxy on the way, cannot end a program's input alone")
                .hint("Kubernetes 1.30 and newer can; check that no load balancer on the way lowers the protocol to `v4.channel.k8s.io`"));
        }
        let conversation = stream::converse(connection.into_stream(), input, output, half_close, SILENCE);
        self.within_deadline(conversation).await
    }

    /// Tries the older protocol. `None` for any failure: the newer protocol is tried next, and its error is reported.
    async fn spdy(&self, cluster: &Cluster, request: http::Request<Vec<u8>>) -> Option<hyper::upgrade::Upgraded> {
        timeout(SPDY_WITHIN, spdy::connect(cluster.client(), request)).await.ok().flatten()
    }

    async fn within_deadline(
        &self,
        conversation: impl Future<Output = Result<ProgramExit, Broken>>,
    ) -> Result<ProgramExit, Diagnostic> {
        match timeout(self.deadline, conversation).await {
            Ok(ended) => ended.map_err(|reason| broken(self, reason)),
            Err(_) => Err(self.timed_out()),
        }
    }

    /// Runs the program, which must succeed, and returns what it printed.
    ///
    /// # Errors
    ///
    /// As `run`, and `POD_PROGRAM_FAILED` if its exit code was not 0 or it printed more than 4 MiB.
    pub async fn output<R: AsyncRead + Unpin + Send>(&self, cluster: &Cluster, input: Input<R>) -> Result<Vec<u8>, Diagnostic> {
        let mut printed = stream::LimitedOutput::new(LARGEST_OUTPUT);
        let ended = self.run(cluster, input, &mut printed).await?;
        ended.success(self)?;
        Ok(printed.into_bytes())
    }

    fn timed_out(&self) -> Diagnostic {
        let (program, pod) = (self.program(), &self.pod);
        Diagnostic::error(Code::TimedOut, format!("`{program}` in pod `{pod}` did not end within {} s", self.deadline.as_secs()))
            .hint("try again; `--timeout` gives more time")
    }
}
