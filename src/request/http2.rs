//! What HTTP/2 says in its own way, said as HTTP/1.1 says it, so that nobody further on has to tell them apart.

use data_encoding::BASE64;
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Version};
use hyper::ext::Protocol;

use super::{Oversize, Refusal};

/// Rewrites a request that came by HTTP/2. One that is not to be understood stays as it is, for others to refuse.
pub(super) fn translate(parts: &mut Parts) {
    if parts.method == Method::CONNECT
        && parts.extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
    {
        open_websocket(parts);
    }
    join_cookies(&mut parts.headers);
}

/// A WebSocket is asked for by CONNECT (RFC 8441 section 5), where HTTP/1.1 has GET, an upgrade and a nonce.
fn open_websocket(parts: &mut Parts) {
    parts.method = Method::GET;
    let nonce = HeaderValue::try_from(BASE64.encode(&crate::clock::random_id())).expect("base64 is a header value");
    parts.headers.insert(SEC_WEBSOCKET_KEY, nonce);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Cookies may come one by one, and go on in one line (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for line in std::iter::once(second).chain(lines) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(line.as_bytes());
    }
    let joined = HeaderValue::from_bytes(&joined).expect("header values, a semicolon and a blank are a header value");
    headers.insert(COOKIE, joined);
}

/// Whether `Host`, where a client sends it too, names what `:authority` does (RFC 9113 section 8.3.1).
pub(super) fn names_one_host(parts: &Parts, host: &HeaderValue) -> bool {
    parts.uri.authority().is_none_or(|authority| authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()))
}

/// Whether it names one size at most, as over HTTP/1.1: h2 lets two pass that say the same, and the site may not.
pub(super) fn names_one_size(parts: &Parts) -> bool {
    parts.version != Version::HTTP_2 || parts.headers.get_all(CONTENT_LENGTH).iter().nth(1).is_none()
}

/// Holds a head to what HTTP/1.1 would make of it; the listener has let twice as much pass.
pub(super) fn measure(parts: &Parts, most: usize) -> Result<(), Refusal> {
    if parts.version != Version::HTTP_2 {
        return Ok(());
    }
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let lines: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    match target {
        target if target > most => Err(Refusal::TooLong(Oversize::RequestLine)),
        target if target + lines > most => Err(Refusal::TooLong(Oversize::Headers)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(request: http::request::Builder) -> Parts {
        request.version(Version::HTTP_2).uri("https://m.example.com/chat?room=1").body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_websocket_becomes_an_upgrade() {
        let asked = || Request::builder().method("CONNECT").header("sec-websocket-version", "13");
        let mut websocket = parts(asked().extension(Protocol::from_static("websocket")));
        translate(&mut websocket);
        assert_eq!((websocket.method.as_str(), websocket.uri.path()), ("GET", "/chat"));
        assert_eq!(websocket.headers["upgrade"], "websocket");
        assert_eq!(BASE64.decode(websocket.headers["sec-websocket-key"].as_bytes()).unwrap().len(), 16);

        let mut other = parts(asked().extension(Protocol::from_static("connect-udp")));
        translate(&mut other);
        let mut none = parts(asked());
        translate(&mut none);
        assert_eq!((other.method, none.method), (Method::CONNECT, Method::CONNECT));
    }

    #[test]
    fn cookies_go_on_in_one_line_in_their_order() {
        let mut crumbs =
            parts(Request::builder().header("cookie", "a=1").header("cookie", "b=2; c=3").header("cookie", "d=\u{e9}"));
        translate(&mut crumbs);
        let lines: Vec<_> = crumbs.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(lines, ["a=1; b=2; c=3; d=\u{e9}".as_bytes()]);
    }

    #[test]
    fn two_names_for_one_host_are_told() {
        let parts = parts(Request::builder());
        assert!(names_one_host(&parts, &HeaderValue::from_static("M.example.com")));
        assert!(!names_one_host(&parts, &HeaderValue::from_static("m.example.com:443")));
        assert!(!names_one_host(&parts, &HeaderValue::from_static("evil.example.com")));
    }
}
