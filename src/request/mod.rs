//! A request made safe to judge: forged identity headers are gone, the path means one thing, the true client is known.
//!
//! The only place that strips inbound headers and judges paths. [`Clean`] has no other constructor than [`Rules::clean`].

mod body;
mod browser;
mod forwarded;
mod headers;
mod http2;
mod lines;
mod navigation;
mod path;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{COOKIE, HOST, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};

pub use body::CleanBody;
pub use browser::Browser;
pub use forwarded::{Client, Peer};
pub use headers::{folds_to_ours, same_folded};
pub use lines::Lines;
pub use navigation::Asker;
pub use path::{decode as decode_path, without_parameters};

use crate::config;
use crate::types::SessionId;

/// How this site cleans its requests; built once.
#[derive(Debug, Clone)]
pub struct Rules {
    trusted_proxies: Arc<[ipnet::IpNet]>,
    jwt_header: Option<HeaderName>,
    scheme: HeaderValue,
    max_head: usize,
}

/// Why a request was refused before anyone looked at who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The path could mean one thing to the policy and another to the upstream (R25).
    #[error("ambiguous path: {0}")]
    AmbiguousPath(&'static str),
    #[error("{0}")]
    BadRequest(&'static str),
    /// Over HTTP/2; over HTTP/1 the listener says so.
    #[error("the {} too long", if *.0 == Oversize::RequestLine { "target is" } else { "headers are" })]
    TooLong(Oversize),
}

/// Which part of a head is longer than `server.max_header_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oversize {
    RequestLine,
    Headers,
}

/// A refused request, as far as an answer needs it.
#[derive(Debug)]
pub struct Refused {
    pub refusal: Refusal,
    pub asker: Asker,
}

/// A request the policy may see.
#[derive(Debug)]
pub struct Clean<B> {
    head: Head,
    body: CleanBody<B>,
}

/// All of a request but its body.
#[derive(Debug)]
pub struct Head {
    parts: Parts,
    lines: Lines,
    client: Client,
    asker: Asker,
    upgrade: Option<HeaderValue>,
    wants_trailers: bool,
    by_tls: bool,
}

/// The id that a request's answer and log line share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestId {
    Fresh(SessionId),
    /// From a trusted peer.
    Kept(HeaderValue),
}

impl Rules {
    #[must_use]
    pub fn new(server: &config::Server, identity: &config::Identity, public_url: &config::PublicUrl) -> Self {
        Self {
            trusted_proxies: server.trusted_proxies.clone().into(),
            jwt_header: identity.jwt.as_ref().and_then(|jwt| jwt.header.clone()),
            max_head: server.max_header_bytes,
            scheme: HeaderValue::from_static(if public_url.https { "https" } else { "http" }),
        }
    }

    /// Whether `address` is a proxy of the operator's.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&address))
    }

    /// Cleans a request, or says why it cannot be judged.
    ///
    /// # Errors
    /// [`Refused`] for a missing or repeated `Host`, a repeated size, a target that is no path, and an ambiguous path.
    pub fn clean<B>(&self, request: Request<B>, peer: &Peer) -> Result<Clean<B>, Refused> {
        let (mut parts, body) = request.into_parts();
        if parts.version == Version::HTTP_2 {
            http2::translate(&mut parts);
        }
        let asker = Asker::of(&parts, peer);
        if let Err(refusal) = http2::measure(&parts, self.max_head).and_then(|()| judge(&parts)) {
            return Err(Refused { refusal, asker });
        }
        let hops = headers::strip(&mut parts.headers, peer.trusted, self.jwt_header.as_ref());
        // HTTP/1.0 knows no change of protocols (RFC 9110 section 7.8).
        let upgrade = hops.upgrade.filter(|_| parts.version != Version::HTTP_10);
        let by_tls = forwarded::came_by_tls(&parts.headers, peer);
        let (client, lines) = forwarded::rewrite(&mut parts, peer, self, &asker.id);
        Ok(Clean {
            head: Head { parts, lines, client, asker, upgrade, wants_trailers: hops.wants_trailers, by_tls },
            body: CleanBody::new(body, self.jwt_header.clone()),
        })
    }
}

