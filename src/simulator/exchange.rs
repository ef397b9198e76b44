//! One request to the simulator and one answer from it, as plain values.

use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use serde_json::Value;

/// A request, read to its end.
#[derive(Debug)]
pub(super) struct Ask {
    /// Where the request came from.
    pub(super) peer: IpAddr,
    pub(super) method: Method,
    pub(super) path: String,
    /// As it came, without the question mark.
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Ask {
    /// A header's value, when it is there and readable text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first cookie of this name.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let lines = self.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The parameters of the query.
    pub(super) fn parameters(&self) -> Parameters {
        Parameters::parse(self.query.as_bytes())
    }

    /// The fields of a posted form.
    pub(super) fn form(&self) -> Parameters {
        Parameters::parse(&self.body)
    }
}

/// Decoded parameters of a query or form. Of a repeated one the first counts.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// A parameter's value; nothing when it is absent or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }
}

/// The answer to a request; none is a connection that is reset.
pub(super) type Answer = Result<Reply, Reset>;

/// An answer that is sent.
pub(super) type Reply = Response<Content>;

/// The connection ends here, without a word.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection is reset on purpose")]
pub(super) struct Reset;

pub(super) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Content::whole(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// A page: HTTP 200, whatever it says.
pub(super) fn html(page: String) -> Reply {
    reply(StatusCode::OK, "text/html; charset=utf-8", page)
}

/// A 302. The target has been made of header characters by whoever built it; anything else is refused with 400.
pub(super) fn redirect(target: &str) -> Reply {
    let Ok(location) = HeaderValue::from_str(target) else {
        return reply(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", "this target cannot be put into a header");
    };
    let mut reply = reply(StatusCode::FOUND, "text/html; charset=utf-8", "");
    reply.headers_mut().insert(LOCATION, location);
    reply
}

pub(super) fn json(status: StatusCode, value: &Value) -> Reply {
    reply(status, "application/json; charset=utf-8", format!("{value}\n"))
}

/// The body of an answer: whole, or cut off so that the reader sees it is.
#[derive(Debug)]
pub(super) struct Content {
    bytes: Bytes,
    /// How many of the bytes are sent before the connection is cut.
    cut: Option<usize>,
    state: Sending,
}

#[derive(Debug)]
enum Sending {
    Nothing,
    Data,
    Flushed,
}

impl Content {
    pub(super) const fn whole(bytes: Bytes) -> Self {
        Self { bytes, cut: None, state: Sending::Nothing }
    }

    /// Announces the whole length, and stops after so many bytes; there is always at least one byte missing.
    pub(super) fn cut(self, after: usize) -> Self {
        let bytes = if self.bytes.is_empty() { Bytes::from_static(b"\n") } else { self.bytes };
        Self { cut: Some(after.min(bytes.len() - 1)), bytes, state: Sending::Nothing }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        match (&self.state, self.cut) {
            (Sending::Nothing, cut) => {
                self.state = Sending::Data;
                let sent = self.bytes.slice(..cut.unwrap_or(self.bytes.len()));
                Poll::Ready((!sent.is_empty() || cut.is_some()).then(|| Ok(Frame::data(sent))))
            }
            (Sending::Data | Sending::Flushed, None) => Poll::Ready(None),
            (Sending::Data, Some(_)) => {
                // hyper throws away what it has buffered when the body fails; waiting one turn lets it flush first.
                self.state = Sending::Flushed;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            (Sending::Flushed, Some(_)) => Poll::Ready(Some(Err(Reset))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && (self.bytes.is_empty() || !matches!(self.state, Sending::Nothing))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
