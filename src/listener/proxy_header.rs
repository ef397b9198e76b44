//! The PROXY protocol, versions 1 and 2: what a proxy says ahead of a connection about who is really there. Pure over
//! bytes.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A whole header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes; what follows belongs to the connection itself.
    pub length: usize,
    /// The connection's other end; `None` when the proxy speaks for itself (`LOCAL`) or does not know (`UNKNOWN`).
    pub source: Option<SocketAddr>,
}

/// What comes is no header, or one nobody would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no PROXY header")]
pub struct NoHeader;

/// The longest header of either kind.
pub const MAX_BYTES: usize = V2_START + MAX_V2_REST;

/// `PROXY UNKNOWN` and two IPv6 addresses of full length, says the specification.
const MAX_V1: usize = 107;
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const V2_START: usize = 16;
/// Addresses take at most 216 of it; the rest is for what clouds and TLS terminators add (TLVs), which nobody reads.
const MAX_V2_REST: usize = 4096;

/// Reads the header that these bytes begin with; `None` while they could still become one.
///
/// # Errors
/// [`NoHeader`], as soon as that is certain.
pub fn read(bytes: &[u8]) -> Result<Option<Header>, NoHeader> {
    if begins(bytes, V2_SIGNATURE) {
        version_2(bytes)
    } else if begins(bytes, b"PROXY ") {
        version_1(bytes)
    } else {
        Err(NoHeader)
    }
}

