//! Follows the job pods of a namespace without changing them.

use std::collections::HashMap;

use flare_cluster::{Backoff, Cluster, Selection, WatchEvent};
use flare_diagnostic::Diagnostic;
use flare_pod_manifest::Hidden;
use futures_util::{
    StreamExt as _,
    future::{BoxFuture, OptionFuture},
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use tokio::time::{Instant, sleep_until};

use crate::{
    JobPodMatcher, KnownPod, Lifecycle, Limits, Moment, Notice, Observation, entry::hide, following::follow, ours, trouble, work,
};

/// A pod that is followed.
struct Observed {
    known: KnownPod,
    life: Lifecycle,
    /// The tokens in the pod itself. Those in its Secrets are not read, which takes more permissions than an observer needs.
    hidden: Hidden,
}

/// The state of following a namespace.
struct Observer<'names, Tell> {
    cluster: Cluster,
    participant: Option<JobPodMatcher<'names>>,
    pods: HashMap<String, Observed>,
    /// Whether the watch is interrupted.
    is_blind: bool,
    /// The pauses before requests whether it answers again.
    probe_pauses: Backoff,
    start: Instant,
    now: Timestamp,
    tell: Tell,
}

/// Whether an observer knows the pods of its namespace.
#[derive(Debug)]
pub enum Listing {
    /// They were never listed; why not, if the API server or the way to it gave a reason.
    Awaited(Option<Diagnostic>),
    /// They were listed at least once.
    Read,
}

/// Follows the job pods of a participant, whichever launcher made them, or all of flare-kube's launcher in a namespace, until the future is
/// dropped. `tell` is called with each change of each pod. Nothing is changed, and no pod is ended for being slow. `listing` is kept up to
/// date: only once the pods were listed does silence mean that there are none.
///
/// # Errors
///
/// The API server does not let the user watch pods.
pub async fn observe(
    cluster: &Cluster,
    namespace: &str,
    participant: Option<JobPodMatcher<'_>>,
    now: Timestamp,
    listing: &mut Listing,
    tell: impl FnMut(&KnownPod, Notice) + Send,
) -> Result<(), Diagnostic> {
    let all = cluster.namespaced::<Pod>(namespace);
    // The pods of FLARE's own launcher have no labels.
    let selection = if participant.is_some() { Selection::default() } else { Selection::labelled(ours::selector()) };
    let pods = follow(all.clone(), selection);
    let of_pods = Selection { labels: None, fields: Some("involvedObject.kind=Pod".to_owned()) };
    let events = follow(cluster.namespaced::<Event>(namespace), of_pods);
    let (mut pods, mut events) = (std::pin::pin!(pods), std::pin::pin!(events));
    let (cluster, start) = (cluster.clone(), Instant::now());
    let mut observer = Observer {
        cluster,
        participant,
        pods: HashMap::new(),
        is_blind: false,
        probe_pauses: work::PROBE_PAUSES,
        start,
        now,
        tell,
    };
    let mut is_listed = false;
    // A resumed watch is silent as long as nothing changes, so a request tells that the API server answers again.
    let mut probe: Option<BoxFuture<'_, Result<(), Diagnostic>>> = None;
    loop {
        let wake = observer.wake();
        tokio::select! {
            Some(change) = pods.next() => {
                match change {
                    // A user without the permission gets an error; one who loses it later waits until it is granted again.
                    Err(fault) if !is_listed => return Err(fault),
                    Err(fault) => observer.blinded(&trouble::of_watch(&fault)),
                    Ok(WatchEvent::Interrupted(fault)) => {
                        if let Listing::Awaited(why) = listing {
                            *why = Some(fault);
                        }
                        observer.blinded(&Observation::NoAnswer);
                    }
                    Ok(change) => {
                        is_listed = true;
                        *listing = Listing::Read;
                        observer.change(change);
                        observer.sighted();
                    }
                }
            },
            Some(change) = events.next(), if is_listed => {
                // Without the permission to read events, less is reported.
                if let Ok(change) = change {
                    observer.happened(change);
                }
            }
            Some(answer) = OptionFuture::from(probe.as_mut()), if probe.is_some() => {
                probe = None;
                match answer {
                    Ok(()) => observer.sighted(),
                    Err(fault) => observer.blinded(&trouble::of_watch(&fault)),
                }
            }
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => observer.each(&Observation::TimePassed),
        }
        if observer.is_blind && !observer.pods.is_empty() && probe.is_none() {
            probe = Some(Box::pin(work::probe(&all, observer.probe_pauses.step())));
        }
    }
}

