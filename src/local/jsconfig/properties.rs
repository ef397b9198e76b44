//! What holds of every address that a page wants signed (R45).

use percent_encoding::percent_decode_str;
use url::Url;

use super::page_url;
use super::query::{Query, list};
use crate::config::SignedHost;

/// What is signed belongs to a listed host as a browser reads it, and is what was sent, to the byte.
pub(crate) fn only_listed_hosts_are_signed(text: &str, hosts: &[SignedHost]) {
    let Ok(signed) = page_url::judge(text, hosts) else { return };
    assert_eq!(signed, text.split('#').next().unwrap_or_default());
    assert!(signed.len() <= 2048 && !signed.chars().any(char::is_control));
    let url = Url::parse(signed).expect("a browser reads it");
    assert!(matches!(url.scheme(), "http" | "https"), "{signed:?}");
    assert!(url.username().is_empty() && url.password().is_none(), "{signed:?}");
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
    let listed = hosts.iter().any(|listed| listed.host == host && (listed.port.is_none() || listed.port == port));
    assert!(listed, "{signed:?} is at {host}");
}

/// Each parameter is what the last decoding of the only one of its name gives; lists hold names.
pub(crate) fn queries_are_read_once(query: &str) {
    let Ok(read) = Query::read(query) else { return };
    let values: Vec<Vec<u8>> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| percent_decode_str(name).eq(b"url".iter().copied()))
        .map(|(_, value)| percent_decode_str(value).collect())
        .collect();
    assert!(values.len() <= 1, "{query:?}");
    assert_eq!(read.url.as_deref().map(str::as_bytes), values.first().map(Vec::as_slice));
    for name in [&read.api_list, &read.open_tags].into_iter().flatten().flat_map(|names| list(names)) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.".contains(&byte);
        assert!(name.len() <= 64 && name.bytes().all(plain), "{name:?}");
    }
}
