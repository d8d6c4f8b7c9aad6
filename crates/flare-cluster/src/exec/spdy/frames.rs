//! The frames of SPDY/3.1: control frames, and data with the channel of their stream.

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::codec::{Decoder, Encoder};

use crate::exec::stream::{CLOSE, STATUS, STDERR, STDIN, STDOUT};

/// The longest frame that is accepted. Servers send what they read from a pipe, which is far less.
const LONGEST: usize = 4 << 20;

/// The streams, in the order in which they are opened, with the channel of each. A client's streams have odd numbers.
pub(super) const STREAMS: [(u32, u8, &str); 4] =
    [(1, STATUS, "error"), (3, STDIN, "stdin"), (5, STDOUT, "stdout"), (7, STDERR, "stderr")];

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;

/// The sender's last frame of a stream.
const FIN: u8 = 1;

/// A frame from the server.
#[derive(Debug)]
pub(super) enum Arrived {
    /// The node has accepted a stream.
    Accepted,
    /// Bytes for a channel.
    Content(Message),
    /// The last bytes for a channel, possibly none.
    Last(u8, Message),
    /// The server's ping, with its number.
    Ping(u32),
    Pong,
    /// The server is about to close the connection.
    Goodbye,
    /// A frame that is ignored: settings and windows, which no Kubernetes server uses.
    Other,
}

/// Decodes and encodes frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pings: u32,
}

impl Decoder for Frames {
    type Item = Arrived;
    type Error = Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Arrived>, Error> {
        let Some((head, _)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
        let (first, flags, length) = (word([head[0], head[1], head[2], head[3]]), head[4], word([0, head[5], head[6], head[7]]));
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(Error::Io(io::Error::new(io::ErrorKind::InvalidData, "a frame that is too long")));
        }
        if bytes.len() < 8 + length {
            bytes.reserve(8 + length - bytes.len());
            return Ok(None);
        }
        let frame = bytes.split_to(8 + length);
        Ok(Some(if first >> 31 == 0 { data(first, flags, frame) } else { control(first, &frame[8..]) }))
    }
}

fn data(stream: u32, flags: u8, mut frame: BytesMut) -> Arrived {
    let Some((_, channel, _)) = STREAMS.iter().find(|(number, ..)| *number == stream) else { return Arrived::Other };
    // The last byte of the head becomes the channel, so that the content is not copied.
    frame.advance(7);
    frame[0] = *channel;
    let message = Message::Binary(frame.freeze());
    if flags & FIN == 0 { Arrived::Content(message) } else { Arrived::Last(*channel, message) }
}

fn control(first: u32, content: &[u8]) -> Arrived {
    let number = content.first_chunk::<4>().map(|bytes| word(*bytes) & 0x7fff_ffff);
    let channel = STREAMS.iter().find(|(stream, ..)| Some(*stream) == number).map(|(_, channel, _)| *channel);
    match ((first & 0xffff) as u16, number) {
        (SYN_REPLY, _) => Arrived::Accepted,
        // A stream that is reset has ended; the status says whether the program has.
        (RST_STREAM, _) => {
            channel.map_or(Arrived::Other, |channel| Arrived::Last(channel, Message::Binary(Bytes::from(vec![channel]))))
        }
        // A ping with an odd number is the answer to one that this side sent.
        (PING, Some(number)) if number % 2 == 0 => Arrived::Ping(number),
        (PING, _) => Arrived::Pong,
        (GOAWAY, _) => Arrived::Goodbye,
        _ => Arrived::Other,
    }
}

impl Encoder<Message> for Frames {
    type Error = Error;

    fn encode(&mut self, message: Message, bytes: &mut BytesMut) -> Result<(), Error> {
        match message {
            Message::Binary(frame) => match (frame.first(), frame.get(1..)) {
                (Some(&CLOSE), Some(&[channel])) => push_data(bytes, channel, FIN, &[]),
                (Some(&channel), Some(content)) => push_data(bytes, channel, 0, content),
                _ => {}
            },
            Message::Ping(_) => {
                ping(bytes, self.pings * 2 + 1);
                self.pings += 1;
            }
            _ => {}
        }
        Ok(())
    }
}

fn push_data(bytes: &mut BytesMut, channel: u8, flags: u8, content: &[u8]) {
    let Some((number, ..)) = STREAMS.iter().find(|(_, known, _)| *known == channel) else { return };
    bytes.reserve(8 + content.len());
    bytes.put_u32(*number);
    put_length(bytes, flags, content.len());
    bytes.put_slice(content);
}

/// Writes the flags and the length in three bytes. Messages are far shorter than the 16 MiB that fit.
fn put_length(bytes: &mut BytesMut, flags: u8, length: usize) {
    bytes.put_u8(flags);
    bytes.put_uint(length as u64, 3);
}

