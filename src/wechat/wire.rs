//! WeChat's JSON exactly as sent: mislabelled, with raw control bytes and broken UTF-8 in it.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use super::error::{Api, Error};
use crate::secret::Secret;
use crate::types::{AvatarUrl, Nickname, OpenId, UnionId, UserId};

/// What a code or a refresh token was exchanged for.
#[derive(Debug, Clone)]
pub struct UserToken {
    pub access_token: Secret<String>,
    pub expires_in: Duration,
    pub refresh_token: Option<Secret<String>>,
    pub openid: OpenId,
    pub unionid: Option<UnionId>,
    /// Whether the scopes it was given for include the profile.
    pub shows_profile: bool,
    /// A virtual user of the snapshot page (快照页).
    pub snapshot: bool,
}

/// Who a user says they are. Gender and region are never read: WeChat blanks them since 2021.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub openid: OpenId,
    pub unionid: Option<UnionId>,
    pub nickname: Option<Nickname>,
    pub avatar: Option<AvatarUrl>,
}

/// Who brought a code to WeCom.
#[derive(Debug, Clone)]
pub enum WecomUser {
    Member {
        userid: UserId,
        /// For [`WecomProfile`], where the member agreed to that.
        ticket: Option<Secret<String>>,
    },
    /// Of no corporation, or of another one.
    Outsider { openid: OpenId },
}

/// What a member of a corporation has agreed to show. Some corporations let no name through, some no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WecomProfile {
    pub userid: UserId,
    pub nickname: Option<Nickname>,
    pub avatar: Option<AvatarUrl>,
}

/// A platform token or ticket, just made or given once more.
#[derive(Debug, Clone)]
pub struct Granted {
    pub value: Secret<String>,
    /// What is left of its life, more than nothing.
    pub expires_in: Duration,
}

/// How long an access token lives where WeChat forgot to say: its documented life.
const ACCESS_TOKEN_LIFE: u64 = 7200;

impl UserToken {
    /// Reads an answer of the token endpoints.
    ///
    /// # Errors
    /// A refusal by its errcode; `Nonsense` when the answer lacks a token or an id is not one (R10).
    pub(super) fn parse(api: Api, body: &[u8]) -> Result<Self, Error> {
        let answer = Answer::parse(api, body)?;
        Ok(Self {
            access_token: answer.secret("access_token").ok_or_else(|| Error::nonsense(api, "no access_token"))?,
            expires_in: Duration::from_secs(answer.number("expires_in").unwrap_or(ACCESS_TOKEN_LIFE)),
            refresh_token: answer.secret("refresh_token"),
            openid: answer.openid()?,
            unionid: answer.unionid()?,
            shows_profile: answer.text("scope").split(',').any(|scope| {
                let scope = scope.trim();
                scope == "snsapi_userinfo" || scope == "snsapi_login"
            }),
            snapshot: answer.flag("is_snapshotuser"),
        })
    }
}

impl Profile {
    /// Reads an answer of `sns/userinfo`.
    ///
    /// # Errors
    /// A refusal by its errcode; `Nonsense` when the answer is not an object or an id is not one (R10).
    pub(super) fn parse(api: Api, body: &[u8]) -> Result<Self, Error> {
        let answer = Answer::parse(api, body)?;
        Ok(Self {
            openid: answer.openid()?,
            unionid: answer.unionid()?,
            nickname: Nickname::clean(answer.text("nickname")),
            avatar: AvatarUrl::clean(answer.text("headimgurl")),
        })
    }
}

impl WecomUser {
    /// Reads an answer of `auth/getuserinfo`, or of its predecessor, which spells its fields in capitals.
    ///
    /// # Errors
    /// A refusal by its errcode; `Nonsense` when the answer names nobody, or by what is no id (R10).
    pub(super) fn parse(api: Api, body: &[u8]) -> Result<Self, Error> {
        let answer = Answer::parse(api, body)?;
        let either = |one: &str, other: &str| {
            let text = answer.text(one);
            if text.is_empty() { answer.text(other).to_owned() } else { text.to_owned() }
        };
        let (userid, openid) = (either("userid", "UserId"), either("openid", "OpenId"));
        if !userid.is_empty() {
            let userid = UserId::parse(&userid).map_err(|_| Error::nonsense(api, "no valid userid"))?;
            return Ok(Self::Member { userid, ticket: answer.secret("user_ticket") });
        }
        let openid = OpenId::parse(&openid).map_err(|_| Error::nonsense(api, "neither a valid userid nor openid"))?;
        Ok(Self::Outsider { openid })
    }
}

impl WecomProfile {
    /// Reads an answer of `auth/getuserdetail`.
    ///
    /// # Errors
    /// A refusal by its errcode; `Nonsense` when the answer is not an object or names nobody (R10).
    pub(super) fn parse(api: Api, body: &[u8]) -> Result<Self, Error> {
        let answer = Answer::parse(api, body)?;
        Ok(Self {
            userid: UserId::parse(answer.text("userid")).map_err(|_| Error::nonsense(api, "no valid userid"))?,
            nickname: Nickname::clean(answer.text("name")),
            avatar: AvatarUrl::clean(answer.text("avatar")),
        })
    }
}

