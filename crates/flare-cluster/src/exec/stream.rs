//! The exec subprotocol over a WebSocket: each message begins with one byte for its channel.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{self, Poll},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _, future::pending};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    select,
    time::{Instant, interval_at, timeout},
};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{
    command::Input,
    ending::{Broken, ProgramExit, exit_code},
};

pub(super) const STDIN: u8 = 0;
pub(super) const STDOUT: u8 = 1;
pub(super) const STDERR: u8 = 2;
pub(super) const STATUS: u8 = 3;
/// From version 5 on: the channel in the next byte has ended.
pub(super) const CLOSE: u8 = 255;

/// The payload of one message: large enough for 3 GiB/s on loopback, small enough for every server.
const MESSAGE: usize = 64 << 10;

/// How often a ping is sent while there is no input, so that no proxy takes the connection for dead.
const PING: Duration = Duration::from_secs(20);

/// How long output may still arrive after the status; servers close the connection right after it.
const AFTERMATH: Duration = Duration::from_secs(2);

/// How much of standard error is kept.
const STDERR_KEPT: usize = 16 << 10;

/// Sends the input and reads the output at the same time, until the status has arrived and the connection is closed.
pub(super) async fn converse<S, R, W>(
    socket: S,
    input: Input<R>,
    mut output: W,
    half_close: bool,
    silence: Duration,
) -> Result<ProgramExit, Broken>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (mut sink, mut messages) = socket.split();
    let mut received = Received::default();
    let mut sending = std::pin::pin!(async {
        let sent = send(&mut sink, input, half_close, silence).await;
        match sent {
            // Only a local fault ends the exchange. A connection that accepts no more data may still deliver the
            // status of a program that did not read everything.
            Err(Unsent::Here(reason)) => reason,
            Err(Unsent::Connection) | Ok(()) => pending().await,
        }
    });
    loop {
        let next = select! {
            reason = &mut sending => return Err(reason),
            next = timeout(received.patience(silence), messages.next()) => next,
        };
        match next {
            Ok(Some(Ok(message))) => received.take(message, &mut output).await?,
            Ok(Some(Err(error))) => return received.end(&text_of(&error), &mut output).await,
            Ok(None) => return received.end("closed by the other side", &mut output).await,
            Err(_) if received.status.is_some() => return received.end("", &mut output).await,
            Err(_) => return Err(Broken::Silent(silence.as_secs())),
        }
    }
}

