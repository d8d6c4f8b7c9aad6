//! The node's side of an exec stream over SPDY/3.1, with only what a client may rely on.

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::carrier::Carrier;

/// The zlib header of a connection's first headers, with the checksum of SPDY/3's dictionary.
const ZLIB: [u8; 6] = [0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2];

/// A connection whose four streams were accepted.
pub(crate) struct Spdy<S> {
    connection: S,
    /// What each stream carries → its number.
    streams: BTreeMap<String, u32>,
    input_ended: bool,
}

struct Frame {
    first: u32,
    flags: u8,
    content: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Spdy<S> {
    /// Accepts the streams, and sends a ping as some servers do.
    pub(crate) async fn accept(connection: S) -> Option<Self> {
        let mut spdy = Self { connection, streams: BTreeMap::new(), input_ended: false };
        while spdy.streams.len() < 4 {
            let frame = spdy.frame().await?;
            assert_eq!(frame.first, 0x8003_0001, "data of a stream that was not accepted is thrown away");
            let number = u32::from_be_bytes(frame.content[..4].try_into().expect("a number"));
            let kind = stream_type(&frame.content[10..], spdy.streams.is_empty());
            spdy.streams.insert(kind, number);
            spdy.control(2, &[&number.to_be_bytes()[..], &[0; 4]].concat()).await;
        }
        spdy.control(6, &2_u32.to_be_bytes()).await;
        Some(spdy)
    }

    async fn frame(&mut self) -> Option<Frame> {
        let first = self.connection.read_u32().await.ok()?;
        let flags_and_length = self.connection.read_u32().await.ok()?;
        let mut content = vec![0; (flags_and_length & 0xff_ffff) as usize];
        self.connection.read_exact(&mut content).await.ok()?;
        Some(Frame { first, flags: (flags_and_length >> 24) as u8, content })
    }

    async fn control(&mut self, kind: u32, content: &[u8]) {
        self.write(0x8003_0000 | kind, content).await;
    }

    async fn write(&mut self, first: u32, content: &[u8]) {
        let length = u32::try_from(content.len()).expect("a short frame");
        let head = [first.to_be_bytes(), length.to_be_bytes()].concat();
        let _ = self.connection.write_all(&[&head[..], content].concat()).await;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Carrier for Spdy<S> {
    async fn next(&mut self) -> Option<Vec<u8>> {
        while !self.input_ended {
            let frame = self.frame().await?;
            if frame.first == self.streams["stdin"] {
                self.input_ended = frame.flags == 1;
                if !frame.content.is_empty() {
                    return Some(frame.content);
                }
            }
        }
        None
    }

    async fn print(&mut self, channel: u8, bytes: &[u8]) {
        let kind = ["stdin", "stdout", "stderr", "error"][usize::from(channel)];
        for part in bytes.chunks(32 << 10) {
            self.write(self.streams[kind], part).await;
        }
    }

    async fn close(&mut self) {
        self.control(7, &[0; 8]).await;
        let _ = self.connection.shutdown().await;
    }
}

/// What a stream carries, from headers in stored blocks of zlib.
fn stream_type(headers: &[u8], first: bool) -> String {
    let block = if first { headers.strip_prefix(&ZLIB[..]).expect("a zlib header") } else { headers };
    let block = block.strip_suffix(&[0, 0, 0, 0xff, 0xff][..]).expect("an empty block flushes");
    let (head, pairs) = block.split_at(5);
    let length = u16::from_le_bytes([head[1], head[2]]);
    assert_eq!((head[0], usize::from(length), u16::from_le_bytes([head[3], head[4]])), (0, pairs.len(), !length));
    let value = pairs.strip_prefix(&b"\0\0\0\x01\0\0\0\x0astreamtype\0\0\0"[..]).expect("the header");
    String::from_utf8(value[1..].to_vec()).expect("a word")
}
