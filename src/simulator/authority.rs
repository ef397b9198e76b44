//! Host and port of a site's addresses, read as narrowly as WeChat's lists of domains want them.

use std::net::Ipv4Addr;

/// Host and port of an address, when it is plainly written.
pub(super) struct Authority<'u> {
    pub(super) host: &'u str,
    pub(super) port: Option<&'u str>,
}

impl<'u> Authority<'u> {
    pub(super) fn of(address: &'u str) -> Option<Self> {
        // Hidden characters in a menu's link are a known cause of 10003.
        if address.chars().any(|character| character.is_control() || character.is_whitespace() || character == '\\') {
            return None;
        }
        let (scheme, rest) = address.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = &rest[..end];
        let host_end = match authority.strip_prefix('[') {
            Some(literal) => literal.find(']')? + 2,
            None => authority.find(':').unwrap_or(authority.len()),
        };
        let (host, port) = authority.split_at(host_end);
        let port = match port {
            "" => None,
            port => Some(port.strip_prefix(':').filter(|port| port.parse::<u16>().is_ok())?),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'[' | b']' | b':');
        (!host.is_empty() && host.bytes().all(plain)).then_some(Self { host, port })
    }
}

pub(super) fn is_ip(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// A name or address of this very machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || matches!(host, "127.0.0.1" | "[::1]")
}
