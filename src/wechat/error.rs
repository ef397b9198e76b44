//! What a refusal of WeChat's means: errcode → what to do.

use std::fmt;
use std::net::IpAddr;

use super::errcodes;

/// An endpoint of WeChat's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `sns/oauth2/access_token`: a code for a user token.
    UserToken,
    /// `sns/oauth2/refresh_token`
    Refresh,
    /// `sns/userinfo`
    Profile,
    /// `cgi-bin/stable_token`: the account's own token.
    StableToken,
    /// `cgi-bin/token`: the same, of the old kind.
    ClassicToken,
    /// `cgi-bin/ticket/getticket`
    Ticket,
    /// WeCom's `cgi-bin/gettoken`: the application's own token.
    WecomToken,
    /// WeCom's `cgi-bin/auth/getuserinfo`: a code for who brings it.
    WecomUser,
    /// WeCom's `cgi-bin/auth/getuserdetail`
    WecomDetail,
    /// WeCom's `cgi-bin/get_jsapi_ticket`: the corporation's.
    WecomCorpTicket,
    /// WeCom's `cgi-bin/ticket/get`: the application's.
    WecomAgentTicket,
}

impl Api {
    /// Every endpoint.
    pub const ALL: &[Self] = &[
        Self::UserToken,
        Self::Refresh,
        Self::Profile,
        Self::StableToken,
        Self::ClassicToken,
        Self::Ticket,
        Self::WecomToken,
        Self::WecomUser,
        Self::WecomDetail,
        Self::WecomCorpTicket,
        Self::WecomAgentTicket,
    ];

    /// The path, for log lines: it holds no secret.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::UserToken => "/sns/oauth2/access_token",
            Self::Refresh => "/sns/oauth2/refresh_token",
            Self::Profile => "/sns/userinfo",
            Self::StableToken => "/cgi-bin/stable_token",
            Self::ClassicToken => "/cgi-bin/token",
            Self::Ticket => "/cgi-bin/ticket/getticket",
            Self::WecomToken => "/cgi-bin/gettoken",
            Self::WecomUser => "/cgi-bin/auth/getuserinfo",
            Self::WecomDetail => "/cgi-bin/auth/getuserdetail",
            Self::WecomCorpTicket => "/cgi-bin/get_jsapi_ticket",
            Self::WecomAgentTicket => "/cgi-bin/ticket/get",
        }
    }

    /// The path as metrics name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.path().trim_start_matches('/')
    }
}

/// What is the matter, by what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The code was used, is too old, or never was one: sign in again.
    CodeRefused,
    /// WeChat will not let this user in: say so, do not try again by ourselves.
    UserRefused,
    /// The operator has to change something, here or at WeChat.
    Misconfigured,
    /// Too many calls, or WeChat is not well: later.
    Busy,
    /// The token has died: get another, or sign in again.
    TokenDead,
    /// The token is not good for this.
    NoPermission,
    /// No answer in time.
    Unreachable,
    /// An answer that makes no sense.
    Nonsense,
    /// An errcode nobody told us about.
    Unknown,
}

impl Trouble {
    /// What an errcode asks for. 40001 is a wrong secret where the secret was sent, and a dead token elsewhere.
    #[must_use]
    pub const fn of(api: Api, errcode: i64) -> Self {
        match (errcode, api) {
            (40029 | 40163 | 42003 | 41008, Api::UserToken | Api::WecomUser) => Self::CodeRefused,
            (40226 | 50002, _) => Self::UserRefused,
            (40001 | 40014, Api::UserToken | Api::StableToken | Api::ClassicToken | Api::WecomToken) => {
                Self::Misconfigured
            }
            (40002 | 40013 | 40125 | 40164 | 40243 | 41002 | 41004 | 48004 | 50001 | 50004 | 50007, _)
            | (60020 | 61004 | 61007 | 89501..=89507 | 43001..=43003, _) => Self::Misconfigured,
            (-1 | 45009 | 45011, _) => Self::Busy,
            (40001 | 40014 | 42001 | 42002 | 42007 | 40030 | 40003 | 41001 | 41003 | 41009, _)
            | (40029, Api::Refresh) => Self::TokenDead,
            (48001, _) => Self::NoPermission,
            _ => Self::Unknown,
        }
    }
}

/// A call that brought nothing. Says what for the log; never a URL (R48), never WeChat's own words.
#[derive(Debug, Clone)]
pub struct Error {
    pub api: Api,
    pub trouble: Trouble,
    /// WeChat's, when it gave one.
    pub errcode: Option<i64>,
    /// This machine's address as WeChat sees it, where the refusal names it: the one to put on the whitelist.
    pub ip: Option<IpAddr>,
    detail: Option<Box<str>>,
}

impl Error {
    /// WeChat said no, by this errcode.
    #[must_use]
    pub const fn refused(api: Api, errcode: i64) -> Self {
        Self { api, trouble: Trouble::of(api, errcode), errcode: Some(errcode), ip: None, detail: None }
    }

