//! The state that the watches have reported so far.

use flare_cluster::{Cluster, LogSelection, Selection, WatchEvent, claim_state, events, pod_state};
use flare_diagnostic::Diagnostic;
use futures_util::{
    Stream, StreamExt as _,
    stream::{BoxStream, SelectAll, select_all},
};
use jiff::Timestamp;
use k8s_openapi::{
    Metadata,
    api::{
        apps::v1::{Deployment, ReplicaSet},
        core::v1::{ConfigMap, Event, PersistentVolumeClaim, Pod, Secret},
        storage::v1::StorageClass,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{
    current,
    judge::judge,
    look::{ObservedParent, ParentDeployment, RolloutStatus},
    reference::{Reference, ReferenceKind},
};

/// How many lines at the end of an exited container's log are read.
const LOG_LINES: u32 = 50;

/// One message of a watch.
pub(super) enum Message {
    Deployment(WatchEvent<Deployment>),
    ReplicaSet(WatchEvent<ReplicaSet>),
    Pod(WatchEvent<Pod>),
    Event(WatchEvent<Event>),
    /// Required objects cannot be watched.
    Refused(Diagnostic),
    /// Events cannot be watched; they are useful but not required.
    NoEvents,
}

/// The current objects of one kind.
#[derive(Debug)]
struct Store<K> {
    objects: Vec<K>,
    listed: bool,
}

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self { objects: Vec::new(), listed: false }
    }
}

impl<K: Metadata<Ty = ObjectMeta>> Store<K> {
    /// Applies a change. Returns the interruption, if it is one.
    fn apply(&mut self, change: WatchEvent<K>) -> Option<Diagnostic> {
        match change {
            WatchEvent::All(objects) => (self.objects, self.listed) = (objects, true),
            WatchEvent::Applied(object) => {
                self.remove(&object);
                self.objects.push(object);
            }
            WatchEvent::Deleted(object) => self.remove(&object),
            WatchEvent::Interrupted(fault) => return Some(fault),
        }
        None
    }

    fn remove(&mut self, object: &K) {
        self.objects.retain(|kept| kept.metadata().name != object.metadata().name);
    }
}

/// Everything that an observation is made of.
#[derive(Debug, Default)]
pub(super) struct WatchedObjects {
    deployments: Store<Deployment>,
    replica_sets: Store<ReplicaSet>,
    pods: Store<Pod>,
    events: Store<Event>,
    claims: Vec<PersistentVolumeClaim>,
    missing: Vec<Reference>,
    /// The log of the container that exited last, by pod and number of restarts.
    log: Option<(String, i32, String)>,
    /// Why the API server currently does not answer.
    pub(super) interruption: Option<Diagnostic>,
}

/// Starts to watch the objects of a Deployment.
pub(super) fn watch(cluster: &Cluster, target: &ParentDeployment) -> SelectAll<BoxStream<'static, Message>> {
    let (namespace, all) = (target.namespace.as_str(), Selection::default());
    let deployment = cluster.namespaced(namespace).watch(&Selection::named(&target.deployment));
    select_all([
        changes(deployment, Message::Deployment, Message::Refused),
        changes(cluster.namespaced(namespace).watch(&all), Message::ReplicaSet, Message::Refused),
        changes(cluster.namespaced(namespace).watch(&all), Message::Pod, Message::Refused),
        changes(cluster.namespaced(namespace).watch(&all), Message::Event, |_| Message::NoEvents),
    ])
}

fn changes<K: 'static>(
    changes: impl Stream<Item = Result<WatchEvent<K>, Diagnostic>> + Send + 'static,
    message: fn(WatchEvent<K>) -> Message,
    refused: fn(Diagnostic) -> Message,
) -> BoxStream<'static, Message> {
    changes.map(move |change| change.map_or_else(refused, message)).boxed()
}

impl WatchedObjects {
    /// Applies the message of a watch. An error is permanent.
    pub(super) fn apply(&mut self, message: Message) -> Result<(), Diagnostic> {
        let interruption = match message {
            Message::Deployment(change) => self.deployments.apply(change),
            Message::ReplicaSet(change) => self.replica_sets.apply(change),
            Message::Pod(change) => self.pods.apply(change),
            Message::Event(change) => self.events.apply(change),
            Message::NoEvents => None,
            Message::Refused(fault) => return Err(fault),
        };
        self.interruption = interruption;
        Ok(())
    }

    /// Asks whether an interruption is over, because a watch that was resumed says nothing until something changes.
    pub(super) async fn ask_again(&mut self, cluster: &Cluster, target: &ParentDeployment) {
        if self.interruption.is_some() {
            let answer = cluster.namespaced::<Deployment>(&target.namespace).find(&target.deployment).await;
            self.interruption = answer.err();
        }
    }

