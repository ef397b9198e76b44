//! `X-Wechat-*`: one header per known fact (contract section 9).

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_encode_byte;

use crate::config::Encoding;
use crate::request::Lines;
use crate::session::{Session, Text};

const OPENID: HeaderName = HeaderName::from_static("x-wechat-openid");
const UNIONID: HeaderName = HeaderName::from_static("x-wechat-unionid");
const APPID: HeaderName = HeaderName::from_static("x-wechat-appid");
const ACCOUNT: HeaderName = HeaderName::from_static("x-wechat-account");
const SCOPE: HeaderName = HeaderName::from_static("x-wechat-scope");
const NICKNAME: HeaderName = HeaderName::from_static("x-wechat-nickname");
const AVATAR: HeaderName = HeaderName::from_static("x-wechat-avatar");
const USERID: HeaderName = HeaderName::from_static("x-wechat-userid");
const SNAPSHOT: HeaderName = HeaderName::from_static("x-wechat-snapshot");
const SESSION: HeaderName = HeaderName::from_static("x-wechat-session");

pub(super) fn lines(visitor: &Session, encoding: Encoding) -> Lines {
    let mut lines = Lines::default();
    lines.add(&ACCOUNT, &HeaderValue::from_static(visitor.account.as_str()));
    lines.add(&SCOPE, &HeaderValue::from_static(visitor.scope.as_str()));
    lines.add(&SESSION, &crate::request::hex_header(&visitor.id.0));
    for (name, text) in [
        (APPID, Text::AppId),
        (OPENID, Text::OpenId),
        (UNIONID, Text::UnionId),
        (USERID, Text::UserId),
        (AVATAR, Text::Avatar),
    ] {
        if let Some(text) = visitor.share(text) {
            lines.add(&name, &value(text));
        }
    }
    if let Some(nickname) = visitor.share(Text::Nickname) {
        lines.add(&NICKNAME, &value(encoded(nickname, encoding)));
    }
    if visitor.snapshot {
        lines.add(&SNAPSHOT, &HeaderValue::from_static("1"));
    }
    lines
}

/// Everything in a session was checked or cleaned before it was sealed, so none of it can break a header (R21).
fn value(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).expect("ids, avatar URLs and encoded nicknames are printable ASCII")
}

/// A nickname is any text at all: percent-encoded whole, or base64 where it is not plain ASCII.
fn encoded(nickname: Bytes, encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::Percent => percent_encoded(nickname),
        Encoding::Base64 if is_plain(&nickname) => nickname,
        Encoding::Base64 => BASE64.encode(&nickname).into(),
    }
}

/// Printable ASCII, and no blank at an end where it would be trimmed off a header.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~')) && text.trim_ascii().len() == text.len()
}

/// Everything but RFC 3986's unreserved characters.
fn percent_encoded(text: Bytes) -> Bytes {
    const fn is_unreserved(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
    }
    if text.iter().copied().all(is_unreserved) {
        return text;
    }
    let mut encoded = Vec::with_capacity(text.len() * 3);
    for byte in text {
        if is_unreserved(byte) {
            encoded.push(byte);
        } else {
            encoded.extend_from_slice(percent_encode_byte(byte).as_bytes());
        }
    }
    encoded.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn r21_any_nickname_becomes_a_header_and_comes_back(nickname in "\\PC{0,40}") {
            let shared = Bytes::from(nickname.clone());
            let percent = value(encoded(shared.clone(), Encoding::Percent));
            let decoded = percent_encoding::percent_decode(percent.as_bytes()).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(&decoded, &nickname);
            let base64 = value(encoded(shared, Encoding::Base64));
            if !nickname.is_ascii() {
                prop_assert_eq!(BASE64.decode(base64.as_bytes()).unwrap(), nickname.into_bytes());
            }
        }
    }
}