fn push_control(bytes: &mut BytesMut, kind: u16, content: &[u8]) {
    bytes.put_u16(0x8003);
    bytes.put_u16(kind);
    put_length(bytes, 0, content.len());
    bytes.put_slice(content);
}

/// Writes a ping.
pub(super) fn ping(bytes: &mut BytesMut, number: u32) {
    push_control(bytes, PING, &number.to_be_bytes());
}

/// Writes the frame that opens a stream. Its only header says what the stream carries.
pub(super) fn syn_stream(bytes: &mut BytesMut, number: u32, kind: &str) {
    let mut content = BytesMut::new();
    content.put_u32(number);
    // No associated stream, no priority.
    content.put_slice(&[0; 6]);
    put_headers(&mut content, number == STREAMS[0].0, kind);
    push_control(bytes, SYN_STREAM, &content);
}

/// Writes the headers of a stream: one zlib stream for the whole connection, with SPDY's dictionary. Its blocks are stored
/// uncompressed, which needs only the dictionary's checksum; an empty block flushes, as in zlib.
fn put_headers(bytes: &mut BytesMut, first: bool, kind: &str) {
    if first {
        // Deflate with a window of 32 KiB and a preset dictionary; then the Adler-32 of SPDY/3's dictionary.
        bytes.put_slice(&[0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2]);
    }
    let mut block = BytesMut::new();
    block.put_u32(1);
    for text in ["streamtype", kind] {
        block.put_u32(u32::try_from(text.len()).unwrap_or_default());
        block.put_slice(text.as_bytes());
    }
    for block in [&block[..], &[]] {
        let length = u16::try_from(block.len()).unwrap_or_default();
        bytes.put_u8(0);
        bytes.put_u16_le(length);
        bytes.put_u16_le(!length);
        bytes.put_slice(block);
    }
}

const fn word(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Vec<Arrived> {
        let (mut frames, mut bytes) = (Frames::default(), BytesMut::from(bytes));
        std::iter::from_fn(|| frames.decode(&mut bytes).expect("frames")).collect()
    }

    #[test]
    fn a_stream_is_opened_as_zlib_with_the_dictionary_would_write_it_without_compression() {
        let mut bytes = BytesMut::new();
        syn_stream(&mut bytes, 1, "error");
        let expected = b"\x80\x03\0\x01\0\0\0\x35\0\0\0\x01\0\0\0\0\0\0\x78\xbb\xe3\xc6\xa7\xc2\
            \0\x1b\0\xe4\xff\0\0\0\x01\0\0\0\x0astreamtype\0\0\0\x05error\0\0\0\xff\xff";
        assert_eq!(&bytes[..], expected);
    }

    #[test]
    fn content_becomes_a_message_with_its_channel() {
        let mut bytes = BytesMut::new();
        push_data(&mut bytes, STDOUT, 0, b"out");
        push_data(&mut bytes, STATUS, FIN, b"{}");
        let arrived = decoded(&bytes);
        assert!(matches!(&arrived[0], Arrived::Content(Message::Binary(frame)) if frame[..] == *b"\x01out"), "{arrived:?}");
        assert!(matches!(&arrived[1], Arrived::Last(STATUS, Message::Binary(frame)) if frame[..] == *b"\x03{}"), "{arrived:?}");
    }

    #[test]
    fn half_a_frame_waits_and_a_frame_that_is_too_long_is_refused() {
        let (mut frames, mut bytes) = (Frames::default(), BytesMut::new());
        push_data(&mut bytes, STDOUT, 0, b"out");
        for length in 0..bytes.len() {
            assert!(frames.decode(&mut BytesMut::from(&bytes[..length])).expect("no fault").is_none());
        }
        let long = [0, 0, 0, 5, 0, 0xff, 0xff, 0xff];
        frames.decode(&mut BytesMut::from(&long[..])).expect_err("16 MiB at once");
    }

    #[test]
    fn the_end_of_the_input_and_pings_have_their_frames() {
        let (mut frames, mut bytes) = (Frames::default(), BytesMut::new());
        frames.encode(Message::Binary(Bytes::from_static(&[CLOSE, STDIN])), &mut bytes).expect("a frame");
        assert_eq!(bytes[..], [0, 0, 0, 3, FIN, 0, 0, 0]);
        bytes.clear();
        for number in [1, 3] {
            frames.encode(Message::Ping(Bytes::new()), &mut bytes).expect("a frame");
            assert_eq!(bytes.split()[..], [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, number]);
        }
        let arrived = decoded(&[0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 2]);
        assert!(matches!(arrived[..], [Arrived::Ping(2)]), "{arrived:?}");
    }
}
