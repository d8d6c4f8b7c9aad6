//! The exchange with the program in the volume, which is the same for every verb that sends something.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
};

use flare_cluster::Input;
use flare_diagnostic::{Code, Diagnostic};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader, ReadBuf, duplex},
    select,
    sync::oneshot,
};

use crate::{VOLUME_PROGRAM, progress::ON_THE_WAY, run::Run};

/// The maximum length of an answer in bytes.
const LONGEST_ANSWER: u64 = 4 << 20;

/// The line with which the program asks for the request's body.
pub(crate) const READY: &[u8] = b"{\"ready\": true}\n";

impl Run<'_> {
    /// Runs the volume's program in the helper pod and returns the line with its answer. The program's status is neither enough, since an
    /// API server reports success if its connection to the kubelet breaks, nor waited for: after its answer the program only removes
    /// old data, which may take long.
    ///
    /// `body`, of `length` bytes, is sent once the program has checked the volume and asks for it.
    ///
    /// # Errors
    /// The errors of flare-cluster; `STREAM_BROKEN` if there is no answer.
    pub(crate) async fn ask(
        &self,
        mut request: Vec<u8>,
        body: impl AsyncRead + Unpin + Send,
        length: u64,
    ) -> Result<Vec<u8>, Diagnostic> {
        let exec = self.program(request.len());
        let (printed, output) = duplex(ON_THE_WAY);
        let (ready, is_ready) = oneshot::channel();
        // In one piece: a second, short one might wait until the other side has acknowledged the first.
        drop(request.splice(..0, VOLUME_PROGRAM.bytes()));
        let length = request.len() as u64 + length;
        let input = request.as_slice().chain(Awaited { asked: BodyRequest::NotYet(is_ready), body });
        let mut working = pin!(async { exec.run(self.cluster, Input::Sized(input, length), output).await?.success(&exec) });
        let mut reading = pin!(answer_line(printed, ready));
        let (line, ended) = select! {
            line = &mut reading => (line, None),
            ended = &mut working => (reading.await, Some(ended)),
        };
        if !line.is_empty() {
            return Ok(line);
        }
        match ended {
            Some(ended) => ended?,
            None => working.await?,
        }
        Err(without_answer(&self.claim))
    }
}

fn without_answer(claim: &str) -> Diagnostic {
    Diagnostic::error(Code::StreamBroken, format!("the program in the helper pod on claim `{claim}` ended without its answer"))
        .hint("nothing is taken as done: run the same command again; if it stays, look after the node's kubelet")
}

/// Reads the program's output up to the line with its answer; returns nothing if there is none. Empty lines keep the connection alive.
async fn answer_line(printed: impl AsyncRead + Unpin, ready: oneshot::Sender<()>) -> Vec<u8> {
    let (mut printed, mut ready, mut line) = (BufReader::new(printed), Some(ready), Vec::new());
    loop {
        line.clear();
        let read = (&mut printed).take(LONGEST_ANSWER).read_until(b'\n', &mut line).await;
        match read {
            Err(_) => return Vec::new(),
            // Cut off.
            Ok(_) if !line.ends_with(b"\n") => return Vec::new(),
            Ok(_) if line == READY => {
                ready.take().map(|ready| ready.send(()));
            }
            Ok(_) if line.trim_ascii().is_empty() => {}
            Ok(_) => return line,
        }
    }
}

/// Whether the program has asked for the body.
enum BodyRequest {
    NotYet(oneshot::Receiver<()>),
    Yes,
    /// The program has ended without it, and only its end is waited for.
    Never,
}

/// A reader that waits until the program has asked for its bytes.
struct Awaited<Body> {
    asked: BodyRequest,
    body: Body,
}

impl<Body: AsyncRead + Unpin> AsyncRead for Awaited<Body> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if let BodyRequest::NotYet(asked) = &mut self.asked {
            match Pin::new(asked).poll(context) {
                Poll::Ready(Ok(())) => self.asked = BodyRequest::Yes,
                Poll::Ready(Err(_)) => self.asked = BodyRequest::Never,
                Poll::Pending => return Poll::Pending,
            }
        }
        match self.asked {
            BodyRequest::Yes => Pin::new(&mut self.body).poll_read(context, buffer),
            BodyRequest::NotYet(_) | BodyRequest::Never => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_of_the_body_is_sent_before_it_is_asked_for() {
        let (ask, asked) = oneshot::channel();
        let mut input = (&b"request"[..]).chain(Awaited { asked: BodyRequest::NotYet(asked), body: &b"body"[..] });
        let mut head = [0; 7];
        input.read_exact(&mut head).await.expect("the request waits for nothing");
        let mut more = Vec::new();
        {
            let mut reading = pin!(input.read_to_end(&mut more));
            assert!(at_once(reading.as_mut()).await.is_none(), "it was not asked for");
            ask.send(()).expect("it is waited for");
            reading.await.expect("the body");
        }
        assert_eq!((&head, more.as_slice()), (b"request", &b"body"[..]));
    }

    /// A repair that finds the kit in place answers at once; the connection is then read until its end.
    #[tokio::test]
    async fn a_body_that_nobody_will_ask_for_has_neither_bytes_nor_an_end() {
        let (ask, asked) = oneshot::channel();
        let mut input = Awaited { asked: BodyRequest::NotYet(asked), body: &b"body"[..] };
        drop(ask);
        for _ in 0..3 {
            let mut more = Vec::new();
            let reading = pin!(input.read_to_end(&mut more));
            assert!(at_once(reading).await.is_none());
        }
    }

    /// The output of a future that is ready at once.
    async fn at_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn the_answer_is_the_first_line_that_is_no_sign_of_life() {
        let printed = [READY, b"\n\n{\"answer\": 1}\nmore\n"].concat();
        let (ready, mut is_ready) = oneshot::channel();
        assert_eq!(answer_line(printed.as_slice(), ready).await, b"{\"answer\": 1}\n");
        assert_eq!(is_ready.try_recv(), Ok(()));
        let (ready, _is_ready) = oneshot::channel();
        assert_eq!(answer_line(&b""[..], ready).await, b"");
        let (ready, _is_ready) = oneshot::channel();
        assert_eq!(answer_line(&b"{\"answer\": 1}"[..], ready).await, b"", "it may have been cut off");
    }
}