    /// As [`Error::refused`], with the address that WeChat's own words name. Nothing else of them is kept.
    #[must_use]
    pub(super) fn refused_because(api: Api, errcode: i64, errmsg: &str) -> Self {
        Self { ip: errcodes::address(errcode, errmsg), ..Self::refused(api, errcode) }
    }

    pub(super) fn nonsense(api: Api, detail: &str) -> Self {
        Self { api, trouble: Trouble::Nonsense, errcode: None, ip: None, detail: Some(detail.into()) }
    }

    /// No answer: why, as far as it holds nothing secret.
    #[must_use]
    pub fn unreachable(api: Api, detail: &str) -> Self {
        Self { api, trouble: Trouble::Unreachable, errcode: None, ip: None, detail: Some(detail.into()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.api.path(), self.trouble)?;
        if let Some(errcode) = self.errcode {
            write!(f, ", errcode {errcode}")?;
        }
        if let Some(ip) = self.ip {
            write!(f, ", called from {ip}")?;
        }
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, ", {detail}"))
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errcode_means_something_to_do() {
        for (api, errcode, expected) in [
            (Api::UserToken, 40029, Trouble::CodeRefused),
            (Api::UserToken, 40163, Trouble::CodeRefused),
            (Api::UserToken, 42003, Trouble::CodeRefused),
            (Api::UserToken, 40001, Trouble::Misconfigured),
            (Api::UserToken, 40125, Trouble::Misconfigured),
            (Api::UserToken, 40013, Trouble::Misconfigured),
            (Api::UserToken, 40164, Trouble::Misconfigured),
            (Api::UserToken, 50007, Trouble::Misconfigured),
            (Api::UserToken, -1, Trouble::Busy),
            (Api::UserToken, 45011, Trouble::Busy),
            (Api::UserToken, 40226, Trouble::UserRefused),
            (Api::UserToken, 123_456, Trouble::Unknown),
            (Api::Profile, 40001, Trouble::TokenDead),
            (Api::Profile, 40014, Trouble::TokenDead),
            (Api::Profile, 42001, Trouble::TokenDead),
            (Api::Profile, 42007, Trouble::TokenDead),
            (Api::Profile, 48001, Trouble::NoPermission),
            (Api::Refresh, 42002, Trouble::TokenDead),
            (Api::Refresh, 40030, Trouble::TokenDead),
            (Api::Refresh, 40029, Trouble::TokenDead),
            (Api::Refresh, 45009, Trouble::Busy),
            (Api::StableToken, 40001, Trouble::Misconfigured),
            (Api::ClassicToken, 40164, Trouble::Misconfigured),
            (Api::StableToken, 89507, Trouble::Misconfigured),
            (Api::Ticket, 40001, Trouble::TokenDead),
            (Api::Ticket, 42001, Trouble::TokenDead),
            (Api::Ticket, 48001, Trouble::NoPermission),
            (Api::WecomToken, 40001, Trouble::Misconfigured),
            (Api::WecomToken, 40013, Trouble::Misconfigured),
            (Api::WecomToken, 45009, Trouble::Busy),
            (Api::WecomUser, 40029, Trouble::CodeRefused),
            (Api::WecomUser, 40001, Trouble::TokenDead),
            (Api::WecomUser, 40014, Trouble::TokenDead),
            (Api::WecomUser, 42001, Trouble::TokenDead),
            (Api::WecomUser, 50001, Trouble::Misconfigured),
            (Api::WecomUser, 60020, Trouble::Misconfigured),
            (Api::WecomDetail, 40029, Trouble::Unknown),
            (Api::WecomAgentTicket, 42001, Trouble::TokenDead),
        ] {
            assert_eq!(Trouble::of(api, errcode), expected, "{api:?} {errcode}");
        }
    }

    #[test]
    fn the_address_to_whitelist_is_taken_out_of_wechats_words() {
        let said = |errcode, errmsg| Error::refused_because(Api::StableToken, errcode, errmsg);
        for (errmsg, expected) in [
            ("invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 66d19aa4-3f927127", "203.0.113.7"),
            ("invalid ip 2001:db8::7, not in whitelist", "2001:db8::7"),
        ] {
            assert_eq!(said(40164, errmsg).ip, expected.parse().ok(), "{errmsg}");
        }
        for errmsg in ["", "invalid ip 203.0.113.777, not in whitelist", "invalid ip <b>203.0.113.7</b>", "rid: 66d1"] {
            assert_eq!(said(40164, errmsg).ip, None, "{errmsg}");
        }
        assert_eq!(said(40013, "invalid appid 203.0.113.7").ip, None, "only where it is about the address");
        let text = said(40164, "invalid ip 203.0.113.7 secret").to_string();
        assert_eq!(text, "/cgi-bin/stable_token: Misconfigured, errcode 40164, called from 203.0.113.7");
    }

    #[test]
    fn an_error_reads_as_one_line_without_a_url() {
        assert_eq!(
            Error::refused(Api::UserToken, 40029).to_string(),
            "/sns/oauth2/access_token: CodeRefused, errcode 40029"
        );
        assert_eq!(Error::nonsense(Api::Profile, "not JSON").to_string(), "/sns/userinfo: Nonsense, not JSON");
    }
}