/// Whether one of them is how the other begins.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    bytes.iter().zip(with).all(|(byte, wanted)| byte == wanted)
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 51000 443\r\n`
fn version_1(bytes: &[u8]) -> Result<Option<Header>, NoHeader> {
    let start = &bytes[..bytes.len().min(MAX_V1)];
    let Some(end) = memchr::memchr(b'\n', start) else {
        return if start.len() < MAX_V1 { Ok(None) } else { Err(NoHeader) };
    };
    let line = start[..end].strip_suffix(b"\r").ok_or(NoHeader)?;
    let line = std::str::from_utf8(line).map_err(|_| NoHeader)?;
    let words: Vec<&str> = line.split(' ').collect();
    let source = match words[..] {
        // What else is on the line is to be ignored.
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", family, source, destination, source_port, destination_port] => {
            address(family, destination, destination_port)?;
            Some(address(family, source, source_port)?)
        }
        _ => return Err(NoHeader),
    };
    Ok(Some(Header { length: end + 1, source }))
}

fn address(family: &str, ip: &str, port: &str) -> Result<SocketAddr, NoHeader> {
    let ip: IpAddr = match family {
        "TCP4" => ip.parse::<Ipv4Addr>().map(IpAddr::from),
        "TCP6" => ip.parse::<Ipv6Addr>().map(IpAddr::from),
        _ => return Err(NoHeader),
    }
    .map_err(|_| NoHeader)?;
    // Neither a sign nor zeros ahead, which some would read as octal.
    if port.starts_with('+') || port.len() > 1 && port.starts_with('0') {
        return Err(NoHeader);
    }
    Ok(SocketAddr::new(ip, port.parse().map_err(|_| NoHeader)?))
}

fn version_2(bytes: &[u8]) -> Result<Option<Header>, NoHeader> {
    // Refused before the rest of it is waited for.
    let version_command = bytes.get(12).copied();
    let is_local = match version_command {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(NoHeader),
    };
    let Some((start, rest)) = bytes.split_first_chunk::<V2_START>() else { return Ok(None) };
    let (family, transport) = (start[13] >> 4, start[13] & 0x0f);
    let length = usize::from(u16::from_be_bytes([start[14], start[15]]));
    if family > 3 || transport > 2 || length > MAX_V2_REST {
        return Err(NoHeader);
    }
    let Some(rest) = rest.get(..length) else { return Ok(None) };
    let source = match (is_local, family, transport) {
        (false, 1, 1) => {
            let ends = rest.first_chunk::<12>().ok_or(NoHeader)?;
            let ip = Ipv4Addr::new(ends[0], ends[1], ends[2], ends[3]);
            Some(SocketAddr::new(ip.into(), u16::from_be_bytes([ends[8], ends[9]])))
        }
        (false, 2, 1) => {
            let ends = rest.first_chunk::<36>().ok_or(NoHeader)?;
            let ip: [u8; 16] = *ends.first_chunk().expect("16 of 36");
            Some(SocketAddr::new(Ipv6Addr::from(ip).into(), u16::from_be_bytes([ends[32], ends[33]])))
        }
        // Datagrams, unix sockets, what is not said: nobody whom an address could tell.
        _ => None,
    };
    Ok(Some(Header { length: V2_START + length, source }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A version 2 header of these parts.
    fn v2(version_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
        [V2_SIGNATURE.as_slice(), &[version_command, family], &length, rest].concat()
    }

    fn v2_of(source: SocketAddr) -> Vec<u8> {
        let port = source.port().to_be_bytes();
        match source.ip() {
            IpAddr::V4(ip) => v2(0x21, 0x11, &[&ip.octets()[..], &[127, 0, 0, 1], &port, &[1, 187]].concat()),
            IpAddr::V6(ip) => v2(0x21, 0x21, &[&ip.octets()[..], &[0; 16], &port, &[1, 187]].concat()),
        }
    }

    fn v1_of(source: SocketAddr) -> Vec<u8> {
        let (family, here) = if source.is_ipv4() { ("TCP4", "127.0.0.1") } else { ("TCP6", "::1") };
        format!("PROXY {family} {} {here} {} 443\r\n", source.ip(), source.port()).into_bytes()
    }

    fn told(source: &str, length: usize) -> Result<Option<Header>, NoHeader> {
        Ok(Some(Header { length, source: Some(source.parse().expect(source)) }))
    }

    #[test]
    fn examples_of_the_specification_are_understood() {
        let longest = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n";
        for (bytes, expected) in [
            ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET", told("192.168.0.1:56324", 47)),
            ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", told("255.255.255.255:65535", 56)),
            ("PROXY TCP6 2001:db8::7 ::1 0 443\r\n", told("[2001:db8::7]:0", 34)),
            ("PROXY UNKNOWN\r\n", Ok(Some(Header { length: 15, source: None }))),
            (longest, Ok(Some(Header { length: longest.len(), source: None }))),
        ] {
            assert_eq!(read(bytes.as_bytes()), expected, "{bytes}");
        }
        let with_tlvs = [&v2_of("192.0.2.7:99".parse().unwrap())[..], b"GET"].concat();
        assert_eq!(read(&with_tlvs), told("192.0.2.7:99", 28));
        let rest = [&[192, 0, 2, 7, 127, 0, 0, 1, 0, 99, 1, 187][..], &[4, 0, 1, 0]].concat();
        assert_eq!(read(&v2(0x21, 0x11, &rest)), told("192.0.2.7:99", 32));
    }

    #[test]
    fn who_speaks_for_itself_or_does_not_know_names_nobody() {
        for bytes in [
            v2(0x20, 0, &[]),
            v2(0x20, 0x11, &[1; 12]),
            v2(0x20, 0x11, &[]),
            v2(0x21, 0, &[]),
            v2(0x21, 0x12, &[1; 12]),
            v2(0x21, 0x31, &[1; 216]),
        ] {
            assert_eq!(read(&bytes), Ok(Some(Header { length: bytes.len(), source: None })), "{bytes:?}");
        }
    }

    #[test]
    fn r15_malformed_headers_are_none() {
        let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        for bytes in [
            "GET / HTTP/1.1\r\n",
            "PROXY\r\n",
            "PROXY \r\n",
            "PROXY TCP4\r\n",
            "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
            "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
            "PROXY TCP4 1.1.1.01 2.2.2.2 1 2\r\n",
            "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
            "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
            "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
            "PROXY TCP4 1.1.1.1\t2.2.2.2 1 2\r\n",
            &too_long,
        ] {
            assert_eq!(read(bytes.as_bytes()), Err(NoHeader), "{bytes}");
        }
        for bytes in [
            v2(0x11, 0x11, &[1; 12]),
            v2(0x22, 0x11, &[1; 12]),
            v2(0x2f, 0x11, &[1; 12]),
            v2(0x21, 0x41, &[1; 12]),
            v2(0x21, 0x13, &[1; 12]),
            v2(0x21, 0x11, &[1; 11]),
            v2(0x21, 0x21, &[1; 35]),
            v2(0x21, 0x11, &[1; MAX_V2_REST + 1]),
        ] {
            assert_eq!(read(&bytes), Err(NoHeader), "{bytes:?}");
        }
        assert_eq!(
            read(&v2(0x21, 0x11, &[1; MAX_V2_REST])).map(|header| header.map(|header| header.length)),
            Ok(Some(MAX_BYTES))
        );
    }

    #[test]
    fn refused_as_soon_as_it_is_certain() {
        for bytes in [&b"G"[..], b"PROXX", b"\r\n\r\n\0\r\nQUIX", &v2(0x31, 0x11, &[])[..13], b"\x16\x03\x01"] {
            assert_eq!(read(bytes), Err(NoHeader), "{bytes:?}");
        }
        assert_eq!(read(&[b"PROXY ", &[b'x'; MAX_V1 - 6][..]].concat()), Err(NoHeader), "no end in sight");
        assert_eq!(read(&v2(0x21, 0x11, &[1; MAX_V2_REST + 1])[..V2_START]), Err(NoHeader), "not waited for");
    }

    proptest! {
        #[test]
        fn r15_no_bytes_panic_and_no_header_is_longer_than_they(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0..3u8) {
            let bytes = match kind {
                0 => bytes,
                1 => [b"PROXY TCP4 ", &bytes[..]].concat(),
                _ => [V2_SIGNATURE.as_slice(), &bytes].concat(),
            };
            if let Ok(Some(header)) = read(&bytes) {
                prop_assert!(header.length <= bytes.len());
            }
        }

        #[test]
        fn who_is_told_is_heard_and_every_piece_asks_for_more(v4 in any::<[u8; 4]>(), v6 in any::<[u8; 16]>(), port in any::<u16>(), tail in proptest::collection::vec(any::<u8>(), 0..20)) {
            for ip in [IpAddr::from(v4), IpAddr::from(v6)] {
                let source = SocketAddr::new(ip, port);
                for header in [v1_of(source), v2_of(source)] {
                    for end in 0..header.len() {
                        prop_assert_eq!(read(&header[..end]), Ok(None), "{} of {:?}", end, &header);
                    }
                    let whole = Header { length: header.len(), source: Some(source) };
                    prop_assert_eq!(read(&[&header[..], &tail].concat()), Ok(Some(whole)));
                }
            }
        }
    }
}