/// Why a connection broke, without any data that was sent on it.
pub(super) fn text_of(error: &Error) -> String {
    match error {
        Error::Io(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

/// Why the input was not sent completely.
enum Unsent {
    /// The reader failed, or was shorter or longer than promised.
    Here(Broken),
    /// The connection accepts no more data.
    Connection,
}

/// Sends the input and its end, then pings. If no input is accepted for `silence`, the program has probably ended: servers
/// do not report that before the input was accepted.
async fn send<R, T>(sink: &mut T, input: Input<R>, half_close: bool, silence: Duration) -> Result<(), Unsent>
where
    R: AsyncRead + Unpin,
    T: Sink<Message, Error = Error> + Unpin,
{
    let start = Instant::now() + PING;
    let mut pings = interval_at(start, PING);
    let (mut reader, mut left) = match input {
        Input::Nothing => (None, None),
        Input::Sized(reader, length) => (Some(reader), Some(length)),
        Input::UntilEnd(reader) => (Some(reader), None),
    };
    let had_input = reader.is_some();
    while let Some(source) = &mut reader {
        let mut buffer = BytesMut::with_capacity(MESSAGE + 1);
        buffer.put_u8(STDIN);
        let room = left.map_or(MESSAGE, |left| usize::try_from(left).map_or(MESSAGE, |left| left.min(MESSAGE)));
        let mut limited = source.take(room as u64);
        let read = if room == 0 {
            0
        } else {
            loop {
                select! {
                    read = limited.read_buf(&mut buffer) => break read.map_err(|error| Unsent::Here(Broken::Input(error.kind().to_string())))?,
                    _ = pings.tick() => in_time(silence, sink.send(Message::Ping(Bytes::new()))).await?,
                }
            }
        };
        if read == 0 {
            if left.is_some_and(|left| left > 0) {
                return Err(Unsent::Here(Broken::Input("it is shorter than was said".into())));
            }
            reader = None;
        } else {
            left = left.map(|left| left - read as u64);
            let message = Message::Binary(buffer.freeze());
            // Full messages are buffered; a short one may be everything for now, so it is sent at once.
            if read == room { in_time(silence, sink.feed(message)).await? } else { in_time(silence, sink.send(message)).await? }
        }
    }
    if had_input && half_close {
        in_time(silence, sink.feed(Message::Binary(Bytes::from_static(&[CLOSE, STDIN])))).await?;
    }
    in_time(silence, sink.flush()).await?;
    loop {
        pings.tick().await;
        in_time(silence, sink.send(Message::Ping(Bytes::new()))).await?;
    }
}

/// Waits, for a limited time, until the connection accepts data.
async fn in_time(silence: Duration, sending: impl Future<Output = Result<(), Error>>) -> Result<(), Unsent> {
    match timeout(silence, sending).await {
        Ok(sent) => sent.map_err(|_| Unsent::Connection),
        Err(_) => Err(Unsent::Here(Broken::Silent(silence.as_secs()))),
    }
}

/// What was received so far.
#[derive(Debug, Default)]
struct Received {
    stderr: VecDeque<u8>,
    status: Option<Result<u32, Broken>>,
}

impl Received {
    /// How long to wait for the next message.
    fn patience(&self, silence: Duration) -> Duration {
        if self.status.is_some() { AFTERMATH } else { silence }
    }

    async fn take<W: AsyncWrite + Unpin>(&mut self, message: Message, output: &mut W) -> Result<(), Broken> {
        let Message::Binary(frame) = message else { return Ok(()) };
        match frame.split_first() {
            Some((&STDOUT, rest)) => output.write_all(rest).await.map_err(|error| Broken::Output(error.to_string())),
            Some((&STDERR, rest)) => {
                self.stderr.extend(rest);
                let surplus = self.stderr.len().saturating_sub(STDERR_KEPT);
                self.stderr.drain(..surplus);
                Ok(())
            }
            // An empty frame opens the channel; the status is the first one with content.
            Some((&STATUS, rest)) if !rest.is_empty() && self.status.is_none() => {
                self.status = Some(exit_code(rest));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Ends after the connection has closed: without a status the result is an error.
    async fn end<W: AsyncWrite + Unpin>(self, reason: &str, output: &mut W) -> Result<ProgramExit, Broken> {
        let exit_code = self.status.unwrap_or_else(|| Err(Broken::Ended(reason.to_owned())))?;
        output.flush().await.map_err(|error| Broken::Output(error.to_string()))?;
        Ok(ProgramExit { exit_code, stderr: self.stderr.into() })
    }
}

/// Output that is kept up to a limit; more is an error and is not cut off silently.
#[derive(Debug)]
pub(super) struct LimitedOutput {
    bytes: Vec<u8>,
    limit: usize,
}

impl LimitedOutput {
    pub(super) const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl AsyncWrite for LimitedOutput {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut task::Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Poll::Ready(Err(io::Error::other(format!("it is longer than {} bytes", self.limit))));
        }
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{DuplexStream, duplex},
        join,
    };
    use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

    use super::*;

    /// A server that answers pings for ever and accepts no input, as after a program that ended without reading it.
    struct Stuck(tokio::time::Interval);

    impl Stream for Stuck {
        type Item = Result<Message, Error>;

        fn poll_next(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
            self.0.poll_tick(context).map(|_| Some(Ok(Message::Pong(Bytes::new()))))
        }
    }

    impl Sink<Message> for Stuck {
        type Error = Error;

        fn poll_ready(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Pending
        }

        fn start_send(self: Pin<&mut Self>, _: Message) -> Result<(), Error> {
            Ok(())
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn input_that_nobody_takes_ends_although_pings_are_answered() {
        let socket = Stuck(interval_at(Instant::now(), Duration::from_secs(5)));
        let ended = converse(socket, Input::Sized(&b"input"[..], 5), tokio::io::sink(), true, Duration::from_mins(2)).await;
        assert_eq!(ended, Err(Broken::Silent(120)));
    }

    /// A program may be at work for long without a byte in either direction: while it has no input, and while it waits for more.
    #[tokio::test(start_paused = true)]
    async fn pings_keep_a_connection_alive_on_which_nothing_else_is_sent() {
        let (_waiting, nothing_yet) = duplex(1);
        for input in [Input::<DuplexStream>::Nothing, Input::UntilEnd(nothing_yet)] {
            let (near, far) = duplex(1 << 10);
            let near = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
            let mut far = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
            let begin = Instant::now();
            let program = async move {
                let mut pings = Vec::new();
                while pings.len() < 10 {
                    match far.next().await {
                        Some(Ok(Message::Ping(_))) => pings.push(begin.elapsed().as_secs()),
                        Some(Ok(_)) => {}
                        _ => return pings,
                    }
                }
                let status = [&[STATUS][..], br#"{"metadata": {}, "status": "Success"}"#].concat();
                far.send(Message::Binary(status.into())).await.expect("the other side listens");
                far.close(None).await.expect("the other side listens");
                pings
            };
            // Far less than the time until the tenth ping.
            let conversation = converse(near, input, tokio::io::sink(), true, Duration::from_mins(1));
            let (ended, pings) = join!(conversation, program);
            assert_eq!(ended, Ok(ProgramExit { exit_code: 0, stderr: Vec::new() }));
            assert_eq!(pings, (1..=10).map(|number| number * PING.as_secs()).collect::<Vec<_>>());
        }
    }
}
