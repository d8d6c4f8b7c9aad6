//! The exec subprotocol over SPDY/3.1, which kubectl used before 1.31 and every server still supports.
//!
//! An API server unmasks and repacks each byte of a WebSocket, but passes SPDY on to the node unchanged. That halves the time
//! of a large input, so a large input is sent over SPDY if the server and the proxies agree to it.
//!
//! Source: the SPDY/3.1 draft, sections 2.2 and 2.6; the streams and their headers as in `k8s.io/client-go/tools/remotecommand`,
//! version 4 of the subprotocol.

mod frames;

use std::{
    pin::Pin,
    task::{self, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt as _};
use http::{HeaderValue, Method, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kube::{Client, client::Body};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::codec::Framed;

use super::{
    ending::Broken,
    stream::{STATUS, STDERR, STDOUT},
};
use frames::{Arrived, Frames, STREAMS};

/// Version 4 of the subprotocol: the status is a `Status` object. SPDY can end each stream separately, so there is no version 5.
const PROTOCOL: &str = "v4.channel.k8s.io";

/// How long a node may take to accept the streams; it gives up after the same time.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(30);

/// Asks the server for SPDY. `None` if the server or a proxy does not support it or refuses; then nothing was started.
pub(super) async fn connect(client: &Client, request: http::Request<Vec<u8>>) -> Option<Upgraded> {
    let (mut parts, _) = request.into_parts();
    parts.method = Method::POST;
    parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    parts.headers.insert(header::UPGRADE, HeaderValue::from_static("SPDY/3.1"));
    parts.headers.insert("x-stream-protocol-version", HeaderValue::from_static(PROTOCOL));
    let answer = client.send(http::Request::from_parts(parts, Body::empty())).await.ok()?;
    let agreed = answer.headers().get("x-stream-protocol-version").is_some_and(|version| version == PROTOCOL);
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS || !agreed {
        return None;
    }
    hyper::upgrade::on(answer).await.ok()
}

/// Opens the four streams and waits until the node has accepted each.
pub(super) async fn open(connection: Upgraded) -> Result<Connection<TokioIo<Upgraded>>, Broken> {
    Connection::open(TokioIo::new(connection)).await
}

/// A connection with its streams, as the messages that a WebSocket would carry: one byte for the channel, then the content.
#[derive(Debug)]
pub(super) struct Connection<S> {
    frames: Framed<S, Frames>,
    /// The server's streams that have not ended, one bit for each channel.
    open: u8,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn open(socket: S) -> Result<Self, Broken> {
        let mut frames = Framed::new(socket, Frames::default());
        for (number, _, kind) in STREAMS {
            frames::syn_stream(frames.write_buffer_mut(), number, kind);
        }
        let mut accepted = 0;
        let accepting = async {
            SinkExt::<Message>::flush(&mut frames).await.map_err(|error| Broken::Ended(super::stream::text_of(&error)))?;
            while accepted < STREAMS.len() {
                match frames.next().await {
                    Some(Ok(Arrived::Accepted)) => accepted += 1,
                    Some(Ok(Arrived::Ping(_) | Arrived::Other)) => {}
                    Some(Ok(_)) | None => return Err(Broken::Ended("the node did not accept the streams".into())),
                    Some(Err(error)) => return Err(Broken::Ended(super::stream::text_of(&error))),
                }
            }
            Ok(())
        };
        timeout(ACCEPTED_WITHIN, accepting).await.map_err(|_| Broken::Silent(ACCEPTED_WITHIN.as_secs()))??;
        Ok(Self { frames, open: 1 << STATUS | 1 << STDOUT | 1 << STDERR })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Connection<S> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        while self.open != 0 {
            match ready!(self.frames.poll_next_unpin(context)) {
                Some(Ok(Arrived::Content(message))) => return Poll::Ready(Some(Ok(message))),
                Some(Ok(Arrived::Last(channel, message))) => {
                    self.open &= !(1 << channel);
                    return Poll::Ready(Some(Ok(message)));
                }
                // The answer to a ping that this side sent: the connection is alive.
                Some(Ok(Arrived::Pong)) => return Poll::Ready(Some(Ok(Message::Pong(Bytes::new())))),
                Some(Ok(Arrived::Ping(number))) => {
                    frames::ping(self.frames.write_buffer_mut(), number);
                    // What is not sent now is sent with the next message. A connection that accepts nothing more may still
                    // deliver the status.
                    let _ = SinkExt::<Message>::poll_flush_unpin(&mut self.frames, context);
                }
                Some(Ok(Arrived::Accepted | Arrived::Other)) => {}
                Some(Ok(Arrived::Goodbye)) | None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            }
        }
        Poll::Ready(None)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for Connection<S> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        SinkExt::<Message>::poll_ready_unpin(&mut self.frames, context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.frames.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        SinkExt::<Message>::poll_flush_unpin(&mut self.frames, context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        SinkExt::<Message>::poll_close_unpin(&mut self.frames, context)
    }
}
