//! Which inbound headers go no further: forged ones, hop-by-hop ones, and what an untrusted peer says of forwarding.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const OURS: &[u8] = b"x-wechat-";

/// What the removed hop-by-hop headers asked for.
pub(super) struct Hops {
    pub upgrade: Option<HeaderValue>,
    pub wants_trailers: bool,
}

/// Whether a header name reads as one of ours to some upstream: CGI and its kin turn every odd character into the
/// same underscore (R7).
#[must_use]
pub fn folds_to_ours(name: &[u8]) -> bool {
    name.len() >= OURS.len() && same_folded(&name[..OURS.len()], OURS)
}

/// Whether two header names are one after folding: lower-case, all but letters and digits as `-`.
#[must_use]
pub fn same_folded(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(l, r)| fold(*l) == fold(*r))
}

const fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Removes in one pass what must not reach the policy or the upstream (R7, R9, R40).
///
/// `Authorization` stays even when it is the configured JWT header: whether the client's own may pass is the
/// route's to say, so `identity` replaces or removes it.
pub(super) fn strip(headers: &mut HeaderMap, trusted: bool, jwt_header: Option<&HeaderName>) -> Hops {
    let connection = Connection::of(headers);
    let upgrade = if connection.upgrade { upgrade_to(headers).cloned() } else { None };
    let wants_trailers =
        headers.get_all(TE).iter().any(|value| tokens(value).any(|token| token.eq_ignore_ascii_case(b"trailers")));

    let mut doomed: Vec<HeaderName> = Vec::new();
    for name in headers.keys() {
        let forged = folds_to_ours(name.as_str().as_bytes())
            || jwt_header.is_some_and(|ours| {
                ours != AUTHORIZATION && same_folded(name.as_str().as_bytes(), ours.as_str().as_bytes())
            });
        if forged || is_hop(name) || (!trusted && speaks_of_forwarding(name)) || connection.names(name) {
            doomed.push(name.clone());
        }
    }
    for name in doomed {
        headers.remove(name);
    }
    Hops { upgrade, wants_trailers }
}

/// The protocol that a request as it came wants to change to.
pub(super) fn wanted_upgrade(headers: &HeaderMap) -> Option<&HeaderValue> {
    upgrade_to(headers).filter(|_| Connection::of(headers).upgrade)
}

fn upgrade_to(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(UPGRADE).filter(|_| !headers.get_all(UPGRADE).iter().any(is_h2c))
}

/// Trailers cannot say who somebody is, where a request came from, or how it is framed (RFC 9110 section 6.5.1).
pub(super) fn strip_trailers(trailers: &mut HeaderMap, jwt_header: Option<&HeaderName>) {
    let doomed: Vec<HeaderName> = trailers
        .keys()
        .filter(|name| {
            let text = name.as_str().as_bytes();
            folds_to_ours(text)
                || jwt_header.is_some_and(|ours| same_folded(text, ours.as_str().as_bytes()))
                || is_hop(name)
                || speaks_of_forwarding(name)
                || matches!(**name, HOST | COOKIE | CONTENT_LENGTH | AUTHORIZATION)
        })
        .cloned()
        .collect();
    for name in doomed {
        trailers.remove(name);
    }
}

/// RFC 9110 section 7.6.1, the older names still seen, and `Expect`: the gate itself answers 100 once a body is wanted.
fn is_hop(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == TRANSFER_ENCODING
        || *name == TE
        || *name == UPGRADE
        || *name == EXPECT
        || *name == PROXY_AUTHORIZATION
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}

fn speaks_of_forwarding(name: &HeaderName) -> bool {
    let text = name.as_str().as_bytes();
    let starts = |prefix: &[u8]| text.len() >= prefix.len() && same_folded(&text[..prefix.len()], prefix);
    match text.first() {
        Some(b'x') => {
            starts(b"x-forwarded-")
                || starts(b"x-original-")
                || same_folded(text, b"x-real-ip")
                || same_folded(text, b"x-request-id")
        }
        Some(b'f') => *name == FORWARDED,
        _ => false,
    }
}

/// What `Connection` said.
struct Connection {
    upgrade: bool,
    named: Vec<HeaderName>,
}

