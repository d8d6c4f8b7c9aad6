//! The public interface of a launcher: jobs in, streams of notices out.

use flare_cluster::Cluster;
use flare_diagnostic::{Code, Diagnostic};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Job, JobPod, KnownPod, LauncherOptions, Limits,
    namespace::{self, Command},
};

/// The launcher of one namespace, with one watch on pods and one on events, however many jobs there are.
///
/// One task handles all jobs. It ends when the launcher is dropped; their pods continue, and another launcher can take them over.
#[derive(Debug, Clone)]
pub struct Launcher {
    commands: mpsc::UnboundedSender<Command>,
    creations: watch::Receiver<usize>,
}

impl Launcher {
    /// Starts to watch a namespace. Must be called in a tokio runtime.
    pub fn start(cluster: &Cluster, namespace: &str, options: LauncherOptions) -> Self {
        let (commands, received) = mpsc::unbounded_channel();
        let (counting, creations) = watch::channel(0);
        tokio::spawn(namespace::run(cluster.clone(), namespace.to_owned(), options, received, counting));
        Self { commands, creations }
    }

    /// Creates a pod and its Secrets; an existing pod of this job is taken over. Answers within [`LauncherOptions::answer`].
    ///
    /// # Errors
    ///
    /// Nothing was requested, or a Secret was refused or not created in time, so there is no pod, and the job's Secrets are deleted, if need
    /// be when they appear ([`Launcher::clean_up`] waits for that). A pod that the API server refuses is not an error but the end
    /// of the job (defect 30), and so is a credential that is refused for longer than an answer may take.
    pub async fn launch(&self, job: JobPod) -> Result<Job, Diagnostic> {
        self.ask(|reply| Command::Launch { job: Box::new(job), reply }).await?
    }

    /// Takes over a pod by its name, and by its uid if known, after a restart. A pod that does not exist ends like one that was deleted.
    pub async fn adopt(&self, pod: &str, uid: Option<&str>, limits: Limits) -> Result<Job, Diagnostic> {
        let (pod, uid) = (pod.to_owned(), uid.map(str::to_owned));
        self.ask(|reply| Command::Adopt { pod, uid, limits, reply }).await?
    }

    /// The job pods of the namespace, once they have been listed.
    ///
    /// # Errors
    ///
    /// Why the API server did not list them; `TIMED_OUT` if it has not answered.
    pub async fn pods(&self) -> Result<Vec<KnownPod>, Diagnostic> {
        self.ask(|reply| Command::List { reply }).await?
    }

    /// Ends a job: its evidence is kept, its pod gets its grace period. Returns at once; may be called again, also after the end. With a
    /// uid, only that pod is ended.
    pub fn terminate(&self, pod: &str, uid: Option<&str>, why: &str) {
        let command = Command::Terminate { pod: pod.to_owned(), uid: uid.map(str::to_owned), why: why.to_owned() };
        // Without the task there are no jobs.
        let _ = self.commands.send(command);
    }

    /// Waits until no creation is under way and the Secrets of refused launches are deleted, for a program that ends next. Returns at once
    /// in the normal case; while the API server does not answer it takes minutes, so the caller sets a limit.
    pub async fn clean_up(&self) {
        // Without the task nothing is under way.
        let _ = self.creations.clone().wait_for(|count| *count == 0).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Diagnostic> {
        let (reply, answer) = oneshot::channel();
        let gone = || Diagnostic::error(Code::Internal, "the launcher's task has ended");
        self.commands.send(command(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}