    /// Whether each kind has been listed, which a verdict requires.
    pub(super) fn is_complete(&self) -> bool {
        self.deployments.listed && self.replica_sets.listed && self.pods.listed
    }

    /// The Deployment, if it exists.
    pub(super) fn deployment(&self) -> Option<&Deployment> {
        self.deployments.objects.first()
    }

    pub(super) fn judge(&self, target: &ParentDeployment, now: Timestamp) -> RolloutStatus {
        judge(&self.look(target, now))
    }

    fn look<'watched>(&'watched self, target: &'watched ParentDeployment, now: Timestamp) -> ObservedParent<'watched> {
        ObservedParent {
            name: &target.deployment,
            deployment: self.deployment(),
            replica_sets: &self.replica_sets.objects,
            pods: &self.pods.objects,
            events: &self.events.objects,
            claims: &self.claims,
            missing: &self.missing,
            log: self.log.as_ref().map(|(_, _, text)| text.as_str()).unwrap_or_default(),
            now,
        }
    }

    /// Requests what no watch shows: the objects that the pod names, and the log of an exited container. What may not be read stays unknown.
    pub(super) async fn look_further(&mut self, cluster: &Cluster, target: &ParentDeployment, now: Timestamp) {
        let look = self.look(target, now);
        let Some(pod) = current::find(&look).ok().and_then(|current| current.pod).cloned() else { return };
        if pod_state::phase(&pod) == Some("Pending") {
            self.find_references(cluster, &target.namespace, &pod).await;
        } else {
            (self.missing, self.claims) = (Vec::new(), Vec::new());
        }
        self.read_log(cluster, &target.namespace, &pod).await;
    }

    async fn find_references(&mut self, cluster: &Cluster, namespace: &str, pod: &Pod) {
        let (mut missing, mut claims) = (Vec::new(), Vec::new());
        for reference in pod.spec.as_ref().map(Reference::all).unwrap_or_default() {
            let name = reference.name.as_str();
            let found = match reference.kind {
                ReferenceKind::Secret | ReferenceKind::PullSecret => {
                    cluster.namespaced::<Secret>(namespace).find(name).await.map(|found| found.is_some())
                }
                ReferenceKind::ConfigMap => {
                    cluster.namespaced::<ConfigMap>(namespace).find(name).await.map(|found| found.is_some())
                }
                ReferenceKind::Claim => {
                    let claim = cluster.namespaced::<PersistentVolumeClaim>(namespace).find(name).await;
                    claim.map(|claim| claim.map(|claim| claims.push(claim)).is_some())
                }
                ReferenceKind::StorageClass => Ok(true),
            };
            if found == Ok(false) {
                missing.push(reference);
            }
        }
        for class in claims.iter().filter_map(|claim| self.doubtful_class(claim)) {
            if cluster.unnamespaced::<StorageClass>().find(class).await == Ok(None) {
                missing.push(Reference { kind: ReferenceKind::StorageClass, name: class.to_owned() });
            }
        }
        (self.missing, self.claims) = (missing, claims);
    }

    /// The class of a claim for which no volume could be made so far.
    fn doubtful_class<'claim>(&self, claim: &'claim PersistentVolumeClaim) -> Option<&'claim str> {
        let about = events::about(&self.events.objects, claim.metadata.uid.as_deref());
        let has_failed = claim_state::failed_attempts(about).next().is_some();
        claim_state::storage_class(claim).filter(|class| has_failed && !class.is_empty())
    }

    async fn read_log(&mut self, cluster: &Cluster, namespace: &str, pod: &Pod) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let ended = pod_state::container_statuses(pod).find_map(|status| {
            let now = status.state.as_ref().is_some_and(|state| state.terminated.is_some());
            let before = status.last_state.as_ref().is_some_and(|state| state.terminated.is_some());
            (now || before).then(|| (status.name.clone(), status.restart_count, now))
        });
        let Some((container, restarts, now)) = ended else { return };
        // A container exits once, so its log is read once, and again only if that failed.
        let life = restarts - i32::from(!now);
        if self.log.as_ref().is_some_and(|(pod, known, _)| *pod == name && *known == life) {
            return;
        }
        let selection =
            LogSelection { container: Some(container), last_lines: Some(LOG_LINES), previous: !now, ..LogSelection::default() };
        if let Ok(text) = cluster.logs(namespace, &name, &selection).await {
            self.log = Some((name, life, text));
        }
    }
}
