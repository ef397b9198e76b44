//! A WebSocket that says back what it hears: the server side of RFC 6455, without extensions.

use std::future::Future;
use std::io;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::BASE64;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// A message is kept whole before it is said back, so it must have an end.
const MAX_MESSAGE: usize = 64 * 1024;

/// RFC 6455 section 5.5.
const MAX_CONTROL: usize = 125;

/// After our Close frame the peer's last bytes are read away, lest a reset overtake the frame.
const LINGER: Duration = Duration::from_secs(1);

/// Why a conversation ended other than by a Close frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the peer broke the protocol: {0}")]
    Protocol(&'static str),
    #[error("a text message is not UTF-8")]
    NotUtf8,
    #[error("a message is longer than {MAX_MESSAGE} bytes")]
    TooLong,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Error {
    /// The status code for the peer (RFC 6455 section 7.4.1), where it can still be told.
    const fn close_code(&self) -> Option<u16> {
        match self {
            Self::Protocol(_) => Some(1002),
            Self::NotUtf8 => Some(1007),
            Self::TooLong => Some(1009),
            Self::Io(_) => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

struct Frame {
    kind: Kind,
    last: bool,
    payload: Vec<u8>,
}

/// A data message of which the last frame has not come.
struct Message {
    kind: Kind,
    bytes: Vec<u8>,
}

/// The value of `Sec-WebSocket-Accept`, when these are the headers of an opening handshake (RFC 6455 section 4.2.1).
pub(super) fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let key = headers.get(SEC_WEBSOCKET_KEY)?.as_bytes();
    let nonce = BASE64.decode(key).ok()?;
    let asked = has_token(headers.get(UPGRADE)?, "websocket") && has_token(headers.get(CONNECTION)?, "upgrade");
    let version = headers.get(SEC_WEBSOCKET_VERSION)? == "13";
    (asked && version && nonce.len() == 16).then(|| accept_value(key))
}

fn has_token(list: &HeaderValue, token: &str) -> bool {
    list.as_bytes().split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

fn accept_value(key: &[u8]) -> HeaderValue {
    let salted = [key, b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat();
    let proof = BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &salted).as_ref());
    HeaderValue::try_from(proof).expect("base64 is a header value")
}

/// Says back every message until the peer closes, breaks the rules, or `closing` completes (then: 1001, going away).
///
/// # Errors
/// [`Error`] after the peer has been told, where that was possible.
pub(super) async fn echo<S>(stream: S, closing: impl Future<Output = ()>) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    let said = tokio::select! {
        biased;
        said = converse(&mut stream) => said.map(|farewell| (farewell, Ok(()))),
        () = closing => Ok((1001_u16.to_be_bytes().to_vec(), Ok(()))),
    };
    let (farewell, outcome) = said.or_else(|error| match error.close_code() {
        Some(code) => Ok((code.to_be_bytes().to_vec(), Err(error))),
        None => Err(error),
    })?;
    write(&mut stream, Kind::Close, &farewell).await?;
    stream.shutdown().await?;
    let mut last_bytes = (&mut stream).take(1024 * 1024);
    // The peer has had its answer; how it leaves no longer matters.
    let _ = tokio::time::timeout(LINGER, tokio::io::copy(&mut last_bytes, &mut tokio::io::sink())).await;
    outcome
}

/// Ends with the payload of the Close frame that the peer is owed.
async fn converse<S>(stream: &mut S) -> Result<Vec<u8>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut message = None;
    loop {
        let heard = message.as_ref().map_or(0, |message: &Message| message.bytes.len());
        let frame = read(stream, MAX_MESSAGE - heard).await?;
        match frame.kind {
            Kind::Ping => write(stream, Kind::Pong, &frame.payload).await?,
            Kind::Pong => {}
            Kind::Close => return farewell(frame.payload),
            Kind::Continuation | Kind::Text | Kind::Binary => {
                let last = frame.last;
                let whole = append(message.take(), frame)?;
                if last {
                    check(&whole)?;
                    write(stream, whole.kind, &whole.bytes).await?;
                } else {
                    message = Some(whole);
                }
            }
        }
    }
}

fn append(message: Option<Message>, frame: Frame) -> Result<Message, Error> {
    match (message, frame.kind) {
        (None, Kind::Continuation) => Err(Error::Protocol("a continuation of nothing")),
        (None, kind) => Ok(Message { kind, bytes: frame.payload }),
        (Some(mut message), Kind::Continuation) => {
            message.bytes.extend_from_slice(&frame.payload);
            Ok(message)
        }
        (Some(_), _) => Err(Error::Protocol("a message inside another")),
    }
}

fn check(message: &Message) -> Result<(), Error> {
    let readable = message.kind != Kind::Text || std::str::from_utf8(&message.bytes).is_ok();
    readable.then_some(()).ok_or(Error::NotUtf8)
}

/// The peer's own code comes back (RFC 6455 section 5.5.1), its reason does not.
fn farewell(mut payload: Vec<u8>) -> Result<Vec<u8>, Error> {
    if let Some((code, reason)) = payload.split_first_chunk() {
        let known = matches!(u16::from_be_bytes(*code), 1000..=1003 | 1007..=1014 | 3000..=4999);
        if !known {
            return Err(Error::Protocol("an unknown close code"));
        }
        std::str::from_utf8(reason).map_err(|_| Error::NotUtf8)?;
    } else if !payload.is_empty() {
        return Err(Error::Protocol("half a close code"));
    }
    payload.truncate(2);
    Ok(payload)
}

/// One frame with at most `room` bytes of data (RFC 6455 section 5.2).
async fn read<S: AsyncRead + Unpin>(stream: &mut S, room: usize) -> Result<Frame, Error> {
    let first = stream.read_u8().await?;
    let second = stream.read_u8().await?;
    let kind = kind(first & 0x0f)?;
    let last = first & 0x80 != 0;
    if first & 0x70 != 0 {
        return Err(Error::Protocol("a reserved bit is set"));
    }
    if second & 0x80 == 0 {
        return Err(Error::Protocol("a frame without a mask"));
    }
    let length = match second & 0x7f {
        126 => u64::from(stream.read_u16().await?),
        127 => stream.read_u64().await?,
        short => u64::from(short),
    };
    let length = usize::try_from(length).map_err(|_| Error::TooLong)?;
    if matches!(kind, Kind::Close | Kind::Ping | Kind::Pong) {
        if !last || length > MAX_CONTROL {
            return Err(Error::Protocol("a control frame in pieces or too long"));
        }
    } else if length > room {
        return Err(Error::TooLong);
    }
    let mask = stream.read_u32().await?.to_be_bytes();
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Ok(Frame { kind, last, payload })
}

const fn kind(code: u8) -> Result<Kind, Error> {
    Ok(match code {
        0 => Kind::Continuation,
        1 => Kind::Text,
        2 => Kind::Binary,
        8 => Kind::Close,
        9 => Kind::Ping,
        10 => Kind::Pong,
        _ => return Err(Error::Protocol("an unknown kind of frame")),
    })
}

/// Whole messages only, and unmasked: this is the server.
async fn write<S: AsyncWrite + Unpin>(stream: &mut S, kind: Kind, payload: &[u8]) -> io::Result<()> {
    let mut frame = vec![0x80 | kind as u8];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..126) => frame.push(u8::try_from(short).expect("less than 126")),
        Ok(length) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::io::duplex;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | u8::try_from(length).expect("short")),
            length @ 126..65536 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(length).expect("medium").to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(KEY);
        frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    /// All that comes back when these bytes are sent and the sending side is closed.
    async fn answer_to(sent: &[u8]) -> Vec<u8> {
        let (mut here, there) = duplex(4 * MAX_MESSAGE);
        here.write_all(sent).await.expect("room");
        here.shutdown().await.expect("open");
        let _ = echo(there, pending()).await;
        let mut heard = Vec::new();
        here.read_to_end(&mut heard).await.expect("readable");
        heard
    }

    fn close(code: u16) -> Vec<u8> {
        [&[0x88, 2], &code.to_be_bytes()[..]].concat()
    }

    #[tokio::test]
    async fn each_conversation_gets_its_answer() {
        let bye = masked(0x88, &1000_u16.to_be_bytes());
        let long = vec![b'x'; MAX_MESSAGE];
        let long_echo = [&[0x82, 127], &(MAX_MESSAGE as u64).to_be_bytes()[..], &long].concat();
        let cases: &[(&str, Vec<u8>, Vec<u8>)] = &[
            (
                "text",
                [masked(0x81, "茶".as_bytes()), bye.clone()].concat(),
                [&[0x81, 3], "茶".as_bytes(), &close(1000)].concat(),
            ),
            ("empty", [masked(0x82, b""), bye.clone()].concat(), [&[0x82, 0], &close(1000)[..]].concat()),
            (
                "126 bytes",
                [masked(0x82, &[7; 126]), bye.clone()].concat(),
                [&[0x82, 126, 0, 126], &[7; 126][..], &close(1000)].concat(),
            ),
            (
                "pieces with a ping between, a character cut in two",
                [masked(0x01, &[0xe8, 0x8c]), masked(0x89, b"hi"), masked(0x80, &[0xb6]), bye.clone()].concat(),
                [&[0x8a, 2, b'h', b'i', 0x81, 3], "茶".as_bytes(), &close(1000)].concat(),
            ),
            ("the longest", [masked(0x82, &long), bye.clone()].concat(), [&long_echo[..], &close(1000)].concat()),
            ("one byte too long", masked(0x82, &[&long[..], b"x"].concat()), close(1009)),
            ("too long in pieces", [masked(0x02, &long), masked(0x80, b"x")].concat(), close(1009)),
            ("a length nobody can hold", [&[0x82, 0xff], &[0xff; 8][..]].concat(), close(1009)),
            ("text that is not UTF-8", masked(0x81, &[0xff]), close(1007)),
            ("no mask", vec![0x81, 1, b'a'], close(1002)),
            ("a reserved bit", masked(0xc1, b"a"), close(1002)),
            ("an unknown kind", masked(0x83, b"a"), close(1002)),
            ("a continuation of nothing", masked(0x80, b"a"), close(1002)),
            ("a message inside another", [masked(0x01, b"a"), masked(0x81, b"b")].concat(), close(1002)),
            ("a ping in pieces", masked(0x09, b""), close(1002)),
            ("a ping too long", masked(0x89, &[0; 126]), close(1002)),
            ("a close without a code", masked(0x88, b""), vec![0x88, 0]),
            ("half a close code", masked(0x88, b"x"), close(1002)),
            ("a close code for nobody", masked(0x88, &1005_u16.to_be_bytes()), close(1002)),
            ("a close reason that is not UTF-8", masked(0x88, &[0x03, 0xe8, 0xff]), close(1007)),
            ("an unasked pong, then the end", masked(0x8a, b"x"), vec![]),
        ];
        for (what, sent, expected) in cases {
            assert_eq!(&answer_to(sent).await, expected, "{what}");
        }
    }

    #[tokio::test]
    async fn a_closing_site_says_so() {
        let (mut here, there) = duplex(64);
        let told = tokio::spawn(echo(there, async {}));
        let mut heard = [0; 4];
        here.read_exact(&mut heard).await.expect("a frame");
        drop(here);
        assert_eq!(heard[..], close(1001));
        assert!(told.await.expect("no panic").is_ok());
    }

    #[test]
    fn only_a_whole_handshake_is_accepted() {
        let good = [
            (UPGRADE, "WebSocket"),
            (CONNECTION, "keep-alive, Upgrade"),
            (SEC_WEBSOCKET_VERSION, "13"),
            (SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let headers: HeaderMap =
            good.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        // The example of RFC 6455 section 1.3.
        assert_eq!(accept(&headers).expect("accepted"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for (name, value) in
            [(UPGRADE, "h2c"), (CONNECTION, "close"), (SEC_WEBSOCKET_VERSION, "8"), (SEC_WEBSOCKET_KEY, "c2hvcnQ=")]
        {
            let mut other = headers.clone();
            other.insert(&name, HeaderValue::from_static(value));
            assert_eq!(accept(&other), None, "{name}: {value}");
            other.remove(&name);
            assert_eq!(accept(&other), None, "no {name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn r15_no_bytes_panic_or_hang_it(sent: Vec<u8>) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
            runtime.block_on(answer_to(&sent));
        }
    }
}
