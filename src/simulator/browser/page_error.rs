//! The errors open.weixin.qq.com shows to the visitor, and never tells the site.

/// A page in place of a redirect: HTTP 200, with exactly this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) struct PageError {
    /// The number on the page, where WeChat has one.
    pub(in crate::simulator) code: Option<u16>,
    pub(in crate::simulator) text: &'static str,
    /// What a developer should look at; the simulator's own words.
    pub(in crate::simulator) hint: &'static str,
}

const fn numbered(code: u16, text: &'static str, hint: &'static str) -> PageError {
    PageError { code: Some(code), text, hint }
}

const fn plain(text: &'static str, hint: &'static str) -> PageError {
    PageError { code: None, text, hint }
}

pub(super) const UNREACHABLE: PageError = plain(
    "该链接无法访问",
    "The link must read appid, redirect_uri, response_type=code, scope, state, in this order and with nothing else.",
);
pub(super) const NO_FRAGMENT: PageError = plain("该链接无法访问", "The link does not end with #wechat_redirect.");
pub(super) const NOT_IN_WECHAT: PageError =
    plain("请在微信客户端打开链接", "The user agent does not say MicroMessenger.");
pub(super) const UNKNOWN_APP_ID: PageError = plain("AppID 参数错误", "The simulator has no account with this appid.");
pub(super) const UNKNOWN_SCOPE: PageError =
    plain("Scope 参数错误或没有 Scope 权限", "The scope is neither snsapi_base nor snsapi_userinfo.");
pub(super) const STATE_TOO_LONG: PageError = plain("state参数过长", "At most 128 bytes.");
pub(super) const STATE_CHARACTERS: PageError = plain("state参数错误", "Letters and digits only: strict_state is on.");

pub(super) const WRONG_HOST: PageError = numbered(
    10003,
    "redirect_uri域名与后台配置不一致",
    "The host must be exactly one of the account's redirect_hosts, without a port; only a test account may have an IP address or a port.",
);
pub(super) const BANNED: PageError = numbered(10004, "此公众号被封禁", "The account is banned.");
pub(super) const NO_SCOPE: PageError =
    numbered(10005, "此公众号并没有这些scope的权限", "The account may not ask for this scope.");
pub(super) const NOT_FOLLOWING: PageError =
    numbered(10006, "必须关注此测试号", "A test account serves its followers only, and this user is none.");
pub(super) const TOO_OFTEN: PageError =
    numbered(10009, "操作太频繁了，请稍后重试", "One user was sent here too often: see sign_ins_per_minute.");
pub(super) const NO_SCOPE_GIVEN: PageError = numbered(10010, "scope不能为空", "The scope is empty.");
pub(super) const NO_REDIRECT_URI: PageError = numbered(10011, "redirect_uri不能为空", "The redirect_uri is empty.");
pub(super) const NO_APP_ID: PageError = numbered(10012, "appid不能为空", "The appid is empty.");
pub(super) const NO_STATE: PageError = numbered(10013, "state不能为空", "The state is empty.");
pub(super) const NO_PLATFORM: PageError =
    numbered(10015, "公众号未授权第三方平台，请检查授权状态", "The account has authorized no third-party platform.");
pub(super) const WEBSITE_APP: PageError = numbered(
    10016,
    "不支持微信开放平台的Appid，请使用公众号Appid",
    "This is a website app: it belongs to /connect/qrconnect.",
);

// qrconnect says the same of everything that does not fit the website app.
pub(super) const NO_WEBSITE_APP: PageError =
    plain("该链接无法访问", "This is no website app: it belongs to /connect/oauth2/authorize.");
pub(super) const WEBSITE_BANNED: PageError = plain("该链接无法访问", "The website app is banned.");
pub(super) const WEBSITE_SCOPE: PageError = plain("该链接无法访问", "The only scope of a website app is snsapi_login.");
pub(super) const WEBSITE_HOST: PageError = plain(
    "该链接无法访问",
    "The host must be exactly one of the app's redirect_hosts, without a port; 127.0.0.1, [::1] and localhost may have one.",
);

// WeCom's pages. Where its own words are not known, these are the simulator's.
pub(super) const NOT_IN_WECOM: PageError =
    plain("请在企业微信客户端打开链接", "The user agent says neither wxwork nor MicroMessenger.");
pub(super) const UNKNOWN_AGENT: PageError =
    plain("agentid 参数错误", "The simulator has no application with this agentid at this corporation.");
pub(super) const CORP_SCOPE: PageError = plain(
    "Scope 参数错误或没有 Scope 权限",
    "The scope is neither snsapi_base nor snsapi_privateinfo, or not the application's.",
);
pub(super) const UNTRUSTED_HOST: PageError = numbered(
    50001,
    "redirect_uri域名与后台配置不一致",
    "The host must be exactly one of the application's redirect_hosts, with its port where there is one.",
);
pub(super) const LOGIN_TYPE: PageError =
    plain("login_type 参数错误", "The simulator knows login_type=CorpApp: no service provider lives here.");
pub(super) const UNKNOWN_CORP: PageError = plain("appid 参数错误", "The simulator has no corporation with this appid.");
pub(super) const SSO_HOST: PageError = plain(
    "redirect_uri与配置的授权完成回调域名不一致",
    "The host must be exactly one of the application's redirect_hosts, with its port where there is one.",
);
