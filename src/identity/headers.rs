//! `X-Wechat-*`: one header per known fact (contract section 9).

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::Encoding;
use crate::session::Session;
use crate::types::{Account, Scope};

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

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn add(headers: &mut HeaderMap, visitor: &Session, encoding: Encoding) {
    headers.reserve(10);
    let plain = |text: &str| shared(visitor.share(text));
    headers.insert(APPID, plain(visitor.appid()));
    headers.insert(ACCOUNT, account(visitor.account));
    headers.insert(SCOPE, scope(visitor.scope));
    headers.insert(SESSION, crate::request::hex_header(&visitor.id.0));
    for (name, text) in [
        (OPENID, visitor.openid()),
        (UNIONID, visitor.unionid()),
        (USERID, visitor.userid()),
        (AVATAR, visitor.avatar()),
    ] {
        if let Some(text) = text {
            headers.insert(name, plain(text));
        }
    }
    if let Some(nickname) = visitor.nickname() {
        headers.insert(NICKNAME, encoded(visitor, nickname, encoding));
    }
    if visitor.snapshot {
        headers.insert(SNAPSHOT, HeaderValue::from_static("1"));
    }
}

/// Everything in a session was checked or cleaned before it was sealed, so none of it can break a header (R21).
fn shared(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).expect("ids and avatar URLs are printable ASCII")
}

/// A nickname is any text at all: percent-encoded whole, or base64 where it is not plain ASCII.
fn encoded(visitor: &Session, nickname: &str, encoding: Encoding) -> HeaderValue {
    let plain = match encoding {
        Encoding::Percent => nickname.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
        Encoding::Base64 => nickname.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '),
    };
    if plain {
        return shared(visitor.share(nickname));
    }
    let text = match encoding {
        Encoding::Percent => utf8_percent_encode(nickname, RESERVED).to_string(),
        Encoding::Base64 => BASE64.encode(nickname.as_bytes()),
    };
    shared(text.into())
}

fn account(account: Account) -> HeaderValue {
    HeaderValue::from_static(account.as_str())
}

fn scope(scope: Scope) -> HeaderValue {
    HeaderValue::from_static(scope.as_str())
}
