//! Who is really asking, and what the upstream is told of it.

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::headers::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, X_REAL_IP, X_REQUEST_ID, tokens};
use super::{Lines, RequestId, Rules};

/// The other end of the TCP connection; made once per connection.
#[derive(Debug, Clone)]
pub struct Peer {
    pub address: SocketAddr,
    /// Whether it is one of `trusted_proxies`.
    pub trusted: bool,
    /// Whether it speaks TLS with the gate itself.
    tls: bool,
    ip: HeaderValue,
    /// What the upstream is told of every request of an untrusted peer.
    lines: Lines,
}

/// The visitor's own address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    pub ip: IpAddr,
    /// Whether that address was told by a trusted proxy rather than seen.
    pub told: bool,
}

impl Peer {
    #[must_use]
    pub fn new(address: SocketAddr, rules: &Rules) -> Self {
        let ip = canonical(address.ip());
        let text = HeaderValue::from_str(&ip.to_string()).expect("an address is a header value");
        let mut lines = Lines::default();
        lines.add(&X_FORWARDED_FOR, &text);
        lines.add(&X_REAL_IP, &text);
        lines.add(&X_FORWARDED_PROTO, &rules.scheme);
        let address = SocketAddr::new(ip, address.port());
        Self { address, trusted: rules.trusts(ip), tls: false, ip: text, lines }
    }

    /// Notes whether the connection is one of TLS.
    #[must_use]
    pub fn over_tls(self, tls: bool) -> Self {
        Self { tls, ..self }
    }
}

/// Whether the visitor came by TLS, here or to a trusted proxy in front. Asked before the header is rewritten.
pub(super) fn came_by_tls(headers: &HeaderMap, peer: &Peer) -> bool {
    let told = || headers.get(&X_FORWARDED_PROTO).and_then(|proto| tokens(proto).next());
    peer.tls || peer.trusted && told().is_some_and(|proto| proto.eq_ignore_ascii_case(b"https"))
}

/// An IPv4 address that came through an IPv6 socket is that IPv4 address (R31).
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// Finds the client, and the true words on the request's way here that replace the request's own.
pub(super) fn rewrite(parts: &mut Parts, peer: &Peer, rules: &Rules, id: &RequestId) -> (Client, Lines) {
    let absolute = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = absolute {
        // An absolute-form target outranks Host (RFC 9112 section 3.2.2).
        parts.headers.insert(HOST, host);
    }
    let headers = &mut parts.headers;
    let mut lines = Lines::with_room();
    let client = if peer.trusted {
        told_further(headers, peer, rules, &mut lines)
    } else {
        lines.extend(&peer.lines);
        Client { ip: peer.address.ip(), told: false }
    };
    if let Some(host) = headers.get(HOST)
        && !(peer.trusted && headers.contains_key(X_FORWARDED_HOST))
    {
        lines.add(&X_FORWARDED_HOST, host);
    }
    lines.add(&X_REQUEST_ID, &id.to_header());
    (client, lines)
}

/// A trusted peer's own words are kept, or continued.
fn told_further(headers: &mut HeaderMap, peer: &Peer, rules: &Rules, lines: &mut Lines) -> Client {
    let client = told_by_proxies(headers, peer, rules);
    lines.add(&X_FORWARDED_FOR, &appended(headers, peer));
    let real = HeaderValue::from_str(&client.ip.to_string()).expect("an address is a header value");
    lines.add(&X_REAL_IP, &real);
    if !headers.contains_key(X_FORWARDED_PROTO) {
        lines.add(&X_FORWARDED_PROTO, &rules.scheme);
    }
    for replaced in [X_FORWARDED_FOR, X_REAL_IP, X_REQUEST_ID] {
        headers.remove(replaced);
    }
    client
}

/// Walks the chain from the right while it is ours. Anything unreadable means: the peer itself (R33).
fn told_by_proxies(headers: &HeaderMap, peer: &Peer, rules: &Rules) -> Client {
    let peer_itself = Client { ip: peer.address.ip(), told: false };
    let Some(chain) = forwarded_for(headers) else { return peer_itself };
    let mut client = peer_itself;
    for hop in chain.into_iter().rev() {
        let Some(ip) = hop else { return peer_itself };
        client = Client { ip, told: true };
        if !rules.trusts(ip) {
            break;
        }
    }
    client
}

