//! A watch that continues for as long as it is read: if the API server refuses it, it is started again later.

use std::{fmt::Debug, time::Duration};

use flare_cluster::{Change, Objects, Selection, about};
use flare_diagnostic::Diagnostic;
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use k8s_openapi::serde::de::DeserializeOwned;
use tokio::time::sleep;

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

struct Following<K> {
    objects: Objects<K>,
    selection: Selection,
    watch: Option<BoxStream<'static, Result<Change<K>, Diagnostic>>>,
    pause: Duration,
    is_to_pause: bool,
}

/// The changes of the selected objects. An error is a refusal, after which the stream continues; it never ends.
pub(crate) fn follow<K>(objects: Objects<K>, selection: Selection) -> impl Stream<Item = Result<Change<K>, Diagnostic>> + Send
where
    K: flare_cluster::Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let state = Following { objects, selection, watch: None, pause: FIRST_PAUSE, is_to_pause: false };
    stream::unfold(state, |mut state| async move {
        loop {
            if std::mem::take(&mut state.is_to_pause) {
                sleep(about(state.pause)).await;
                state.pause = (state.pause * 2).min(LONGEST_PAUSE);
            }
            let watch = state.watch.get_or_insert_with(|| state.objects.watch(&state.selection).boxed());
            match watch.next().await {
                Some(Ok(change)) => {
                    if !matches!(change, Change::Interrupted(_)) {
                        state.pause = FIRST_PAUSE;
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
