//! The head of an answer, as it goes on: what it says of the upstream's connection is not for the client's.

use http::header::{CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What an answer says of the upstream connection is not for the client's.
pub(super) fn strip_hop_headers(headers: &mut HeaderMap) {
    let mut doomed: Vec<HeaderName> = Vec::new();
    for (name, value) in &*headers {
        if is_hop(name) {
            doomed.push(name.clone());
        }
        match *name {
            // Mostly it names nothing.
            CONNECTION if !matches!(value.as_bytes(), b"close" | b"keep-alive") => doomed.extend(named(value)),
            // Chunks outrank a length, which must not go on beside them (RFC 9112 section 6.3).
            TRANSFER_ENCODING => doomed.push(CONTENT_LENGTH),
            _ => {}
        }
    }
    for name in &doomed {
        headers.remove(name);
    }
}

fn named(connection: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    let tokens = connection.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    tokens
        .filter(|token| !matches!(*token, b"close" | b"keep-alive"))
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| *name != CONTENT_LENGTH)
}

fn is_hop(name: &HeaderName) -> bool {
    matches!(*name, CONNECTION | TRANSFER_ENCODING | UPGRADE | PROXY_AUTHENTICATE)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}
