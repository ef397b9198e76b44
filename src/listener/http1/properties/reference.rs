//! A strict and slow reader of HTTP/1 streams, by the letter of RFC 9112: what it does not accept, nobody has to.

use crate::listener::properties::Asked;

/// How a head says that its body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Exact(u64),
    Chunked,
}

/// The requests of a stream, up to the first byte that is not plainly one.
pub(super) fn requests(stream: &[u8]) -> Vec<Asked> {
    let (mut rest, mut all) = (stream, Vec::new());
    while let Some((mut asked, framing, after)) = head(rest) {
        let body = match framing {
            Body::Exact(length) => exact(after, length, &mut asked.body),
            Body::Chunked => chunked(after, &mut asked.body),
        };
        asked.whole = body.is_some();
        all.push(asked);
        match body {
            Some(after) => rest = after,
            None => break,
        }
    }
    all
}

/// What a whole head says of its body.
pub(super) fn framing_of(bytes: &[u8]) -> Option<Body> {
    head(bytes).map(|(_, framing, _)| framing)
}

fn head(mut rest: &[u8]) -> Option<(Asked, Body, &[u8])> {
    while let Some(after) = rest.strip_prefix(b"\r\n") {
        rest = after;
    }
    let (first, mut rest) = line(rest)?;
    let hides = first.iter().any(|byte| *byte == b'#' || byte.is_ascii_control());
    let first: Vec<u8> = first.iter().map(|byte| if byte.is_ascii_control() { b'_' } else { *byte }).collect();
    let mut words = first.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let good = is_token(method) && !target.is_empty() && words.next().is_none();
    if !good || !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let (text, after) = line(rest)?;
        rest = after;
        if text.is_empty() {
            break;
        }
        headers.push(header(text)?);
    }
    let framing = framing(&headers)?;
    let method = String::from_utf8_lossy(method).into_owned();
    Some((Asked { method, target: target.to_vec(), hides, headers, body: Vec::new(), whole: false }, framing, rest))
}

/// Up to CR LF, neither of which may stand alone.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let text = bytes[..end].strip_suffix(b"\r")?;
    (!text.contains(&b'\r')).then_some((text, &bytes[end + 1..]))
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

fn header(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&text[..colon], &text[colon + 1..]);
    let value = trim(value);
    let plain = value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
    (is_token(name) && plain).then(|| (String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec()))
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn framing(headers: &[(String, Vec<u8>)]) -> Option<Body> {
    let of = |wanted: &str| {
        headers.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_slice()).collect::<Vec<_>>()
    };
    match (of("content-length").as_slice(), of("transfer-encoding").as_slice()) {
        ([], []) => Some(Body::Exact(0)),
        ([length], []) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(length).ok()?.parse().ok().map(Body::Exact)
        }
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Some(Body::Chunked),
        _ => None,
    }
}

/// What follows the body, if all of it is there; `body` gets what is.
fn exact<'a>(rest: &'a [u8], length: u64, body: &mut Vec<u8>) -> Option<&'a [u8]> {
    let end = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
    body.extend_from_slice(&rest[..end]);
    (end as u64 == length).then(|| &rest[end..])
}

fn chunked<'a>(mut rest: &'a [u8], body: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (text, after) = line(rest)?;
        let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let extension = trim(&text[digits..]);
        if digits == 0 || !(extension.is_empty() || extension.starts_with(b";")) {
            return None;
        }
        let size = u64::from_str_radix(std::str::from_utf8(&text[..digits]).ok()?, 16).ok()?;
        if size == 0 {
            rest = after;
            break;
        }
        rest = exact(after, size, body)?.strip_prefix(b"\r\n")?;
    }
    loop {
        let (text, after) = line(rest)?;
        rest = after;
        if text.is_empty() {
            return Some(rest);
        }
        header(text)?;
    }
}
