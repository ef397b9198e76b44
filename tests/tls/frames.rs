//! HTTP/2 by hand (RFC 9113): what no library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::gate::Gate;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// SETTINGS_INITIAL_WINDOW_SIZE: how much of each answer a client takes unasked.
pub const INITIAL_WINDOW: u16 = 4;

/// A status of 200 in HPACK (RFC 7541 appendix A).
pub const OK: u8 = 0x88;

/// A frame as it lies on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A connection on which preface and settings have been said.
pub struct Wire(TlsStream<TcpStream>);

impl Wire {
    pub async fn connect(gate: &Gate) -> Self {
        Self::with(gate, &[]).await
    }

    /// With settings of the client's: identifier and value.
    pub async fn with(gate: &Gate, settings: &[(u16, u32)]) -> Self {
        Self::unsettled(gate).await.settled(settings).await
    }

    /// Says its settings.
    pub async fn settled(mut self, settings: &[(u16, u32)]) -> Self {
        let payload: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        self.say(SETTINGS, 0, 0, &payload).await.expect("said");
        self
    }

    /// With the preface said, and nothing else.
    pub async fn unsettled(gate: &Gate) -> Self {
        let config = std::sync::Arc::new(gate.authority.client(rustls::ALL_VERSIONS, &["h2"]));
        Self::over(gate.connect(&config, "localhost").await.expect("a handshake")).await
    }

    /// On a connection of which nothing has been used.
    pub async fn over(mut stream: TlsStream<TcpStream>) -> Self {
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("said");
        Self(stream)
    }

    pub async fn say(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        self.0.write_all(&frame(kind, flags, stream, payload)).await
    }

    pub async fn raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// The next frame, `None` when the connection is over. Pings and settings are acknowledged.
    pub async fn hear(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        let heard = Frame { kind: head[3], flags: head[4], stream, payload };
        match heard.kind {
            SETTINGS if heard.flags & 1 == 0 => self.say(SETTINGS, 1, 0, &[]).await.ok()?,
            PING if heard.flags & 1 == 0 => self.say(PING, 1, 0, &heard.payload).await.ok()?,
            _ => {}
        }
        Some(heard)
    }

    /// The first frame that `wanted` accepts; `None` when the connection ends before.
    pub async fn hear_until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        let hearing = async {
            loop {
                let heard = self.hear().await?;
                if wanted(&heard) {
                    return Some(heard);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), hearing).await.expect("the gate says something in time")
    }

    /// Waits for the end of the connection.
    pub async fn is_over(&mut self) {
        assert_eq!(self.hear_until(|_| false).await, None);
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame's length").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A header block (RFC 7541) of literals, so that nothing depends on a table.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().fold(Vec::new(), |mut block, (name, value)| {
        block.push(0);
        for text in [name, value] {
            integer(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
        block
    })
}

/// With a prefix of seven bits (RFC 7541 section 5.1).
fn integer(block: &mut Vec<u8>, mut number: usize) {
    if number < 127 {
        block.push(u8::try_from(number).expect("small"));
        return;
    }
    block.push(127);
    number -= 127;
    while number >= 128 {
        block.push(u8::try_from(number % 128).expect("small") | 128);
        number /= 128;
    }
    block.push(u8::try_from(number).expect("small"));
}

/// A request's header block.
pub fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)];
    block(&[&pseudo[..], more].concat())
}
