//! Simulated programs at the other end of an exec stream, as a kubelet and an API server pass them on, and with faults.

use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

use crate::{carrier::Carrier, spdy::Spdy};

/// The older protocol, which always uses version 4 of the subprotocol.
pub(crate) const SPDY: &str = "SPDY/3.1";
pub(crate) const V5: &str = "v5.channel.k8s.io";
pub(crate) const V4: &str = "v4.channel.k8s.io";

#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// Prints what it reads until its input ends; then exits with 0.
    Cat,
    /// Reads this number of bytes, prints their sum as text and exits with 0, whether or not its input ends.
    Count(usize),
    /// Writes this number of MiB to both outputs before it reads anything; then reads to the end and exits with 0.
    Flood(usize),
    /// Exits at once with this code, without reading.
    Exit(u32),
    /// Reads this number of bytes, then the TCP connection is dropped.
    Cut(usize),
    /// Reads this number of bytes, then the WebSocket is closed properly, without a status.
    NoStatus(usize),
    /// Opens its channels with empty frames, as servers do, and prints after a while.
    Late,
    /// Reports success, and prints the rest afterwards.
    StatusFirst,
    /// Sends nothing at all.
    Mute,
}

/// Accepts the upgrade and simulates the program. `headers` are those of the request.
pub(crate) async fn serve<S>(mut connection: S, headers: &str, protocol: &str, program: Program)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if protocol == SPDY {
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\
                    X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n";
        connection.write_all(head.as_bytes()).await.expect("the client listens");
        let Some(connection) = Spdy::accept(connection).await else { return };
        return Far { connection, read: 0 }.play(program).await;
    }
    let key = headers.lines().find_map(|line| line.to_ascii_lowercase().starts_with("sec-websocket-key: ").then(|| &line[19..]));
    let accept = derive_accept_key(key.expect("a key").trim().as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\
         Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.expect("the client listens");
    let connection = WebSocketStream::from_raw_socket(connection, Role::Server, None).await;
    Far { connection, read: 0 }.play(program).await;
}

struct Far<C> {
    connection: C,
    read: usize,
}

impl<C: Carrier> Far<C> {
    async fn play(&mut self, program: Program) {
        match program {
            Program::Cat => {
                while let Some(bytes) = self.next().await {
                    self.print(1, &bytes).await;
                }
                self.end(0).await;
            }
            Program::Count(wanted) => {
                let mut sum = 0_u64;
                while self.read < wanted {
                    let Some(bytes) = self.next().await else { return };
                    sum += bytes.iter().copied().map(u64::from).sum::<u64>();
                }
                self.print(1, format!("{sum}").as_bytes()).await;
                self.end(0).await;
            }
            Program::Flood(mebibytes) => {
                let block = vec![b'x'; 1 << 20];
                for _ in 0..mebibytes {
                    self.print(1, &block).await;
                    self.print(2, &block).await;
                }
                while self.next().await.is_some() {}
                self.end(0).await;
            }
            Program::Exit(number) => {
                self.print(2, b"tar: not good\n").await;
                self.end(number).await;
            }
            Program::Cut(after) => while self.read < after && self.next().await.is_some() {},
            Program::NoStatus(after) => {
                while self.read < after && self.next().await.is_some() {}
                self.connection.close().await;
            }
            Program::Late => {
                for channel in [1, 2, 3] {
                    self.print(channel, b"").await;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                self.print(1, b"late").await;
                self.end(0).await;
            }
            Program::StatusFirst => {
                self.status(0).await;
                self.print(1, b"after").await;
                self.connection.close().await;
            }
            Program::Mute => std::future::pending().await,
        }
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        let bytes = self.connection.next().await?;
        self.read += bytes.len();
        Some(bytes)
    }

    async fn print(&mut self, channel: u8, bytes: &[u8]) {
        self.connection.print(channel, bytes).await;
    }

    async fn status(&mut self, number: u32) {
        let status = if number == 0 {
            json!({"metadata": {}, "status": "Success"})
        } else {
            json!({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated",
                "details": {"causes": [{"reason": "ExitCode", "message": number.to_string()}]}})
        };
        self.print(3, status.to_string().as_bytes()).await;
    }

    async fn end(&mut self, number: u32) {
        self.status(number).await;
        self.connection.close().await;
    }
}