/// The addresses of `X-Forwarded-For`, or of `Forwarded` (RFC 7239) where the former is absent. `None` inside:
/// unreadable.
fn forwarded_for(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    if headers.contains_key(&X_FORWARDED_FOR) {
        return Some(headers.get_all(&X_FORWARDED_FOR).iter().flat_map(tokens).map(address).collect());
    }
    headers.contains_key(FORWARDED).then(|| {
        headers
            .get_all(FORWARDED)
            .iter()
            .flat_map(tokens)
            .map(|element| {
                element
                    .split(|byte| *byte == b';')
                    .filter_map(|pair| pair.trim_ascii().split_at_checked(4))
                    .find(|(name, _)| name.eq_ignore_ascii_case(b"for="))
                    .and_then(|(_, node)| {
                        address(node.strip_prefix(b"\"").and_then(|node| node.strip_suffix(b"\"")).unwrap_or(node))
                    })
            })
            .collect()
    })
}

/// `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip())).ok().map(canonical)
}

fn appended(headers: &HeaderMap, peer: &Peer) -> HeaderValue {
    let mut chain = Vec::new();
    for line in headers.get_all(&X_FORWARDED_FOR) {
        chain.extend_from_slice(line.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(peer.ip.as_bytes());
    HeaderValue::from_maybe_shared(bytes::Bytes::from(chain)).expect("header values and an address make a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            max_head: 32 * 1024,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()].into(),
            jwt_header: None,
            scheme: HeaderValue::from_static("https"),
        }
    }

    fn client_of(peer: &str, lines: &[(&'static str, &str)]) -> (Client, HeaderMap) {
        let rules = rules();
        let mut request = http::Request::builder().uri("/").header("host", "m.example.com");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let peer = Peer::new(peer.parse().unwrap(), &rules);
        let clean = rules.clean(request.body(()).unwrap(), &peer).unwrap();
        let (head, _) = clean.into_parts();
        let mut headers = head.headers().clone();
        for (name, value) in head.lines().iter() {
            let name = http::HeaderName::from_bytes(name).unwrap();
            assert!(headers.insert(name, HeaderValue::from_bytes(value).unwrap()).is_none(), "told twice");
        }
        (*head.client(), headers)
    }

    #[test]
    fn r9_only_trusted_peers_are_believed() {
        let (client, headers) = client_of(
            "203.0.113.9:1",
            &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "http"), ("x-forwarded-host", "evil")],
        );
        assert_eq!(client.ip.to_string(), "203.0.113.9");
        assert_eq!(headers["x-forwarded-for"], "203.0.113.9");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["x-forwarded-host"], "m.example.com");
        assert_eq!(headers["x-real-ip"], "203.0.113.9");
    }

    #[test]
    fn trusted_chains_are_walked_from_the_right() {
        let (client, headers) = client_of(
            "10.0.0.1:1",
            &[("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.0.0.2"), ("x-forwarded-proto", "http")],
        );
        assert_eq!(client.ip.to_string(), "198.51.100.7");
        assert_eq!(headers["x-forwarded-for"], "6.6.6.6, 198.51.100.7, 10.0.0.2, 10.0.0.1");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["x-real-ip"], "198.51.100.7");
        let (client, _) = client_of("10.0.0.1:1", &[("forwarded", "for=\"[2001:db8::7]:4711\";proto=https")]);
        assert_eq!(client.ip.to_string(), "2001:db8::7");
    }

    #[test]
    fn r33_an_unreadable_chain_means_the_peer() {
        for chain in ["unknown", "1.1.1.1, what", "1.1.1.1, 10.0.0.2, _hidden"] {
            assert_eq!(client_of("10.0.0.1:1", &[("x-forwarded-for", chain)]).0.ip.to_string(), "10.0.0.1", "{chain}");
        }
    }

    #[test]
    fn r31_mapped_addresses_are_folded() {
        assert_eq!(client_of("[::ffff:203.0.113.9]:1", &[]).0.ip.to_string(), "203.0.113.9");
    }
}
