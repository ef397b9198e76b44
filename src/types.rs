//! The words of the domain as types: each is checked once, at construction, and trusted after.

use std::fmt;

/// Why a text is not the thing it claims to be. Carries no part of the text: it may be hostile or secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct Invalid(pub &'static str);

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $length:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks the whole text against its alphabet and length.
            ///
            /// # Errors
            /// [`Invalid`] when a byte or the length is out of bounds.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                let allowed: fn(u8) -> bool = $allowed;
                if $length.contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(text.into()))
                } else {
                    Err(Invalid($what))
                }
            }

            /// The checked text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        // Ids of people are personal data (R28): a log shows that there is one, not which.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let shown: String = self.0.chars().take(6).collect();
                write!(f, concat!(stringify!($name), "({}…)"), shown)
            }
        }
    };
}

const fn id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

checked_text!(
    /// An account's id: `wx` and 16 hex digits for official accounts and website apps, `ww…` for a WeCom corporation.
    AppId, "appid", (4..=32), |byte| byte.is_ascii_alphanumeric()
);
checked_text!(
    /// An application of a WeCom corporation.
    AgentId, "agentid", (1..=16), |byte| byte.is_ascii_digit()
);
checked_text!(
    /// A user of one account. 28 characters starting with `o` in practice; documented only as opaque.
    OpenId, "openid", (8..=64), id_byte
);
checked_text!(
    /// A user across the accounts bound to one Open Platform account.
    UnionId, "unionid", (8..=64), id_byte
);
checked_text!(
    /// A member of a WeCom corporation; `CorpId/userid` for linked corporations.
    UserId, "userid", (1..=128), |byte| id_byte(byte) || matches!(byte, b'.' | b'@' | b'/')
);

/// The stable id of one sign-in. Not a credential: knowing it opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

impl SessionId {
    /// What [`SessionId::to_hex`] wrote.
    ///
    /// # Errors
    /// [`Invalid`] for anything but 32 hex digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let decoded = data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
        decoded.and_then(|id| id.try_into().ok()).map(Self).ok_or(Invalid("session id"))
    }

    /// 32 characters of `[0-9a-f]`.
    #[must_use]
    pub fn to_hex(self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({}…)", data_encoding::HEXLOWER.encode(&self.0[..3]))
    }
}

/// Which of the operator's WeChat accounts a visitor came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account {
    OfficialAccount,
    WebsiteApp,
    WeCom,
}

impl Account {
    /// By their bytes.
    pub const ALL: [Self; 3] = [Self::OfficialAccount, Self::WebsiteApp, Self::WeCom];

    /// The word of `X-Wechat-Account`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OfficialAccount => "official_account",
            Self::WebsiteApp => "website_app",
            Self::WeCom => "wecom",
        }
    }

    /// Whether a visitor of this account who has shown `scope` has shown what a route may want. Only the official
    /// account asks in two steps: a website app has shown all it can, and a corporation's application asks for what its
    /// own section says.
    #[must_use]
    pub fn covers(self, scope: Scope, wanted: Scope) -> bool {
        match self {
            Self::OfficialAccount => scope >= wanted,
            Self::WebsiteApp | Self::WeCom => true,
        }
    }

    /// The byte that stands for this account in sealed records. Never reused: cookies outlive releases.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::OfficialAccount => 0,
            Self::WebsiteApp => 1,
            Self::WeCom => 2,
        }
    }

    /// What [`Account::to_byte`] wrote.
    #[must_use]
    pub const fn of_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::OfficialAccount),
            1 => Some(Self::WebsiteApp),
            2 => Some(Self::WeCom),
            _ => None,
        }
    }
}

/// Where a visitor stands who cannot sign in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outside {
    /// A desktop browser.
    Desktop,
    /// A phone's browser.
    Phone,
    /// The webview of WeCom (企业微信).
    WeCom,
    /// WeChat itself, on a site without an official account.
    WeChat,
}

/// Where a visitor who cannot sign in here can do so instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Instead {
    WeChat,
    WeCom,
    /// Any browser of a desktop, by a QR code.
    Desktop,
}

/// What a visitor was asked for. Ordered by how much it reveals within one account; see [`Account::covers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `snsapi_base`: silent, openid only.
    Base,
    /// `snsapi_userinfo`: consent dialog, profile.
    UserInfo,
    /// `snsapi_login`: QR code of a website app, profile.
    Login,
    /// `snsapi_privateinfo`: WeCom, with consent.
    PrivateInfo,
}

impl Scope {
    /// WeChat's own word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "snsapi_base",
            Self::UserInfo => "snsapi_userinfo",
            Self::Login => "snsapi_login",
            Self::PrivateInfo => "snsapi_privateinfo",
        }
    }

    /// The byte that stands for this scope in sealed records. Never reused: cookies outlive releases.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Base => 0,
            Self::UserInfo => 1,
            Self::Login => 2,
            Self::PrivateInfo => 3,
        }
    }

    /// What [`Scope::to_byte`] wrote.
    #[must_use]
    pub const fn of_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Base),
            1 => Some(Self::UserInfo),
            2 => Some(Self::Login),
            3 => Some(Self::PrivateInfo),
            _ => None,
        }
    }
}

