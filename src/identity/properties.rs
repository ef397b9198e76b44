//! What holds of the cookies of every request that goes on to the site (contract section 9).

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode;

use super::cookies;
use crate::request::cookie_pieces;

const OURS: &[u8] = b"wxgate";
const TOKEN: &str = "wechat_jwt";

/// No site reads a client's cookie as the gate's token; what cannot be taken for one of ours stays as it was, in order.
pub(crate) fn only_the_gates_cookies_go(lines: &[&[u8]], token: Option<&str>) {
    let mut headers = HeaderMap::new();
    for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(COOKIE, line);
    }
    let before = pieces(&headers);
    let ours = |name: &[u8]| name == OURS || cookies::reads_as(name, TOKEN);
    cookies::rewrite(&mut headers, ours, token.map(|token| (TOKEN, token)));
    let mut after = pieces(&headers);
    if let Some(token) = token {
        assert_eq!(after.remove(0), format!("{TOKEN}={token}").into_bytes());
    }
    for piece in &after {
        assert!(name(piece) != OURS, "the session of {before:?}");
        for seen in [name(piece).to_vec(), percent_decode(name(piece)).collect()] {
            assert_ne!(php_name(&seen), TOKEN.as_bytes(), "a forged token in {:?}", String::from_utf8_lossy(piece));
        }
    }
    let mut left = before.iter();
    assert!(after.iter().all(|piece| left.any(|known| known == piece)), "{after:?} of {before:?}");
    let strangers = |all: &[Vec<u8>]| all.iter().filter(|piece| is_strange(name(piece))).cloned().collect::<Vec<_>>();
    assert_eq!(strangers(&after), strangers(&before));
}

fn pieces(headers: &HeaderMap) -> Vec<Vec<u8>> {
    headers.get_all(COOKIE).iter().flat_map(|line| cookie_pieces(line.as_bytes())).map(<[u8]>::to_vec).collect()
}

fn name(piece: &[u8]) -> &[u8] {
    piece.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii_end()
}

/// As `php_register_variable_ex` has it: blanks in front go, dots and blanks are underscores, and so is a bracket that
/// never closes; one that does ends the name.
fn php_name(name: &[u8]) -> Vec<u8> {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = &name[name.iter().take_while(|byte| **byte == b' ').count()..];
    let bracket = name.iter().position(|byte| *byte == b'[').unwrap_or(name.len());
    let (base, rest) = name.split_at(bracket);
    let mut read: Vec<u8> = base.iter().map(|byte| if b" .".contains(byte) { b'_' } else { *byte }).collect();
    if !rest.contains(&b']') && !rest.is_empty() {
        read.push(b'_');
        read.extend_from_slice(&rest[1..]);
    }
    read
}

/// Whether nobody could take this name for one of the gate's, however odd their reading.
fn is_strange(name: &[u8]) -> bool {
    let letters = percent_decode(name).filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    name != OURS && !letters.collect::<Vec<u8>>().starts_with(b"wechatjwt")
}