/// Cheapest first: the target's form, then `Host`, then the size, then the path.
fn judge(parts: &Parts) -> Result<(), Refusal> {
    if parts.method == Method::CONNECT || !parts.uri.path().starts_with('/') {
        return Err(Refusal::BadRequest("the request target is not a path"));
    }
    if parts.uri.authority().is_some_and(|authority| !headers::is_plausible_host(authority.as_str().as_bytes())) {
        return Err(Refusal::BadRequest("the request target names no plain host"));
    }
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if parts.version == Version::HTTP_2 && !http2::names_one_host(parts, host) => {
            return Err(Refusal::BadRequest("the Host header names another host than :authority"));
        }
        (Some(host), None) if headers::is_plausible_host(host.as_bytes()) => {}
        (None, None) if parts.version == Version::HTTP_10 || parts.uri.authority().is_some() => {}
        (None, _) => return Err(Refusal::BadRequest("the Host header is missing")),
        (Some(_), Some(_)) => return Err(Refusal::BadRequest("the Host header is repeated")),
        (Some(_), None) => return Err(Refusal::BadRequest("the Host header is malformed")),
    }
    if !http2::names_one_size(parts) {
        return Err(Refusal::BadRequest("the Content-Length header is repeated"));
    }
    path::judge(parts.uri.path())
}

impl<B> Clean<B> {
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    #[must_use]
    pub fn into_parts(self) -> (Head, CleanBody<B>) {
        (self.head, self.body)
    }
}

impl Head {
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The raw path, exactly what the upstream will get.
    #[must_use]
    pub fn path(&self) -> &str {
        self.parts.uri.path()
    }

    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.parts.uri.query()
    }

    /// Path and query as sent.
    #[must_use]
    pub fn target(&self) -> &str {
        self.parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// What the upstream is told besides, of how the request came here.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Who asks, as far as addresses tell.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What an answer of the gate's own depends on.
    #[must_use]
    pub fn asker(&self) -> &Asker {
        &self.asker
    }

    /// Whether the visitor came by TLS, as far as can be known.
    #[must_use]
    pub fn came_by_tls(&self) -> bool {
        self.by_tls
    }

    /// The protocol the client wants to change to, when it does.
    #[must_use]
    pub fn upgrade(&self) -> Option<&HeaderValue> {
        self.upgrade.as_ref()
    }

    /// Whether the client said `TE: trailers`.
    #[must_use]
    pub fn wants_trailers(&self) -> bool {
        self.wants_trailers
    }

    /// Empty when absent or not text.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        self.parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether the visitor is looking at a page (contract section 5); a route's `on_anonymous` goes before it.
    #[must_use]
    pub fn is_navigation(&self) -> bool {
        self.upgrade.is_none() && navigation::is_navigation(&self.parts.headers)
    }

    /// Name and value of every cookie, in order; what is no cookie is passed over.
    pub fn cookies(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        cookies(&self.parts.headers)
    }

    /// For the hops that come after: the raw head, to be changed by `identity` and sent by `upstream`.
    #[must_use]
    pub fn into_raw(self) -> (Parts, Lines, Asker, Option<HeaderValue>, bool) {
        (self.parts, self.lines, self.asker, self.upgrade, self.wants_trailers)
    }
}

/// Name and value of every cookie in the `Cookie` lines (RFC 6265 section 4.2.1, read leniently).
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers.get_all(COOKIE).iter().flat_map(|line| cookie_pieces(line.as_bytes())).filter_map(|piece| {
        let equals = memchr::memchr(b'=', piece)?;
        Some((piece[..equals].trim_ascii_end(), piece[equals + 1..].trim_ascii_start()))
    })
}

/// The pieces of one `Cookie` line, without the blanks around them; empty ones are passed over.
pub fn cookie_pieces(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let end = memchr::memchr(b';', line);
        rest = end.map(|end| &line[end + 1..]);
        Some(line[..end.unwrap_or(line.len())].trim_ascii())
    })
    .filter(|piece| !piece.is_empty())
}

impl RequestId {
    /// At most this much of a trusted peer's id is believed to be one.
    const MAX_BYTES: usize = 128;

    /// A trusted peer's id when it is printable and short, else a fresh one.
    #[must_use]
    pub fn of(headers: &HeaderMap, peer: &Peer) -> Self {
        if peer.trusted
            && let Some(value) = headers.get(&headers::X_REQUEST_ID)
            && value.len() <= Self::MAX_BYTES
            && !value.is_empty()
            && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte))
        {
            return Self::Kept(value.clone());
        }
        Self::Fresh(SessionId(crate::clock::random_id()))
    }

    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        match self {
            Self::Kept(value) => value.clone(),
            Self::Fresh(id) => hex_header(&id.0),
        }
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kept(value) => f.write_str(value.to_str().unwrap_or_default()),
            Self::Fresh(id) => data_encoding::HEXLOWER.encode_display(&id.0).fmt(f),
        }
    }
}

/// Sixteen bytes as a header value of 32 hex digits.
#[must_use]
pub fn hex_header(bytes: &[u8; 16]) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    // Twice a request: the general encoder takes five times as long over sixteen bytes.
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    HeaderValue::from_bytes(&text).expect("hex digits are a header value")
}
