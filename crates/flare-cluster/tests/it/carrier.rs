//! The protocols that carry a program's streams. Here: a WebSocket; SPDY has a file of its own.

use futures_util::{SinkExt as _, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

/// The protocol that carries a program's streams.
pub(crate) trait Carrier {
    /// The next bytes of the input; `None` at its end.
    async fn next(&mut self) -> Option<Vec<u8>>;
    /// Sends bytes of a channel.
    async fn print(&mut self, channel: u8, bytes: &[u8]);
    /// Closes the connection properly.
    async fn close(&mut self);
}

impl<S: AsyncRead + AsyncWrite + Unpin> Carrier for WebSocketStream<S> {
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            match StreamExt::next(self).await?.ok()? {
                Message::Binary(frame) if frame[0] == 0 => return Some(frame[1..].to_vec()),
                Message::Binary(frame) if frame[..] == [255, 0] => return None,
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    async fn print(&mut self, channel: u8, bytes: &[u8]) {
        let _ = self.send(Message::binary([&[channel], bytes].concat())).await;
    }

    async fn close(&mut self) {
        let _ = WebSocketStream::close(self, None).await;
    }
}