impl Granted {
    /// Reads an answer that carries a platform token or ticket in `field`.
    ///
    /// # Errors
    /// A refusal by its errcode; `Nonsense` when there is no such field, or its life is over.
    pub(super) fn parse(api: Api, field: &str, body: &[u8]) -> Result<Self, Error> {
        let answer = Answer::parse(api, body)?;
        let value = answer.secret(field).ok_or_else(|| Error::nonsense(api, "neither a value nor an errcode"))?;
        let expires_in = match answer.fields.get("expires_in").map(as_integer) {
            None => ACCESS_TOKEN_LIFE,
            // No more than is documented, whatever is claimed.
            Some(Some(seconds @ 1..)) => seconds.unsigned_abs().min(ACCESS_TOKEN_LIFE),
            Some(_) => return Err(Error::nonsense(api, "expires_in is no time to live")),
        };
        Ok(Self { value, expires_in: Duration::from_secs(expires_in) })
    }
}

/// A JSON object that carries no errcode.
struct Answer {
    api: Api,
    fields: Map<String, Value>,
}

impl Answer {
    fn parse(api: Api, body: &[u8]) -> Result<Self, Error> {
        let text = repair(body);
        let Ok(Value::Object(fields)) = serde_json::from_str(&text) else {
            return Err(Error::nonsense(api, "not a JSON object"));
        };
        // Errors come with HTTP 200 and text/plain, so only this field tells.
        match fields.get("errcode").and_then(as_integer) {
            None | Some(0) => Ok(Self { api, fields }),
            Some(errcode) => {
                let errmsg = fields.get("errmsg").and_then(Value::as_str).unwrap_or_default();
                Err(Error::refused_because(api, errcode, errmsg))
            }
        }
    }

    /// Empty when absent or not a text.
    fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn secret(&self, name: &str) -> Option<Secret<String>> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(|text| Secret::new(text.to_owned()))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.fields.get(name).and_then(as_integer).and_then(|number| number.try_into().ok())
    }

    fn flag(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| value == &Value::Bool(true) || as_integer(value) == Some(1))
    }

    fn openid(&self) -> Result<OpenId, Error> {
        OpenId::parse(self.text("openid")).map_err(|_| Error::nonsense(self.api, "no valid openid"))
    }

    fn unionid(&self) -> Result<Option<UnionId>, Error> {
        match self.text("unionid") {
            "" => Ok(None),
            text => UnionId::parse(text).map(Some).map_err(|_| Error::nonsense(self.api, "no valid unionid")),
        }
    }
}

/// WeChat has sent the same fields as numbers and as texts.
fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The body as JSON a strict parser accepts: lossy UTF-8, and inside texts control characters escaped, broken escapes
/// taken as they stand, halves of surrogate pairs replaced. What is outside texts is left alone.
///
/// Nicknames do carry 0x07, 0x0A and truncated characters: <https://github.com/node-webot/co-wechat-api/issues/63>.
pub(super) fn repair(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut rest: &str = text.trim_start_matches('\u{feff}');
    let mut repaired = String::with_capacity(rest.len() + 16);
    let mut inside = false;
    while let Some(next) = rest.chars().next() {
        if inside && next == '\\' {
            let (escape, used) = escape(rest);
            repaired.push_str(&escape);
            rest = &rest[used..];
            continue;
        }
        match next {
            '\0'..='\u{1f}' if inside => repaired.push_str(&format!("\\u{:04x}", u32::from(next))),
            _ => repaired.push(next),
        }
        inside ^= next == '"';
        rest = &rest[next.len_utf8()..];
    }
    repaired
}

