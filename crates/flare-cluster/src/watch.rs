//! Watches objects across lost connections and restarts of the API server.

use std::{collections::BTreeMap, fmt::Debug, task::Poll, time::Duration};

use flare_diagnostic::{Code, Diagnostic};
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use kube::{
    Resource,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use crate::{Backoff, Objects, Operation, Selection, busy, fault};

/// An event of a watch.
#[derive(Debug, Clone)]
pub enum WatchEvent<K> {
    /// All existing objects: at the start, and after an interruption in which changes may have been missed. Any other
    /// object is gone.
    All(Vec<K>),
    /// An object was created or changed.
    Applied(K),
    /// An object was deleted; this is its last state.
    Deleted(K),
    /// The watch broke and is being resumed.
    Interrupted(Diagnostic),
}

/// How long one request of a watch lasts, which then goes on with another. A connection that died without a word is noticed after this time.
const REQUEST_SECONDS: u32 = 120;

/// Short pauses: an API server usually recovers within seconds.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));

/// The pause before a list that replaces an expired version: an API server for which every version has expired is not asked without a pause.
const ANEW: Duration = Duration::from_secs(1);

impl<K> Objects<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    /// Watches for as long as the stream is read. It ends only with a permanent error, such as a refusal.
    pub fn watch(&self, selection: &Selection) -> impl Stream<Item = Result<WatchEvent<K>, Diagnostic>> + Send + use<K> {
        let config = watcher::Config {
            label_selector: selection.labels.clone(),
            field_selector: selection.fields.clone(),
            timeout: Some(REQUEST_SECONDS),
            ..watcher::Config::default()
        };
        let objects = self.clone();
        let state = Watching { objects, config, listed: Vec::new(), rest: Duration::ZERO, is_expired: false, ended: false };
        stream::unfold((state.begin(), state), |(mut events, mut state)| async move {
            if state.ended {
                return None;
            }
            loop {
                let rest = std::mem::take(&mut state.rest);
                if !rest.is_zero() {
                    sleep(rest).await;
                }
                if std::mem::take(&mut state.is_expired) {
                    events = state.begin();
                }
                let change = match events.next().await? {
                    Ok(event) => state.change(event).map(Ok),
                    Err(error) => Some(state.interruption(&error).await),
                };
                if let Some(change) = change {
                    return Some((change, (events, state)));
                }
            }
        })
    }

    /// Watches one object until `check` returns a value. `check` gets the object whenever it changes, and `None` while there
    /// is none. `what` ends the sentence "… did not come within … s: ".
    pub async fn wait<T>(
        &self,
        name: &str,
        deadline: Duration,
        what: &str,
        mut check: impl FnMut(Option<&K>) -> Poll<Result<T, Diagnostic>>,
    ) -> Result<T, Diagnostic> {
        self.wait_for_all(&Selection::named(name), deadline, what, |objects| check(objects.first().copied())).await
    }

    /// As [`wait`](Self::wait), for all selected objects of one namespace: `check` gets all that exist whenever one of them changes.
    pub async fn wait_for_all<T>(
        &self,
        selection: &Selection,
        deadline: Duration,
        what: &str,
        mut check: impl FnMut(&[&K]) -> Poll<Result<T, Diagnostic>>,
    ) -> Result<T, Diagnostic> {
        let mut changes = std::pin::pin!(self.watch(selection));
        let name = |object: &K| object.meta().name.clone().unwrap_or_default();
        let (mut existing, mut interruption) = (BTreeMap::new(), None);
        let waiting = async {
            while let Some(change) = changes.next().await {
                match change? {
                    WatchEvent::All(objects) => existing = objects.into_iter().map(|object| (name(&object), object)).collect(),
                    WatchEvent::Applied(object) => drop(existing.insert(name(&object), object)),
                    WatchEvent::Deleted(object) => drop(existing.remove(&name(&object))),
                    WatchEvent::Interrupted(fault) => {
                        interruption = Some(fault);
                        continue;
                    }
                }
                interruption = None;
                if let Poll::Ready(answer) = check(&existing.values().collect::<Vec<_>>()) {
                    return answer;
                }
            }
            Err(Diagnostic::error(Code::Internal, "a watch ended by itself"))
        };
        if let Ok(answer) = timeout(deadline, waiting).await {
            return answer;
        }
        // If the API server was unreachable at the end, that is the fault to report.
        Err(interruption.unwrap_or_else(|| {
            Diagnostic::error(Code::TimedOut, format!("{what} did not come within {} s", deadline.as_secs()))
                .hint("look at the object's events with `kubectl describe`; `--timeout` gives more time")
        }))
    }
}

/// The state of a watch between events.
struct Watching<K> {
    objects: Objects<K>,
    config: watcher::Config,
    listed: Vec<K>,
    /// How long the API server asked to be left alone.
    rest: Duration,
    /// Whether the version to go on from has expired. kube sees that in a watch (`WatchError`), but not where the request for one is refused.
    is_expired: bool,
    ended: bool,
}

impl<K> Watching<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    /// Begins with a list.
    fn begin(&self) -> BoxStream<'static, Result<Event<K>, watcher::Error>> {
        watcher(self.objects.api.clone(), self.config.clone()).backoff(BACKOFF).boxed()
    }
}

impl<K> Watching<K> {
    fn change(&mut self, event: Event<K>) -> Option<WatchEvent<K>> {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => self.listed.push(object),
            Event::InitDone => return Some(WatchEvent::All(std::mem::take(&mut self.listed))),
            Event::Apply(object) => return Some(WatchEvent::Applied(object)),
            Event::Delete(object) => return Some(WatchEvent::Deleted(object)),
        }
        None
    }

    async fn interruption(&mut self, error: &watcher::Error) -> Result<WatchEvent<K>, Diagnostic> {
        let cluster = self.objects.cluster.clone();
        let operation: Operation = self.objects.operation("watch");
        let (fault, mut may_heal) = match error {
            watcher::Error::InitialListFailed(error) => {
                (cluster.explain(error, &self.objects.operation("list")).await, fault::may_heal(error))
            }
            watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
                (cluster.explain(error, &operation).await, fault::may_heal(error) || !matches!(error, kube::Error::Api(_)))
            }
            // A version that is too old (410) leads to a new list.
            watcher::Error::WatchError(status) => {
                let error = kube::Error::Api(status.clone());
                (cluster.explain(&error, &operation).await, !matches!(status.code, 401 | 403 | 404))
            }
            watcher::Error::NoResourceVersion => {
                (Diagnostic::error(Code::ClusterAnswerInvalid, format!("the API server cannot {operation}")), false)
            }
        };
        if let watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) = error {
            self.rest = busy::asked(error);
            if matches!(error, kube::Error::Api(status) if status.code == 410) {
                (self.is_expired, may_heal) = (true, true);
                self.rest = self.rest.max(ANEW);
            }
        }
        self.ended = !may_heal;
        if may_heal { Ok(WatchEvent::Interrupted(fault)) } else { Err(fault) }
    }
}
