//! What the sample site was told about a visitor, read as a PHP site would read it.

use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// The gate's headers, each with what it means, in Chinese and English.
const MEANINGS: [(&str, &str, &str); 10] = [
    ("x-wechat-openid", "这位访客在该公众号下的编号", "the visitor, as this account knows them"),
    ("x-wechat-unionid", "同一主体各应用通用的编号", "the same visitor across your accounts"),
    ("x-wechat-appid", "经由哪个公众号登录", "the account signed in through"),
    ("x-wechat-account", "账号类型", "which kind of account that is"),
    ("x-wechat-scope", "访客授权的范围", "what the visitor agreed to"),
    ("x-wechat-nickname", "昵称（UTF-8，百分号编码）", "nickname: UTF-8, percent-encoded"),
    ("x-wechat-avatar", "头像地址", "address of the picture"),
    ("x-wechat-userid", "企业微信成员", "member of a WeCom corporation"),
    ("x-wechat-snapshot", "快照页的虚拟访客", "virtual visitor of a snapshot page"),
    ("x-wechat-session", "本次会话的编号，不是凭证", "id of this session; opens nothing"),
];

/// All that arrived about the visitor.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub facts: Vec<Fact>,
    pub token: Option<Token>,
}

/// One header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub name: String,
    /// As received.
    pub raw: String,
    /// In Chinese and English.
    pub meaning: (&'static str, &'static str),
}

/// A signed token taken apart. Reading proves nothing: the page in the browser checks the signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub raw: String,
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
}

impl Told {
    pub(super) fn read(headers: &HeaderMap, jwt_header: &HeaderName) -> Self {
        let known = MEANINGS.iter().filter_map(|&(name, chinese, english)| {
            let raw = text(headers, name)?;
            Some(Fact { name: title_case(name), raw, meaning: (chinese, english) })
        });
        let token = text(headers, jwt_header.as_str()).and_then(|raw| Token::read(&raw));
        Self { facts: known.collect(), token }
    }

    /// Whether the gate let a visitor in. Only true behind the gate: whoever reaches the site past it can claim anything.
    pub(super) fn is_signed_in(&self) -> bool {
        self.raw("x-wechat-openid").or_else(|| self.raw("x-wechat-userid")).is_some()
    }

    /// A header's value as received.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let fact = self.facts.iter().find(|fact| fact.name.eq_ignore_ascii_case(name))?;
        (!fact.raw.is_empty()).then_some(&fact.raw)
    }

    /// What PHP says as `rawurldecode($_SERVER['HTTP_X_WECHAT_NICKNAME'])`.
    pub(super) fn nickname(&self) -> Option<String> {
        self.raw("x-wechat-nickname").map(percent_decoded)
    }

    pub(super) fn to_json(&self) -> Value {
        let headers: Map<_, _> = self.facts.iter().map(|fact| (fact.name.clone(), fact.raw.clone().into())).collect();
        json!({
            "signed_in": self.is_signed_in(),
            "nickname": self.nickname(),
            "headers": headers,
            "token": self.token.as_ref().map(|token| json!({ "header": token.header, "claims": token.claims })),
        })
    }
}

impl Fact {
    /// The decoded value, where it says more than the raw one.
    pub(super) fn decoded(&self) -> Option<String> {
        let encoded = self.name.eq_ignore_ascii_case("x-wechat-nickname") && self.raw.contains('%');
        encoded.then(|| percent_decoded(&self.raw))
    }
}

impl Token {
    /// Three parts, the first two of them JSON objects (RFC 7515 section 7.1); `Bearer ` before them is passed over.
    pub(super) fn read(raw: &str) -> Option<Self> {
        let raw = raw.strip_prefix("Bearer ").unwrap_or(raw);
        let mut parts = raw.split('.');
        let (header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self { raw: raw.to_owned(), header: object(header)?, claims: object(claims)? })
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn percent_decoded(raw: &str) -> String {
    percent_decode_str(raw).decode_utf8_lossy().into_owned()
}

/// `x-wechat-openid` as the documentation writes it: `X-Wechat-Openid`.
fn title_case(name: &str) -> String {
    let mut after_dash = true;
    name.chars()
        .map(|c| {
            let shown = if after_dash { c.to_ascii_uppercase() } else { c };
            after_dash = c == '-';
            shown
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const JWT: HeaderName = HeaderName::from_static("x-wechat-jwt");

    fn told(lines: &[(&'static str, &'static [u8])]) -> Told {
        let headers: HeaderMap = lines
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a header value"))
            })
            .collect();
        Told::read(&headers, &JWT)
    }

    #[test]
    fn nicknames_are_percent_decoded_and_addresses_are_not() {
        let told = told(&[
            ("x-wechat-openid", b"o6_bmjrPTlm6_2sgVt7hMZOPfL2M"),
            ("x-wechat-nickname", b"%E8%8C%B6%E5%8F%8B%20%F0%9F%8D%B5+1"),
            ("x-wechat-avatar", b"https://a.example/%2F/132"),
        ]);
        assert!(told.is_signed_in());
        assert_eq!(told.nickname().as_deref(), Some("茶友 🍵+1"));
        assert_eq!(told.raw("X-Wechat-Avatar"), Some("https://a.example/%2F/132"));
        assert_eq!(told.facts[1].decoded().as_deref(), Some("茶友 🍵+1"));
        assert_eq!(told.facts[2].decoded(), None);
        assert_eq!(told.to_json()["headers"]["X-Wechat-Openid"], "o6_bmjrPTlm6_2sgVt7hMZOPfL2M");
    }

    #[test]
    fn an_empty_or_absent_openid_is_nobody() {
        assert!(!told(&[]).is_signed_in());
        assert!(!told(&[("x-wechat-openid", b"")]).is_signed_in());
        assert!(!told(&[("x-wechat-nickname", b"x")]).is_signed_in());
        assert!(told(&[("x-wechat-userid", b"zhang")]).is_signed_in());
    }

    #[test]
    fn odd_bytes_are_shown_as_such() {
        let told = told(&[("x-wechat-openid", b"\xff\xfe"), ("x-wechat-nickname", b"%FF%zz%")]);
        assert_eq!(told.raw("x-wechat-openid"), Some("\u{fffd}\u{fffd}"));
        assert_eq!(told.nickname().as_deref(), Some("\u{fffd}%zz%"));
    }

    #[test]
    fn tokens_are_taken_apart_or_passed_over() {
        let part = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
        let raw = format!("{}.{}.c2ln", part(r#"{"alg":"ES256"}"#), part(r#"{"sub":"o6","exp":5}"#));
        let token = Token::read(&format!("Bearer {raw}")).expect("a token");
        assert_eq!((&token.raw, &token.header["alg"], &token.claims["exp"]), (&raw, &json!("ES256"), &json!(5)));
        let array = format!("{}.{}.", part("[]"), part("{}"));
        for bad in ["", "a.b", "a.b.c", "....", "e30.e30", "e30.e30.x.y", "é.é.é", &array] {
            assert_eq!(Token::read(bad), None, "{bad}");
        }
    }
}