impl Connection {
    fn of(headers: &HeaderMap) -> Self {
        let mut connection = Self { upgrade: false, named: Vec::new() };
        for token in headers.get_all(CONNECTION).iter().flat_map(tokens) {
            if token.eq_ignore_ascii_case(b"upgrade") {
                connection.upgrade = true;
            } else if !token.eq_ignore_ascii_case(b"close")
                && !token.eq_ignore_ascii_case(b"keep-alive")
                && let Ok(name) = HeaderName::from_bytes(token)
            {
                connection.named.push(name);
            }
        }
        connection
    }

    /// Whether the client may name this header as hop-by-hop and did. It cannot name what the upstream relies on (R40).
    fn names(&self, name: &HeaderName) -> bool {
        self.named.contains(name)
            && *name != HOST
            && *name != COOKIE
            && *name != CONTENT_LENGTH
            && !speaks_of_forwarding(name)
            && !folds_to_ours(name.as_str().as_bytes())
    }
}

/// The comma-separated tokens of a header value.
pub(super) fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Cleartext HTTP/2 is not spoken, and an upstream that took it up would leave the gate blind.
fn is_h2c(value: &HeaderValue) -> bool {
    tokens(value).any(|token| token.eq_ignore_ascii_case(b"h2c"))
}

/// Enough of RFC 9112 section 3.2 to keep two hosts, paths and user info out.
pub(super) fn is_plausible_host(host: &[u8]) -> bool {
    host.iter().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'%' | b'~')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stripped(lines: &[(&str, &str)], trusted: bool, jwt: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        strip(&mut headers, trusted, jwt.map(HeaderName::from_static).as_ref());
        headers
    }

    #[test]
    fn r7_every_spelling_of_ours_is_removed() {
        for name in [
            "X-Wechat-Openid",
            "x_wechat_openid",
            "X.Wechat.Openid",
            "x-wechat_Session",
            "X~Wechat~Anything",
            "x-wechat-",
        ] {
            assert!(stripped(&[(name, "forged")], true, None).is_empty(), "{name}");
        }
        for name in ["x-wechatty", "x-wechat", "wechat-openid", "x-wecha-t-openid"] {
            assert_eq!(stripped(&[(name, "fine")], false, None).len(), 1, "{name}");
        }
        assert!(stripped(&[("x_my_token", "forged")], false, Some("x-my-token")).is_empty());
        assert_eq!(stripped(&[("authorization", "Basic x")], false, Some("authorization")).len(), 1);
    }

    #[test]
    fn r40_connection_cannot_name_what_the_upstream_relies_on() {
        let kept = stripped(
            &[
                ("connection", "close, host, Cookie, X-Forwarded-For, x-wechat-openid, x-mine"),
                ("host", "a"),
                ("cookie", "a=b"),
                ("x-forwarded-for", "1.1.1.1"),
                ("x-mine", "1"),
            ],
            true,
            None,
        );
        assert!(kept.contains_key("host") && kept.contains_key("cookie") && kept.contains_key("x-forwarded-for"));
        assert!(!kept.contains_key("x-mine") && !kept.contains_key("connection"));
    }

    #[test]
    fn r9_forwarding_headers_of_strangers_are_removed() {
        let lines = [
            ("forwarded", "for=1.1.1.1"),
            ("x-forwarded-proto", "https"),
            ("x_forwarded_for", "1"),
            ("x-original-uri", "/"),
            ("x-real-ip", "1.1.1.1"),
            ("accept", "*/*"),
        ];
        assert_eq!(stripped(&lines, false, None).len(), 1);
        assert_eq!(stripped(&lines, true, None).len(), 6);
    }

    proptest! {
        #[test]
        fn r7_folding_ignores_case_and_punctuation(noise in "[-_.~!]{2}", tail in "[a-zA-Z0-9_-]{0,12}", upper in any::<bool>()) {
            let mut name = format!("x{}wechat{}{tail}", &noise[..1], &noise[1..]);
            if upper { name.make_ascii_uppercase(); }
            prop_assert!(folds_to_ours(name.as_bytes()));
        }

        #[test]
        fn r15_no_header_panics(name in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,30}", value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut headers = HeaderMap::new();
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value)) {
                headers.append(name, value.clone());
                headers.append(CONNECTION, value.clone());
                headers.append(COOKIE, value);
            }
            strip(&mut headers, false, None);
            prop_assert!(super::super::cookies(&headers).count() < 41);
        }
    }
}
