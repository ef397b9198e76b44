//! What the simulated world holds when it starts: accounts, users, and how strictly WeChat's rules are kept.

use serde::{Deserialize, Serialize};

use super::cast;

/// The id of the official account in [`Settings::default`].
pub const APP_ID: &str = "wx51a71a70fa4e0001";
/// Its secret. It guards nothing.
pub const APP_SECRET: &str = "51a71a70fa4e00015ec4e75ec4e75ec4";
/// The id of the website app in [`Settings::default`].
pub const WEBSITE_APP_ID: &str = "wx51a71a70fa4e0002";
/// Its secret. It guards nothing.
pub const WEBSITE_APP_SECRET: &str = "51a71a70fa4e00025ec4e75ec4e75ec4";

/// The id of the corporation in [`Settings::default`].
pub const CORP_ID: &str = "ww51a71a70fa4e0003";
/// The id of its application.
pub const AGENT_ID: &str = "1000002";
/// The application's secret. It guards nothing.
pub const CORP_SECRET: &str = "51a71a70fa4e00035ec4e75ec4e75ec4-51a71a70fa";

/// The simulated world. [`Settings::default`] has a test account, a website app, a WeCom application, and a handful of
/// users.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The accounts that may send visitors here.
    pub accounts: Vec<Account>,
    /// The people a visitor can be.
    pub users: Vec<User>,
    /// Makes codes, tokens and virtual ids the same in every run. None: different each time.
    pub seed: Option<u64>,
    /// Only a user agent with `MicroMessenger` passes (rule 3).
    pub require_wechat: bool,
    /// Parameters may come in any order, as WeChat's phone clients have been seen to tolerate (rule 1).
    pub lenient: bool,
    /// A `state` with characters outside `[a-zA-Z0-9]` is refused (rule 5).
    pub strict_state: bool,
    /// The browser keeps who it is in a cookie, so that the picker comes up once only.
    pub remember: bool,
    /// What the button 拒绝 does (rule 6).
    pub refusal: Refusal,
    /// What 取消 does on a phone that has scanned a QR code: nothing in WeChat's new manner, [`Refusal::NoCode`] in its old.
    pub qr_refusal: Refusal,
    /// When a visitor is a snapshot page's virtual user (rule 9).
    pub snapshot: Snapshot,
    /// How often a minute one user may be sent to one account before error 10009 (rule 4). None: as often as one likes.
    pub sign_ins_per_minute: Option<u32>,
    /// How browsers reach the simulator, `http://host:port`; avatars point there. None: the address it listens on.
    pub base_url: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            accounts: vec![Account::default(), Account::website_app(), Account::wecom()],
            users: cast::users(),
            seed: None,
            require_wechat: true,
            lenient: false,
            strict_state: false,
            remember: false,
            refusal: Refusal::NoCode,
            qr_refusal: Refusal::Stay,
            snapshot: Snapshot::Off,
            sign_ins_per_minute: Some(600),
            base_url: None,
        }
    }
}

/// One account of the simulated WeChat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// `wx` and 16 hex digits; of a WeCom application its corporation's id, `ww` and 16 hex digits.
    pub app_id: String,
    /// 32 hex digits; of a WeCom application 43 letters, digits, `-` or `_`.
    pub app_secret: String,
    /// Which of its corporation's applications this is. None at all other kinds.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// What the consent dialog calls it.
    pub name: String,
    /// What kind of account it is.
    pub kind: AccountKind,
    /// 网页授权域名: hosts visitors may be sent back to. A test account may list IP addresses and `host:port`; an entry of
    /// a test account without a port stands for every port. So does, at a website app and in WeCom, an entry for this
    /// machine: `127.0.0.1`, `[::1]` or `localhost`, which WeChat would not let anybody list. In WeCom (可信域名) an entry
    /// may be `host:port`.
    pub redirect_hosts: Vec<String>,
    /// JS接口安全域名: hosts whose pages may use the JS-SDK. As with `redirect_hosts`, only a test account may list IP
    /// addresses and ports; the pages of the others are on port 80 or 443.
    #[serde(default)]
    pub js_hosts: Vec<String>,
    /// The scopes it may ask for.
    pub scopes: Vec<Scope>,
    /// The Open Platform account it is bound to. None: no unionid.
    #[serde(default)]
    pub open_platform: Option<String>,
    /// 封禁: every authorization ends in page error 10004.
    #[serde(default)]
    pub banned: bool,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            app_id: APP_ID.to_owned(),
            app_secret: APP_SECRET.to_owned(),
            agent_id: None,
            name: "小程咖啡 Sim Café".to_owned(),
            kind: AccountKind::TestAccount,
            redirect_hosts: ["127.0.0.1", "localhost", "[::1]"].map(str::to_owned).to_vec(),
            js_hosts: ["127.0.0.1", "localhost", "[::1]"].map(str::to_owned).to_vec(),
            scopes: vec![Scope::Base, Scope::Userinfo],
            open_platform: Some("sim-open-platform".to_owned()),
            banned: false,
        }
    }
}

