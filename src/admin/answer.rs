//! The admin listener's answers: JSON, problems, and JSON as WeChat writes it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::clock;
use crate::request::hex_header;

pub(super) type Answer = Response<Full<Bytes>>;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request this listener does not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("there is nothing at this address")]
    NotFound,
    #[error("this address is for {0}")]
    Method(&'static str),
    /// The bearer token is missing or wrong, or there is none to be right.
    #[error("send the admin token as Authorization: Bearer TOKEN")]
    Unauthorized,
    #[error("too many requests from this address")]
    TooOften(Duration),
    #[error("{0}")]
    BadRequest(&'static str),
}

pub(super) fn json(status: StatusCode, value: &Value) -> Answer {
    answer(status, "application/json", value.to_string())
}

/// WeChat's own content type, a parameter misnamed as it is there.
pub(super) fn as_wechat(value: &Value) -> Answer {
    answer(StatusCode::OK, "application/json; encoding=utf-8", value.to_string())
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = answer(status, "text/plain", String::new());
    answer.headers_mut().remove(CONTENT_TYPE);
    answer
}

pub(super) fn answer(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

impl From<Refusal> for Answer {
    /// RFC 9457, as contract section 10 has it. What has no slug there is described by its status alone.
    fn from(refusal: Refusal) -> Self {
        let (status, kind) = match refusal {
            Refusal::NotFound => (StatusCode::NOT_FOUND, "about:blank"),
            Refusal::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "about:blank"),
            Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, "about:blank"),
            Refusal::TooOften(_) => (StatusCode::TOO_MANY_REQUESTS, "urn:wxgate:rate-limited"),
            Refusal::BadRequest(_) => (StatusCode::BAD_REQUEST, "urn:wxgate:bad-request"),
        };
        let id = hex_header(&clock::random_id());
        let document = json!({
            "type": kind,
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": sentence(&refusal.to_string()),
            "request_id": id.to_str().unwrap_or_default(),
        });
        let mut answer = answer(status, "application/problem+json", document.to_string());
        let headers = answer.headers_mut();
        headers.insert(X_REQUEST_ID, id);
        match refusal {
            Refusal::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="wxgate admin""#));
            }
            Refusal::Method(allowed) => {
                headers.insert(ALLOW, HeaderValue::from_static(allowed));
            }
            Refusal::TooOften(wait) => {
                headers.insert(RETRY_AFTER, wait.as_secs().max(1).into());
            }
            Refusal::NotFound | Refusal::BadRequest(_) => {}
        }
        answer
    }
}

/// Errors begin small and end without a stop; sentences do not.
fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