/// The escape sequence that `rest` starts with, made valid, and how many bytes of `rest` it stands for.
fn escape(rest: &str) -> (Cow<'_, str>, usize) {
    const LONE_BACKSLASH: (Cow<'_, str>, usize) = (Cow::Borrowed("\\\\"), 1);
    match rest.as_bytes().get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => (Cow::Borrowed(&rest[..2]), 2),
        Some(b'u') => match (code_unit(rest), rest.get(6..).and_then(code_unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (Cow::Borrowed(&rest[..12]), 12),
            (Some(0xd800..=0xdfff), _) => (Cow::Borrowed("\u{fffd}"), 6),
            (Some(_), _) => (Cow::Borrowed(&rest[..6]), 6),
            (None, _) => LONE_BACKSLASH,
        },
        _ => LONE_BACKSLASH,
    }
}

/// The UTF-16 code unit of a leading `\uXXXX`.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // from_str_radix alone would take "+123" for four digits.
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::error::Trouble;
    use super::*;

    const TOKEN: &str = r#"{"access_token":"A","expires_in":7200,"refresh_token":"R","openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M","scope":"snsapi_userinfo,","is_snapshotuser":1,"unionid":"o6_bmasdasdsad6_2sgVt7hMZOPfL"}"#;

    #[test]
    fn a_token_is_read_as_documented() {
        let token = UserToken::parse(Api::UserToken, TOKEN.as_bytes()).expect("the documented answer");
        assert_eq!(token.access_token.expose(), "A");
        assert_eq!(token.expires_in, Duration::from_hours(2));
        assert!(token.shows_profile && token.snapshot && token.unionid.is_some());
        let base = TOKEN.replace("snsapi_userinfo,", "snsapi_base").replace(":1,", ":\"0\",").replace("7200", "\"60\"");
        let token = UserToken::parse(Api::UserToken, base.as_bytes()).expect("numbers may be texts");
        assert!(!token.shows_profile && !token.snapshot);
        assert_eq!(token.expires_in, Duration::from_mins(1));
    }

    #[test]
    fn r10_ids_that_are_none_fail_the_answer() {
        for bad in ["\"o6_bmjr\\r\\nX: 1aaaaa\"", "\"\"", "null", "17", "\"o6/../..aaaaaaa\""] {
            let body = TOKEN.replace("\"o6_bmjrPTlm6_2sgVt7hMZOPfL2M\"", bad);
            let error = UserToken::parse(Api::UserToken, body.as_bytes()).expect_err(bad);
            assert_eq!(error.trouble, Trouble::Nonsense, "{bad}");
        }
        let body = TOKEN.replace("o6_bmasdasdsad6_2sgVt7hMZOPfL", "<script>");
        assert!(UserToken::parse(Api::UserToken, body.as_bytes()).is_err());
    }

    #[test]
    fn errcode_outranks_everything_beside_it() {
        for (body, errcode) in [
            (r#"{"errcode":40029,"errmsg":"invalid code, hints: [ req_id: rA.hRA0175ns87 ]"}"#, 40029),
            (r#"{"errcode":"40163","access_token":"A","openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M"}"#, 40163),
            (r#"{"errcode":-1,"errmsg":"system error"}"#, -1),
        ] {
            let error = UserToken::parse(Api::UserToken, body.as_bytes()).expect_err(body);
            assert_eq!(error.errcode, Some(errcode));
        }
        assert!(UserToken::parse(Api::UserToken, TOKEN.replace('{', "{\"errcode\":0,").as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_object_is_nonsense() {
        for body in [&b""[..], b"[]", b"<html>502", b"\"x\"", b"{", b"\xff\xfe", &b"[".repeat(5000)] {
            assert_eq!(Profile::parse(Api::Profile, body).expect_err("nonsense").trouble, Trouble::Nonsense);
        }
    }

    #[test]
    fn odd_bytes_of_nicknames_are_survived() {
        for (raw, expected) in [
            (&b"a\x07\x14\nb"[..], Some("ab")),
            ("😀中".as_bytes(), Some("😀中")),
            (b"cut \xe4\xb8", Some("cut \u{fffd}")),
            (br#"quote \" slash \/ back \\"#, Some(r#"quote " slash / back \"#)),
            (br"lone \x \ud83d \u12 \ud83d\ude00", Some("lone \\x \u{fffd} \\u12 😀")),
            (b"\\\x0a", Some("\\")),
            (br"\u0000\u001f", None),
            (b"", None),
        ] {
            let body = profile(raw);
            let profile = Profile::parse(Api::Profile, &body).expect("a profile");
            assert_eq!(profile.nickname.as_ref().map(Nickname::as_str), expected, "{raw:?}");
            assert_eq!(profile.avatar.expect("an avatar").as_str(), "https://thirdwx.qlogo.cn/mmopen/vi_32/x/132");
        }
    }

    fn profile(nickname: &[u8]) -> Vec<u8> {
        [
            br#"{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M","nickname":""#,
            nickname,
            br#"","sex":"1","city":"","headimgurl":"https:\/\/thirdwx.qlogo.cn\/mmopen\/vi_32\/x\/132","privilege":[]}"#,
        ]
        .concat()
    }

    proptest! {
        #[test]
        fn r15_no_bytes_panic(body: Vec<u8>) {
            let _ = UserToken::parse(Api::UserToken, &body);
            let _ = Profile::parse(Api::Profile, &body);
            let _ = WecomUser::parse(Api::WecomUser, &body);
            let _ = WecomProfile::parse(Api::WecomDetail, &body);
        }

        #[test]
        fn r15_no_tail_of_an_object_panics(tail in r#"[{}"\\:,u0-9a-fdD8\x00-\x20😀]{0,60}"#) {
            let _ = Profile::parse(Api::Profile, format!("{{\"nickname\":\"{tail}").as_bytes());
        }

        // A quote or a backslash before the closing quote would end the text elsewhere: WeChat does escape those.
        #[test]
        fn any_profile_with_odd_bytes_is_read(
            nickname in proptest::collection::vec(any::<u8>().prop_filter("escaped", |b| !b"\"\\".contains(b)), 0..80)
        ) {
            let profile = Profile::parse(Api::Profile, &profile(&nickname)).expect("a profile");
            prop_assert!(profile.nickname.is_none_or(|name| !name.as_str().chars().any(char::is_control)));
        }
    }
}