/// Who a visitor is, as WeChat said it. Every text in here has been checked or cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub account: Account,
    pub appid: AppId,
    pub scope: Scope,
    /// Absent only for WeCom members.
    pub openid: Option<OpenId>,
    pub unionid: Option<UnionId>,
    /// WeCom members only.
    pub userid: Option<UserId>,
    pub nickname: Option<Nickname>,
    pub avatar: Option<AvatarUrl>,
    /// A virtual user of WeChat's snapshot page; never a real person.
    pub snapshot: bool,
}

/// What visitors call themselves: no control characters, never empty, at most [`Nickname::MAX_CHARS`] characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Nickname(Box<str>);

impl Nickname {
    /// WeChat allows 32; the rest is room for what it may allow tomorrow. A cookie must hold it.
    pub const MAX_CHARS: usize = 64;

    /// Drops control characters and what is too long; `None` when nothing is left.
    #[must_use]
    pub fn clean(text: &str) -> Option<Self> {
        let kept: String = text.chars().filter(|c| !c.is_control()).take(Self::MAX_CHARS).collect();
        (!kept.is_empty()).then(|| Self(kept.into()))
    }

    /// The cleaned text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Nickname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nickname(…)")
    }
}

/// Where a visitor's picture is: an absolute http(s) URL of printable ASCII.
#[derive(Clone, PartialEq, Eq)]
pub struct AvatarUrl(Box<str>);

impl AvatarUrl {
    /// Some 150 in practice; a cookie must hold it.
    pub const MAX_BYTES: usize = 512;

    /// `None` for an empty text (no avatar) and for anything that is not a plain URL.
    #[must_use]
    pub fn clean(text: &str) -> Option<Self> {
        let web = text.starts_with("https://") || text.starts_with("http://");
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        (web && plain && text.len() <= Self::MAX_BYTES).then(|| Self(text.into()))
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AvatarUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AvatarUrl(…)")
    }
}

/// What the rules need to know of somebody who is signed in.
pub trait Visitor {
    fn account(&self) -> Account;
    fn scope(&self) -> Scope;
    fn openid(&self) -> Option<&str>;
    fn unionid(&self) -> Option<&str>;
    fn userid(&self) -> Option<&str>;

    /// Whether they have shown what a route may want.
    fn covers(&self, wanted: Scope) -> bool {
        self.account().covers(self.scope(), wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r10_ids_are_matched_whole() {
        assert!(OpenId::parse("o6_bmjrPTlm6_2sgVt7hMZOPfL2M").is_ok());
        for bad in ["", "short", "o6_bmjrPTlm6 2sgVt7", "o6_bmjr\r\nX: 1", "o6_bmjrPTlm中", &"o".repeat(65)] {
            assert_eq!(OpenId::parse(bad), Err(Invalid("openid")), "{bad:?}");
        }
        assert!(UserId::parse("wwcorp/zhang.san@x").is_ok());
        assert!(UserId::parse("").is_err());
    }

    #[test]
    fn session_ids_are_32_hex_digits() {
        let id = SessionId(*b"0123456789abcdef");
        assert_eq!(SessionId::parse(&id.to_hex()), Ok(id));
        for bad in ["", "0", &"0".repeat(31), &"0".repeat(33), &"A".repeat(32), &"g".repeat(32), &"中".repeat(11)] {
            assert_eq!(SessionId::parse(bad), Err(Invalid("session id")), "{bad:?}");
        }
    }

    #[test]
    fn nicknames_lose_controls_and_nothing_else() {
        assert_eq!(Nickname::clean("a\u{7}\r\n😀中").map(|n| n.as_str().to_owned()).as_deref(), Some("a😀中"));
        assert_eq!(Nickname::clean("\u{0}\u{1f}\u{85}"), None);
        assert_eq!(Nickname::clean(&"长".repeat(900)).map(|n| n.as_str().chars().count()), Some(64));
    }

    #[test]
    fn avatars_are_plain_urls_or_absent() {
        assert!(AvatarUrl::clean("https://thirdwx.qlogo.cn/mmopen/vi_32/x/132").is_some());
        for bad in ["", "javascript:alert(1)", "https://a b", "https://a\r\nb", &format!("https://{}", "a".repeat(600))]
        {
            assert_eq!(AvatarUrl::clean(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn only_the_official_account_asks_in_two_steps() {
        for (account, scope, wanted, covered) in [
            (Account::OfficialAccount, Scope::UserInfo, Scope::Base, true),
            (Account::OfficialAccount, Scope::UserInfo, Scope::UserInfo, true),
            (Account::OfficialAccount, Scope::Base, Scope::UserInfo, false),
            (Account::WebsiteApp, Scope::Login, Scope::UserInfo, true),
            (Account::WeCom, Scope::Base, Scope::UserInfo, true),
            (Account::WeCom, Scope::PrivateInfo, Scope::UserInfo, true),
        ] {
            assert_eq!(account.covers(scope, wanted), covered, "{account:?} {scope:?} {wanted:?}");
        }
    }

    #[test]
    fn accounts_survive_a_record() {
        for account in Account::ALL {
            assert_eq!(Account::of_byte(account.to_byte()), Some(account));
        }
        assert_eq!(Account::of_byte(3), None);
    }
}