impl Account {
    /// The website app of [`Settings::default`], of the same Open Platform account as the official account.
    #[must_use]
    pub fn website_app() -> Self {
        Self {
            app_id: WEBSITE_APP_ID.to_owned(),
            app_secret: WEBSITE_APP_SECRET.to_owned(),
            name: "小程咖啡网页版 Sim Café Web".to_owned(),
            kind: AccountKind::WebsiteApp,
            js_hosts: Vec::new(),
            scopes: vec![Scope::Login],
            ..Self::default()
        }
    }

    /// The WeCom application of [`Settings::default`].
    #[must_use]
    pub fn wecom() -> Self {
        Self {
            app_id: CORP_ID.to_owned(),
            app_secret: CORP_SECRET.to_owned(),
            agent_id: Some(AGENT_ID.to_owned()),
            name: "小程咖啡员工 Sim Café Staff".to_owned(),
            kind: AccountKind::WeCom,
            scopes: vec![Scope::Base, Scope::PrivateInfo],
            open_platform: None,
            ..Self::default()
        }
    }

    /// What tells it from all others: a corporation has many applications, and each its own secret and tokens.
    pub(super) fn key(&self) -> String {
        match &self.agent_id {
            Some(agent_id) => format!("{}/{agent_id}", self.app_id),
            None => self.app_id.clone(),
        }
    }

    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match (self.kind, &self.agent_id) {
            (AccountKind::WeCom, None) => Some("agent_id: a WeCom application has one"),
            (AccountKind::WeCom, Some(_)) | (_, None) => None,
            (_, Some(_)) => Some("agent_id: only a WeCom application has one"),
        }
    }
}

/// The kinds of account that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// 已认证服务号.
    OfficialAccount,
    /// 测试号: may be sent to IP addresses and ports, serves its followers only.
    TestAccount,
    /// 网站应用 of the Open Platform: not for pages inside WeChat.
    WebsiteApp,
    /// An application of a corporation in 企业微信.
    #[serde(rename = "wecom")]
    WeCom,
}

/// What a site may ask of a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// The openid, silently.
    #[serde(rename = "snsapi_base")]
    Base,
    /// The profile, with consent.
    #[serde(rename = "snsapi_userinfo")]
    Userinfo,
    /// The profile, by scanning a QR code: a website app's only scope.
    #[serde(rename = "snsapi_login")]
    Login,
    /// A member's picture, telephone and the like, with consent: WeCom's only.
    #[serde(rename = "snsapi_privateinfo")]
    PrivateInfo,
}

impl Scope {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Base => "snsapi_base",
            Self::Userinfo => "snsapi_userinfo",
            Self::Login => "snsapi_login",
            Self::PrivateInfo => "snsapi_privateinfo",
        }
    }

    /// Whether it opens the profile at `sns/userinfo`.
    pub(super) const fn has_profile(self) -> bool {
        matches!(self, Self::Userinfo | Self::Login)
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Base, Self::Userinfo, Self::Login, Self::PrivateInfo].into_iter().find(|scope| scope.name() == name)
    }
}

/// A person with a WeChat account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// A short name for tests and the picker: letters, digits, `-`, `_`.
    pub id: String,
    /// As WeChat would send it: meant to be UTF-8, and not always that.
    pub nickname: Vec<u8>,
    /// The hue, in degrees, of the face that is drawn. None: a user who never set a picture.
    pub avatar: Option<u16>,
    /// How the user stands to the accounts.
    pub following: Following,
    /// How the user stands to the corporations.
    pub belonging: Belonging,
}

/// How a user stands to the corporations in WeCom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belonging {
    /// Known to none: has an openid there.
    Outsider,
    /// A customer of them all: has an openid and an `external_userid`.
    Customer,
    /// Works there.
    Member {
        /// The same at each: letters, digits, `-`, `_`, `.`, `@`.
        userid: String,
    },
}

impl Belonging {
    /// A member's userid.
    pub(super) fn userid(&self) -> Option<&str> {
        match self {
            Self::Member { userid } => Some(userid),
            Self::Outsider | Self::Customer => None,
        }
    }
}

/// How a user stands to the accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Following {
    /// Follows none: a test account answers 10006.
    No,
    /// Follows them, and comes by links like everybody.
    Yes,
    /// Follows them, and comes through the account's menu: even the profile is given silently.
    FromMenu,
}

/// What a visitor's refusal looks like to the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Sent back with `state` alone, as documented.
    NoCode,
    /// Sent back with `code=authdeny`, as some clients do.
    Authdeny,
    /// Not sent back at all.
    Stay,
}

/// When a visitor who gives a profile is a snapshot page's virtual user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Snapshot {
    /// Only when the link says `forceSnapShot=true`.
    Off,
    /// The first time each user is sent to an account; the second time they have tapped 使用完整服务.
    First,
    /// Every time.
    Always,
}
