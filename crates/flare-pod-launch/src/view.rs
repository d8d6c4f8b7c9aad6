//! What is currently seen of a pod, and since when.

use std::time::Duration;

use flare_cluster::pod_state;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Event, Pod, PodSpec};

use crate::{JobState, PodAnswer, ended};

/// How many events of a pod are kept, since a pod that waits for days has many.
const MOST_EVENTS: usize = 50;

/// Whether the API server currently answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiServer {
    Answers,
    NoAnswer,
    Refused(String),
}

/// The latest observations.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) pod: Option<Pod>,
    pub(crate) uid: Option<String>,
    pub(crate) gone: bool,
    /// Whether the watch does not have it at present.
    pub(crate) missing: bool,
    pub(crate) events: Vec<Event>,
    pub(crate) api_server: ApiServer,
    /// Since when the pod has been in its phase, or being deleted.
    in_phase: Duration,
    /// Since when nothing has been seen.
    blind: Duration,
    /// Since when the current trouble has kept it from being seen.
    trouble: Duration,
}

impl View {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            pod: None,
            uid: None,
            gone: false,
            missing: false,
            events: Vec::new(),
            api_server: ApiServer::Answers,
            in_phase: now,
            blind: now,
            trouble: now,
        }
    }

    /// Decides which pod of its name is the job's.
    pub(crate) fn decide(&mut self, uid: Option<String>) {
        if self.uid.is_none() {
            // Until now, events of an earlier pod of the name were stored, too.
            self.events.retain(|event| event.involved_object.uid.is_none() || event.involved_object.uid == uid);
        }
        self.uid = uid;
    }

    /// Records a pod, unless it is another one of its name, which is what a watch or list may show that is older than the job's own pod.
    /// Returns whether it is the job's.
    pub(crate) fn see(&mut self, mut pod: Pod, now: Duration) -> bool {
        self.api_server = ApiServer::Answers;
        let uid = pod.metadata.uid.take();
        if self.uid.is_some() && uid != self.uid {
            self.missing = true;
            return false;
        }
        self.missing = false;
        self.decide(uid);
        trim(&mut pod);
        if self.pod.as_ref().map(state) != Some(state(&pod)) {
            self.in_phase = now;
        }
        self.pod = Some(pod);
        true
    }

    /// Records that there is no such pod.
    pub(crate) fn miss(&mut self) {
        self.api_server = ApiServer::Answers;
        self.gone = true;
    }

    pub(crate) fn lose_api_server(&mut self, api_server: ApiServer, now: Duration) {
        if self.api_server == ApiServer::Answers {
            self.blind = now;
        }
        if std::mem::discriminant(&self.api_server) != std::mem::discriminant(&api_server) {
            self.trouble = now;
        }
        self.api_server = api_server;
    }

    pub(crate) fn happened(&mut self, event: Event) {
        if let (Some(ours), Some(theirs)) = (&self.uid, &event.involved_object.uid)
            && ours != theirs
        {
            return;
        }
        match self.events.iter_mut().find(|known| known.metadata.name == event.metadata.name) {
            Some(known) => *known = event,
            None => self.events.push(event),
        }
        if self.events.len() > MOST_EVENTS {
            self.events.remove(0);
        }
    }

    /// How long the current state, or not seeing anything, has lasted. A restarted API server may refuse briefly, before it has
    /// read its roles; but trouble that keeps changing its kind counts from its beginning.
    pub(crate) fn in_state(&self, now: Duration, longest_blind: Duration) -> Duration {
        let blind = now.saturating_sub(self.blind);
        match self.api_server {
            ApiServer::Answers => now.saturating_sub(self.in_phase),
            ApiServer::Refused(_) if blind < longest_blind => now.saturating_sub(self.trouble),
            _ => blind,
        }
    }

    /// The container whose log may say why the job has ended, as long as it can be read: the job's own where a container of the pod ran,
    /// otherwise the init container whose failure kept it from that.
    pub(crate) fn logged_container<'view>(&'view self, job: &'view str) -> Option<&'view str> {
        let status = self.pod.as_ref().filter(|_| !self.gone)?.status.as_ref()?;
        let ran = |state: &ContainerState| state.running.is_some() || state.terminated.is_some();
        let has_failed = |state: &ContainerState| state.terminated.as_ref().is_some_and(|ended| ended.exit_code != 0);
        if status.container_statuses.iter().flatten().any(|status| status.state.as_ref().is_some_and(ran)) {
            return Some(job);
        }
        let mut init = status.init_container_statuses.iter().flatten();
        init.find(|status| status.state.as_ref().is_some_and(has_failed)).map(|status| status.name.as_str())
    }

    /// Whether the pod ended by itself and only its object is left. A kubelet may report the end of the containers before that of the
    /// pod; job pods are never restarted.
    pub(crate) fn is_over(&self) -> bool {
        let Some(pod) = &self.pod else { return false };
        if pod_state::has_ended(pod) {
            return true;
        }
        let Some(status) = &pod.status else { return false };
        let mut containers = status.container_statuses.iter().flatten().peekable();
        let mut sidecars = status.init_container_statuses.iter().flatten();
        let has_ended = |status: &ContainerStatus| status.state.as_ref().is_some_and(|state| state.terminated.is_some());
        containers.peek().is_some() && containers.all(has_ended) && sidecars.all(has_ended)
    }

    /// The answer to classify. An end that was seen counts, whatever was seen of the pod since.
    pub(crate) fn answer(&self, container: &str) -> PodAnswer<'_> {
        match (&self.api_server, &self.pod) {
            (_, Some(pod)) if ended::of(pod, container, false).is_some() => PodAnswer::Pod(pod),
            _ if self.gone => PodAnswer::Gone,
            (ApiServer::NoAnswer, _) => PodAnswer::NoAnswer,
            (ApiServer::Refused(reason), _) => PodAnswer::Refused(reason),
            (ApiServer::Answers, Some(pod)) => PodAnswer::Pod(pod),
            (ApiServer::Answers, None) => PodAnswer::Gone,
        }
    }

    /// The state of a job that has not ended.
    pub(crate) fn waiting_state(&self, ran: bool) -> JobState {
        let is_being_deleted = self.pod.as_ref().is_some_and(|pod| pod.metadata.deletion_timestamp.is_some());
        match self.api_server {
            ApiServer::Answers if is_being_deleted => JobState::Ending,
            ApiServer::Answers if !ran => JobState::Pending,
            _ => JobState::Unknown,
        }
    }
}

fn state(pod: &Pod) -> (Option<&str>, bool) {
    (pod_state::phase(pod), pod.metadata.deletion_timestamp.is_some())
}

/// Keeps only what a verdict needs, without tokens in arguments and without data that grows with the pod.
fn trim(pod: &mut Pod) {
    pod.metadata.managed_fields = None;
    pod.metadata.annotations = None;
    let node_name = pod.spec.take().and_then(|spec| spec.node_name);
    pod.spec = Some(PodSpec { node_name, ..PodSpec::default() });
}
