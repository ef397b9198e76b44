//! What holds of every client's connection: never two requests where a strict reader sees one, never a standstill.

mod framing;
mod proxy_header;
mod reference;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Acceptor, Settings, Slots};
use crate::config;
use crate::patience::{Limits, Patience, Watch};
pub(crate) use framing::pieces_make_no_difference;
pub(crate) use proxy_header::headers_are_told_by_their_first_bytes;
use reference::Asked;

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

/// Requests as the gate was handed them.
type Handed = Arc<Mutex<Vec<Asked>>>;

/// R44: what is handed on are the requests that a strict reader finds in the stream, from the first on, byte for byte,
/// and a connection whose client has finished comes to its end.
pub(crate) fn requests_are_those_of_a_strict_reader(stream: &[u8], manner: Manner, server: &config::Server) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let handed = runtime.block_on(async {
        let converse = converse(stream, manner, server);
        tokio::time::timeout(PATIENCE, converse).await.expect("the connection stands still")
    });
    let expected = reference::requests(stream);
    assert!(handed.len() <= expected.len(), "{handed:#?}\nwhere a strict reader finds\n{expected:#?}");
    for (handed, expected) in handed.iter().zip(&expected) {
        is_the_same(handed, expected, manner);
    }
}

fn is_the_same(handed: &Asked, expected: &Asked, manner: Manner) {
    let said = |asked: &Asked| (asked.method.clone(), grouped(&asked.headers));
    assert_eq!(said(handed), said(expected));
    let target = String::from_utf8_lossy(&handed.target).into_owned();
    if expected.hides {
        assert!(target.ends_with('\\'), "{target:?} hides {:?}", String::from_utf8_lossy(&expected.target));
    } else {
        let sent = String::from_utf8_lossy(&expected.target).into_owned();
        // A target that is a whole URL may lack its path.
        let same = target == sent || target.trim_end_matches('/').eq_ignore_ascii_case(sent.trim_end_matches('/'));
        assert!(same || (!sent.starts_with('/') && target.len() <= sent.len() + 1), "{target:?} for {sent:?}");
    }
    if handed.whole {
        assert!(expected.whole, "the body {:?} ended too early", handed.body);
        assert_eq!(handed.body, expected.body);
    } else {
        assert!(expected.body.starts_with(&handed.body) || manner.early);
    }
}

/// By name: what else is between two lines of one name means nothing.
fn grouped(headers: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut headers = headers.to_vec();
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    headers
}

/// Sends a stream and reads until the other side closes.
async fn converse(stream: &[u8], manner: Manner, server: &config::Server) -> Vec<Asked> {
    let handed = Handed::default();
    let (mut client, accepted) = pair().await;
    let acceptor = acceptor(server, handed.clone(), manner);
    acceptor.welcome(accepted, SocketAddr::from(([203, 0, 113, 9], 4711)));
    let (mut reading, mut writing) = client.split();
    let send = async {
        for piece in stream.chunks(manner.piece.max(1)) {
            if writing.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        let _ = writing.shutdown().await;
    };
    let mut answers = Vec::new();
    let (_, _) = tokio::join!(send, reading.read_to_end(&mut answers));
    are_answers(&answers);
    // The connection's own task ends last.
    while acceptor.settings.slots.taken() > 0 {
        tokio::task::yield_now().await;
    }
    std::mem::take(&mut *handed.lock().unwrap_or_else(PoisonError::into_inner))
}

fn are_answers(bytes: &[u8]) {
    assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(bytes));
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.expect("connected"), accepted.expect("accepted").0)
}

fn acceptor(
    server: &config::Server,
    handed: Handed,
    manner: Manner,
) -> Acceptor<impl Fn(SocketAddr) -> Answerer + Clone + Send + 'static> {
    let limit = PATIENCE * 2;
    let limits = Limits { header: limit, keepalive: limit, response: limit, body: limit };
    Acceptor {
        settings: Settings::new(server, Arc::new(Slots::new(8))),
        patience: Patience::new(&limits),
        connected: move |_| answerer(handed.clone(), manner),
        refuse: Arc::new(|status: StatusCode| {
            Bytes::from(format!("HTTP/1.1 {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", status.as_u16()))
        }),
    }
}

type Answering = std::pin::Pin<Box<dyn Future<Output = Response<Full<Bytes>>> + Send>>;
type Answerer = Box<dyn Fn(Request<Incoming>, Watch) -> Answering + Send>;

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
