//! A watch that continues for as long as it is read: if the API server refuses it, it is started again later.

use std::{fmt::Debug, time::Duration};

use flare_cluster::{Backoff, Objects, Selection, WatchEvent};
use flare_diagnostic::Diagnostic;
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use k8s_openapi::serde::de::DeserializeOwned;

/// The pauses before a refused watch is started again.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(30));

struct Following<K> {
    objects: Objects<K>,
    selection: Selection,
    watch: Option<BoxStream<'static, Result<WatchEvent<K>, Diagnostic>>>,
    backoff: Backoff,
    is_to_pause: bool,
}

/// The changes of the selected objects. An error is a refusal, after which the stream continues; it never ends.
pub(crate) fn follow<K>(objects: Objects<K>, selection: Selection) -> impl Stream<Item = Result<WatchEvent<K>, Diagnostic>> + Send
where
    K: flare_cluster::Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let state = Following { objects, selection, watch: None, backoff: BACKOFF, is_to_pause: false };
    stream::unfold(state, |mut state| async move {
        loop {
            if std::mem::take(&mut state.is_to_pause) {
                state.backoff.pause().await;
            }
            let watch = state.watch.get_or_insert_with(|| state.objects.watch(&state.selection).boxed());
            match watch.next().await {
                Some(Ok(change)) => {
                    if !matches!(change, WatchEvent::Interrupted(_)) {
                        state.backoff.reset();
                    }
                    return Some((Ok(change), state));
                }
                Some(Err(fault)) => {
                    state.watch = None;
                    state.is_to_pause = true;
                    return Some((Err(fault), state));
                }
                None => {
                    state.watch = None;
                    state.is_to_pause = true;
                }
            }
        }
    })
}
