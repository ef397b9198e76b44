//! What holds of what a proxy says ahead of a connection.

use std::net::IpAddr;

use crate::listener::proxy_header::{MAX_BYTES, read};

/// R15: a header is told by its first bytes, alike in whatever pieces it comes; it ends in bounded time, takes no byte of
/// what follows, and names whom it says.
pub(crate) fn headers_are_told_by_their_first_bytes(bytes: &[u8]) {
    let whole = read(bytes);
    let mut certain = None;
    for end in 0..bytes.len() {
        let so_far = read(&bytes[..end]);
        if so_far != Ok(None) {
            certain.get_or_insert(so_far);
            assert_eq!(so_far, whole, "after {end} bytes");
        }
        assert!(certain.is_none_or(|certain| certain == so_far), "forgotten after {end} bytes");
    }
    assert!(whole != Ok(None) || bytes.len() < MAX_BYTES, "no end in sight");
    let Ok(Some(header)) = whole else { return };
    assert!(header.length <= bytes.len().min(MAX_BYTES));
    let (said, source) = (&bytes[..header.length], header.source);
    if let Some(line) = said.strip_suffix(b"\r\n").filter(|_| said.starts_with(b"PROXY ")) {
        assert!(!line.contains(&b'\n'));
        let words: Vec<&str> = std::str::from_utf8(line).expect("text").split(' ').collect();
        let address = source.map(|source| (source.ip(), source.port().to_string()));
        let told = || Some((words.get(2)?.parse::<IpAddr>().ok()?, (*words.get(4)?).to_owned()));
        assert!(if words[1] == "UNKNOWN" { address.is_none() } else { address == told() }, "{words:?}");
    } else {
        assert!(said.starts_with(b"\r\n\r\n\0\r\nQUIT\n"));
        assert_eq!(said.len(), 16 + usize::from(said[14]) * 256 + usize::from(said[15]));
        let address = match (said[12], said[13]) {
            (0x21, 0x11) => Some((IpAddr::from(*said[16..].first_chunk::<4>().expect("4")), &said[24..26])),
            (0x21, 0x21) => Some((IpAddr::from(*said[16..].first_chunk::<16>().expect("16")), &said[48..50])),
            _ => None,
        };
        let port = |bytes: &[u8]| u16::from(bytes[0]) * 256 + u16::from(bytes[1]);
        assert_eq!(source.map(|source| (source.ip(), source.port())), address.map(|(ip, bytes)| (ip, port(bytes))));
    }
}
