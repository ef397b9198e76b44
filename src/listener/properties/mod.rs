//! What holds of every connection, and a client that sends what it likes to find out.

mod http2;
mod proxy_header;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

pub(crate) use super::http1::properties::{pieces_make_no_difference, requests_are_those_of_a_strict_reader};
use super::{Limits, Refuse, Settings, Slots};
use crate::config;
use crate::patience::{self, Patience, Phase, Watch};
use crate::stream::{Plain, Stream};
pub(crate) use http2::streams_are_answered_in_frames;
pub(crate) use proxy_header::headers_are_told_by_their_first_bytes;

/// For all of a stream of a few KiB; only a standstill takes as long.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a stream comes, and how it is served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Bytes that are sent at once.
    pub piece: usize,
    /// Whether a request is answered before its body has been read.
    pub early: bool,
}

/// A request as it was handed on, or as a strict reader has it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::listener) struct Asked {
    pub method: String,
    pub target: Vec<u8>,
    /// Whether the first line holds what the gate refuses by a word of its own: a `#` or a control character.
    pub hides: bool,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub whole: bool,
}

/// Requests as the gate was handed them, in order.
type Handed = Arc<Mutex<Vec<Asked>>>;

type Answering = std::pin::Pin<Box<dyn Future<Output = Response<Full<Bytes>>> + Send>>;
/// Notes what it is asked.
pub(super) type Answerer = Box<dyn Fn(Request<Incoming>, Option<Watch>) -> Answering + Send + Sync>;

/// Sends bytes to what `serve` makes of a connection and reads until the other side closes: what was handed on, and what
/// came back.
pub(super) fn converse<F: Future<Output = ()>>(
    sent: &[u8],
    manner: Manner,
    serve: impl FnOnce(Stream, Watch, Answerer) -> F,
) -> (Vec<Asked>, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let handed = Handed::default();
        let (client, accepted) = UnixStream::pair().expect("two ends");
        let limits = PATIENCE * 2;
        let limits = patience::Limits { header: limits, keepalive: limits, response: limits, body: limits };
        let watch = Patience::new(&limits).watch(Phase::Head);
        let serving = serve(Stream::Plain(Plain::Unix(accepted)), watch, answerer(handed.clone(), manner));
        let both = async { tokio::join!(client_side(client, sent, manner.piece), serving).0 };
        let answers = tokio::time::timeout(PATIENCE, both).await.expect("the connection stands still");
        let handed = std::mem::take(&mut *handed.lock().unwrap_or_else(PoisonError::into_inner));
        (handed, answers)
    })
}

async fn client_side(mut client: UnixStream, sent: &[u8], piece: usize) -> Vec<u8> {
    let (mut reading, mut writing) = client.split();
    let send = async {
        for piece in sent.chunks(piece.max(1)) {
            if writing.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        let _ = writing.shutdown().await;
    };
    let mut answers = Vec::new();
    // Whoever is not listened to any more may be cut off.
    let _ = tokio::join!(send, reading.read_to_end(&mut answers));
    answers
}

pub(super) fn settings(server: &config::Server) -> Arc<Limits> {
    Settings::new(server, Arc::new(Slots::new(1))).0
}

pub(super) fn refuse() -> Refuse {
    Arc::new(|status: StatusCode| {
        Bytes::from(format!("HTTP/1.1 {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", status.as_u16()))
    })
}

/// Notes what it is asked.
fn answerer(handed: Handed, manner: Manner) -> Answerer {
    Box::new(move |request, _| {
        let (parts, body) = request.into_parts();
        let headers = parts.headers.iter();
        let asked = Asked {
            method: parts.method.as_str().to_owned(),
            target: parts.uri.to_string().into_bytes(),
            hides: false,
            headers: headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect(),
            body: Vec::new(),
            whole: false,
        };
        let place = {
            let mut all = handed.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(asked);
            all.len() - 1
        };
        let handed = handed.clone();
        Box::pin(async move {
            if !manner.early {
                collect(body, &handed, place).await;
            }
            let mut answer = Response::new(Full::from(&b"ok"[..]));
            // As `request` has it.
            if parts.method == Method::CONNECT {
                *answer.status_mut() = StatusCode::BAD_REQUEST;
            }
            answer
        })
    })
}

async fn collect(mut body: Incoming, handed: &Handed, place: usize) {
    let mut whole = true;
    while let Some(frame) = body.frame().await {
        let mut all = handed.lock().unwrap_or_else(PoisonError::into_inner);
        match frame {
            Ok(frame) => all[place].body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Err(_) => whole = false,
        }
        if !whole {
            break;
        }
    }
    handed.lock().unwrap_or_else(PoisonError::into_inner)[place].whole = whole;
}
