//! The last step of `demo --cluster`: a job, submitted by the federation's admin and followed to its end.

use std::{path::Path, task::Poll, time::Duration};

use flare_cluster::{Access, Cluster, DeleteOptions, Exec, Input, WriteOptions, k8s_openapi::api::core::v1::Pod, pod_state};
use flare_diagnostic::{Code, Diagnostic, Faults, printable};
use flare_file_tree::{Content, FileTree, ReadOptions};
use flare_names::labels::MANAGED_BY;
use flare_prepared_kit::PreparedKit;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    context::Context,
    pipeline::stage::{connect, late, run_name},
    runtime,
};

/// The admin of the fixture federation, whose kit lies beside those of the participants.
pub(super) const ADMIN: &str = "admin@nvidia.com";
/// The job: two rounds of a small model at both sites.
const JOB: &str = "fixtures/demo/hello";
/// The text in the job's meta.json that stands for the image of the job pods.
const IMAGE: &str = "IMAGE";
/// The program that submits the job.
const PROGRAM: &str = include_str!("demo_job.py");
/// The time limit for the pod's start and the job.
const LIMIT: Duration = Duration::from_mins(10);
/// The status of a job that did what it should.
const COMPLETED: &str = "FINISHED:COMPLETED";

/// How a job ended.
#[derive(Debug, Deserialize)]
pub(super) struct EndedJob {
    pub(super) id: String,
    pub(super) status: String,
}

impl EndedJob {
    pub(super) fn to_json(&self) -> Value {
        json!({"id": self.id, "status": self.status})
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        format!("job {}: {}\n", printable(&self.id), printable(&self.status))
    }
}

/// Submits the job from a pod beside the server, and waits for its end. Kit and job reach the pod through its standard input, so that
/// the admin's key is in no object of the cluster.
///
/// # Errors
/// `CHECK_FAILED` for a job that did not end as it should; what the cluster refuses; `TIMED_OUT`, `INTERRUPTED`. The pod is deleted in
/// every case.
pub(super) fn run(
    context: &Context<'_>,
    root: &Path,
    admin: &Path,
    access: &Access,
    server: &PreparedKit,
) -> Result<EndedJob, Faults> {
    let plan = server.plan();
    let (namespace, image) = (plan.namespace.as_str(), plan.parent.image.to_string());
    let mut job = texts(&root.join(JOB))?;
    for (_, text) in &mut job {
        if let Value::String(text) = text {
            *text = text.replace(IMAGE, &image);
        }
    }
    let told = json!({"admin": ADMIN, "kit": texts(admin)?, "job": job}).to_string() + "\n";
    let name = format!("flare-kube-demo-{}", run_name());
    let pod = pod(&name, &image);
    let work = async {
        let cluster = connect(context, access, LIMIT).await?;
        let pods = cluster.namespaced::<Pod>(namespace);
        let submitted = async {
            pods.create(&pod, WriteOptions::default()).await?;
            Ok(submit(&cluster, namespace, &name, &told).await?)
        };
        let end = Instant::now() + LIMIT;
        let ended = runtime::until(&context.interrupt, end, || late(LIMIT), Box::pin(submitted)).await;
        // If this fails, too, the pod's own deadline ends it, and `demo --down` removes it.
        let removed = pods.delete(&name, &DeleteOptions::default()).await;
        let ended =
            ended.map_err(|faults| if faults.first().code == Code::Interrupted { interrupted().into() } else { faults })?;
        removed?;
        Ok::<_, Faults>(ended)
    };
    let ended = runtime::block_on(work)??;
    if ended.status == COMPLETED {
        return Ok(ended);
    }
    let message = format!("the demo's job {} ended with {}", printable(&ended.id), printable(&ended.status));
    let hint = format!("read why with `kubectl --namespace {namespace} logs deployment/{}`", plan.names.deployment);
    Err(Diagnostic::error(Code::CheckFailed, message).hint(hint).into())
}

/// Unlike other interruptions this one leaves what was begun: the federation, and on it a job that was submitted.
fn interrupted() -> Diagnostic {
    let message = "interrupted; the federation is up, and a job that was submitted goes on";
    Diagnostic::error(Code::Interrupted, message).hint("run the same command again, or end the federation with `--down`")
}

/// The files of a directory, path → text.
fn texts(directory: &Path) -> Result<Map<String, Value>, Faults> {
    let tree = FileTree::read(directory, &ReadOptions::new(Code::InvalidArgs))?;
    let text = |content: &Content| String::from_utf8(content.read().ok()?).ok();
    let files = tree.files().map(|(path, content, _)| {
        let text = text(content).ok_or_else(|| {
            Diagnostic::error(Code::InvalidArgs, "a file of the demo is no text")
                .hint("restore it from the repository")
                .at(directory)
        })?;
        Ok((path.to_string(), Value::String(text)))
    });
    files.collect::<Result<_, Diagnostic>>().map_err(Faults::from)
}

/// A pod that waits for the program. It ends by itself if nobody deletes it.
fn pod(name: &str, image: &str) -> Pod {
    let seconds = LIMIT.as_secs();
    let wait = format!("import time; time.sleep({seconds})");
    let container = json!({
        "name": "admin", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["python3", "-c", wait],
        "env": [{"name": "HOME", "value": "/tmp"}],
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "volumeMounts": [{"name": "memory", "mountPath": "/tmp"}],
    });
    let pod = json!({"metadata": {"name": name, "labels": {MANAGED_BY.0: MANAGED_BY.1}}, "spec": {
        "restartPolicy": "Never", "activeDeadlineSeconds": seconds, "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": false, "enableServiceLinks": false,
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        // The admin's key lies there for a moment: never on a disk.
        "volumes": [{"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
    }});
    serde_json::from_value(pod).expect("the fields above are those of a Pod")
}

/// Runs the program in the pod as soon as that runs.
async fn submit(cluster: &Cluster, namespace: &str, name: &str, told: &str) -> Result<EndedJob, Diagnostic> {
    let has_begun = |pod: Option<&Pod>| match pod {
        Some(pod) if pod_state::phase(pod) == Some("Running") => Poll::Ready(Ok(())),
        Some(pod) if !pod_state::has_ended(pod) => Poll::Pending,
        _ => {
            let message = format!("the pod `{name}`, which was to submit the job, is gone or has ended");
            Poll::Ready(Err(Diagnostic::error(Code::CheckFailed, message).hint("run the demo again")))
        }
    };
    let what = format!("the start of the pod `{name}`");
    cluster.namespaced::<Pod>(namespace).wait(name, LIMIT, &what, has_begun).await?;
    let exec = Exec {
        namespace: namespace.to_owned(),
        pod: name.to_owned(),
        container: None,
        command: ["python3", "-u", "-c", PROGRAM].map(str::to_owned).to_vec(),
        deadline: LIMIT,
    };
    let printed = exec.output(cluster, Input::Sized(told.as_bytes(), told.len() as u64)).await?;
    serde_json::from_slice(&printed).map_err(|_| {
        Diagnostic::error(Code::CheckFailed, "the program that submits the demo's job did not say how it ended")
            .hint("run the demo again")
    })
}