impl<Tell: FnMut(&KnownPod, Notice)> Observer<'_, Tell> {
    fn moment(&self) -> Moment {
        let since = self.start.elapsed();
        let wall = self.now.checked_add(since).unwrap_or(self.now);
        Moment { elapsed: since, wall, cluster: self.cluster.time().unwrap_or(wall) }
    }

    fn wake(&self) -> Option<Instant> {
        self.pods.values().filter_map(|pod| pod.life.wake()).min().and_then(|at| self.start.checked_add(at))
    }

    fn change(&mut self, change: WatchEvent<Pod>) {
        match change {
            WatchEvent::All(pods) => {
                let names: Vec<_> = pods.iter().filter_map(|pod| pod.metadata.name.clone()).collect();
                let gone: Vec<_> = self.pods.keys().filter(|name| !names.contains(name)).cloned().collect();
                for name in gone {
                    self.gone(&name);
                }
                for pod in pods {
                    self.seen(pod);
                }
            }
            WatchEvent::Applied(pod) => self.seen(pod),
            WatchEvent::Deleted(pod) => {
                let name = pod.metadata.name.clone().unwrap_or_default();
                self.seen(pod);
                self.gone(&name);
            }
            WatchEvent::Interrupted(_) => {}
        }
    }

    fn blinded(&mut self, observation: &Observation) {
        self.is_blind = true;
        self.each(observation);
    }

    fn sighted(&mut self) {
        if std::mem::take(&mut self.is_blind) {
            self.probe_pauses.reset();
            self.each(&Observation::Sighted);
        }
    }

    fn seen(&mut self, pod: Pod) {
        let known = self.participant.map_or_else(|| KnownPod::of(&pod), |participant| participant.read(&pod));
        let Some(known) = known else { return };
        if self.pods.get(&known.pod).is_some_and(|observed| observed.known.uid != known.uid) {
            self.gone(&known.pod.clone());
        }
        let (name, now) = (known.pod.clone(), self.moment());
        // An observer ends no pod for being slow, and none because it is not seen.
        let longest = Limits::LONGEST_PENDING;
        let limits =
            Limits { blind: longest, refused: longest, unauthorized: longest, ending: longest, ..Limits::with_pending(None) };
        let life = Lifecycle::new(&known.container, limits, true, now);
        let new = Observed { life, known: known.clone(), hidden: ours::tokens(&pod) };
        self.pods.entry(name.clone()).or_insert(new).known = known;
        self.step(&name, Observation::Seen(Box::new(pod)));
    }

    fn gone(&mut self, name: &str) {
        self.step(name, Observation::Gone);
        self.pods.remove(name);
    }

    fn happened(&mut self, change: WatchEvent<Event>) {
        let events = match change {
            WatchEvent::All(events) => events,
            WatchEvent::Applied(event) => vec![event],
            WatchEvent::Deleted(_) | WatchEvent::Interrupted(_) => Vec::new(),
        };
        for event in events {
            if let Some(name) = event.involved_object.name.clone() {
                self.step(&name, Observation::Happened(Box::new(event)));
            }
        }
    }

    fn each(&mut self, observation: &Observation) {
        for name in self.pods.keys().cloned().collect::<Vec<_>>() {
            self.step(&name, observation.clone());
        }
    }

    fn step(&mut self, name: &str, observation: Observation) {
        let now = self.moment();
        let Some(observed) = self.pods.get_mut(name) else { return };
        // The actions are left to the launcher.
        for notice in observed.life.step(observation, now).notices {
            (self.tell)(&observed.known, hide(notice, &observed.hidden));
        }
    }
}
