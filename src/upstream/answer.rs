//! The head of an answer, as it goes on: what it says of the upstream's connection is not for the client's.

use http::header::{CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, TRANSFER_ENCODING, UPGRADE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use hyper::ext::ReasonPhrase;

use super::Error;

/// Makes an answer's head one that may go on.
///
/// # Errors
/// As [`strip_hop_headers`].
pub(super) fn pass_on(answer: &mut Parts) -> Result<(), Error> {
    strip_hop_headers(&mut answer.headers)?;
    if answer.status == StatusCode::NO_CONTENT {
        // It must not speak of a length (RFC 9110 section 8.6); where it does, libraries of HTTP/2 break off.
        answer.headers.remove(CONTENT_LENGTH);
    }
    answer.version = Version::HTTP_11;
    keep_reason(answer);
    Ok(())
}

/// What an answer says of the upstream connection is not for the client's. How long it is goes on, said once and plainly.
///
/// # Errors
/// When it is framed in a way that the next reader could take for another.
pub(super) fn strip_hop_headers(headers: &mut HeaderMap) -> Result<(), Error> {
    let mut doomed: Vec<HeaderName> = Vec::new();
    let mut lengths = Lengths::default();
    for (name, value) in &*headers {
        if is_hop(name) {
            doomed.push(name.clone());
        }
        match *name {
            // Mostly it names nothing.
            CONNECTION if !matches!(value.as_bytes(), b"close" | b"keep-alive") => doomed.extend(named(value)),
            // Nobody asked for another coding, and none can be told of further on.
            TRANSFER_ENCODING if !is_plain_coding(value) => {
                return Err(Error::Broken("the upstream used a transfer coding of its own".into()));
            }
            // Chunks outrank a length, which must not go on beside them (RFC 9112 section 6.3).
            TRANSFER_ENCODING => doomed.push(CONTENT_LENGTH),
            CONTENT_LENGTH => lengths.note(value),
            _ => {}
        }
    }
    for name in &doomed {
        headers.remove(name);
    }
    if lengths.are_odd { settle_length(headers) } else { Ok(()) }
}

/// Whether the upstream will close its connection after this answer (RFC 9112 section 9.3).
pub(super) fn ends_the_connection<B>(answer: &Response<B>) -> bool {
    let said = |word: &[u8]| {
        answer.headers().get_all(CONNECTION).iter().flat_map(tokens).any(|token| token.eq_ignore_ascii_case(word))
    };
    said(b"close") || answer.version() == Version::HTTP_10 && !said(b"keep-alive")
}

/// Keeps the site's own words beside the status, where it has any; what else hyper notes of an answer is not the client's.
fn keep_reason(answer: &mut Parts) {
    let reason = answer.extensions.remove::<ReasonPhrase>();
    answer.extensions.clear();
    // Without any, those of RFC 9110 are said: some readers expect something there.
    let kept = reason.filter(|reason| !reason.as_bytes().is_empty() || answer.status.canonical_reason().is_none());
    if let Some(reason) = kept {
        answer.extensions.insert(reason);
    }
}

/// What an answer says of its length.
#[derive(Default)]
struct Lengths {
    is_said: bool,
    /// Otherwise than by one number.
    are_odd: bool,
}

impl Lengths {
    fn note(&mut self, value: &HeaderValue) {
        self.are_odd |= self.is_said || !is_number(value.as_bytes());
        self.is_said = true;
    }
}

/// Says it once where several agree (RFC 9112 section 6.3). hyper looks at it only where a body follows, not for HEAD.
fn settle_length(headers: &mut HeaderMap) -> Result<(), Error> {
    let agreed = {
        let mut lengths = headers.get_all(CONTENT_LENGTH).iter().flat_map(tokens);
        let first = lengths.next().filter(|length| is_number(length) && lengths.all(|other| other == *length));
        first.and_then(|length| HeaderValue::from_bytes(length).ok())
    };
    match agreed {
        Some(length) => headers.insert(CONTENT_LENGTH, length),
        // Chunks have outranked it.
        None if !headers.contains_key(CONTENT_LENGTH) => None,
        None => return Err(Error::Broken("the upstream said two things of its answer's length, or nothing".into())),
    };
    Ok(())
}

fn is_number(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

/// `identity`, which is none, was still said under RFC 2616.
fn is_plain_coding(value: &HeaderValue) -> bool {
    tokens(value).all(|token| token.eq_ignore_ascii_case(b"chunked") || token.eq_ignore_ascii_case(b"identity"))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn named(connection: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    tokens(connection)
        .filter(|token| !matches!(*token, b"close" | b"keep-alive"))
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| *name != CONTENT_LENGTH)
}

fn is_hop(name: &HeaderName) -> bool {
    matches!(*name, CONNECTION | TRANSFER_ENCODING | UPGRADE | PROXY_AUTHENTICATE)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}
