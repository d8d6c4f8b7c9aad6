//! Logs of containers.

use flare_diagnostic::Diagnostic;
use futures_util::{AsyncRead, AsyncReadExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};

use crate::{Cluster, Operation};

/// Which part of a container's log.
#[derive(Debug, Clone, Default)]
pub struct LogSelection {
    /// The container; `None` if the pod has only one.
    pub container: Option<String>,
    /// Only this number of lines at the end.
    pub last_lines: Option<u32>,
    /// Only the end of the log, at most this number of bytes; a word that does not fit is left out as a whole. Ignored for a log that is
    /// followed.
    pub at_most_bytes: Option<usize>,
    /// The container that ran before the last restart.
    pub previous: bool,
    /// Puts the time before each line.
    pub timestamps: bool,
}

impl Cluster {
    /// The log of a container, as text; what is not UTF-8 is replaced.
    pub async fn logs(&self, namespace: &str, pod: &str, selection: &LogSelection) -> Result<String, Diagnostic> {
        let api: Api<Pod> = Api::namespaced(self.client().clone(), namespace);
        let parameters = parameters(selection);
        let operation = Operation::on::<Pod>("get", Some(namespace)).subresource("log").object(pod);
        // The client's own text of a log is an error where a program printed what is not UTF-8.
        let reading = || async {
            let log = std::pin::pin!(api.log_stream(pod, &parameters).await?);
            end_of(log, selection.at_most_bytes.unwrap_or(usize::MAX)).await.map_err(kube::Error::ReadEvents)
        };
        let bytes = self.call(&operation, reading).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The log of a container while it is written: lines as they arrive, until the container ends.
    pub async fn follow_logs(
        &self,
        namespace: &str,
        pod: &str,
        selection: &LogSelection,
    ) -> Result<impl futures_util::AsyncBufRead + use<>, Diagnostic> {
        let api: Api<Pod> = Api::namespaced(self.client().clone(), namespace);
        let parameters = LogParams { follow: true, ..parameters(selection) };
        let operation = Operation::on::<Pod>("get", Some(namespace)).subresource("log").object(pod);
        self.call(&operation, || api.log_stream(pod, &parameters)).await
    }
}

fn parameters(selection: &LogSelection) -> LogParams {
    LogParams {
        container: selection.container.clone(),
        // The API's own limit of bytes keeps the beginning of these lines, so that a long line hides the end of the log.
        tail_lines: selection.last_lines.map(i64::from),
        previous: selection.previous,
        timestamps: selection.timestamps,
        ..LogParams::default()
    }
}

/// Reads to the end and keeps the last bytes. It begins with a whole word, since a part of a token would not be recognised as one.
async fn end_of(mut log: impl AsyncRead + Unpin, most: usize) -> std::io::Result<Vec<u8>> {
    let (mut kept, mut chunk, mut is_cut) = (Vec::new(), vec![0; 8 << 10], false);
    loop {
        let read = log.read(&mut chunk).await?;
        kept.extend_from_slice(&chunk[..read]);
        // Cut rarely, so that each byte is moved only a few times.
        let is_long = kept.len() > most.saturating_mul(2).max(chunk.len());
        if kept.len() > most && (is_long || read == 0) {
            // One byte more shows whether the kept part begins with a word.
            kept.drain(..kept.len().saturating_sub(most.saturating_add(1)));
            is_cut = true;
        }
        if read == 0 {
            break;
        }
    }
    if is_cut {
        let beginning = kept.iter().position(u8::is_ascii_whitespace).map_or(kept.len(), |at| at + 1);
        kept.drain(..beginning);
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn end(text: &str, most: usize) -> String {
        String::from_utf8(end_of(text.as_bytes(), most).await.expect("memory can be read")).expect("text")
    }

    #[tokio::test]
    async fn the_end_of_a_log_is_kept_and_begins_with_a_whole_word() {
        assert_eq!(end("one two\n", 100).await, "one two\n");
        assert_eq!(end("one two three", 13).await, "one two three");
        assert_eq!(end("one two three", 9).await, "two three");
        assert_eq!(end("one two three", 8).await, "three");
        assert_eq!(end("one two three", 5).await, "three");
        assert_eq!(end("onetwothree", 5).await, "", "a part of a token is left out");
        let long = format!("{}\nTraceback\nboom\n", "x".repeat(100_000));
        assert_eq!(end(&long, 16 << 10).await, "Traceback\nboom\n");
        let many = (0..100_000).map(|number| format!("line {number}\n")).collect::<String>();
        let kept = end(&many, 1000).await;
        assert!(kept.len() <= 1000 && kept.len() > 900 && many.ends_with(&kept), "{kept}");
    }
}
