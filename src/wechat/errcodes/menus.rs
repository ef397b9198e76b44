//! Where an operator goes: the menus of WeChat's consoles; and two texts that several files of the table share.
//!
//! Secrets and whitelists moved from the old console to the developer platform in December 2025
//! (<https://developers.weixin.qq.com/doc/oplatform/developers/dev/api>,
//! <https://developers.weixin.qq.com/doc/oplatform/developers/basic_func/ip_whitelist>). Domains stayed.

use super::Text;

pub(super) const SECRET: Text = Text {
    zh: "微信开发者平台（developers.weixin.qq.com）→ 我的业务 → 服务号 → 基础信息 → 开发密钥",
    en: "WeChat developer platform (developers.weixin.qq.com) → My business (我的业务) → Service account (服务号) → \
         Basic information (基础信息) → Developer secret (开发密钥)",
};

pub(super) const IP_WHITELIST: Text = Text {
    zh: "微信开发者平台（developers.weixin.qq.com）→ 我的业务 → 服务号 → 基础信息 → 开发信息 → API IP白名单\
         （旧后台：公众平台 → 设置与开发 → 开发接口管理 → 基本配置 → IP白名单）",
    en: "WeChat developer platform (developers.weixin.qq.com) → My business (我的业务) → Service account (服务号) → \
         Basic information (基础信息) → Development (开发信息) → API IP whitelist (API IP白名单); in the old console: \
         mp.weixin.qq.com → 设置与开发 → 开发接口管理 → 基本配置 → IP白名单",
};

pub(super) const WEB_DOMAIN: Text = Text {
    zh: "公众平台（mp.weixin.qq.com）→ 设置与开发 → 账号设置 → 功能设置 → 网页授权域名",
    en: "WeChat console (mp.weixin.qq.com) → Settings and development (设置与开发) → Account settings (账号设置) → \
         Function settings (功能设置) → Web authorization domain (网页授权域名)",
};

pub(super) const PERMISSIONS: Text = Text {
    zh: "公众平台（mp.weixin.qq.com）→ 设置与开发 → 接口权限",
    en: "WeChat console (mp.weixin.qq.com) → Settings and development (设置与开发) → API permissions (接口权限)",
};

pub(super) const NOTICES: Text = Text {
    zh: "公众平台（mp.weixin.qq.com）→ 通知中心",
    en: "WeChat console (mp.weixin.qq.com) → Notices (通知中心)",
};

pub(super) const ADMINISTRATOR: Text = Text {
    zh: "账号管理员的微信：确认通知（管理员是谁：公众平台 → 设置与开发 → 人员设置）",
    en: "the administrator's own WeChat: the request for confirmation (who that is: mp.weixin.qq.com → 设置与开发 → \
         人员设置)",
};

pub(super) const TEST_ACCOUNT: Text = Text {
    zh: "公众平台测试号（mp.weixin.qq.com/debug/cgi-bin/sandbox?t=sandbox/login）→ 测试号二维码",
    en: "WeChat's test account page (mp.weixin.qq.com/debug/cgi-bin/sandbox?t=sandbox/login) → QR code (测试号二维码)",
};

pub(super) const AUTHORIZED_PLATFORMS: Text = Text {
    zh: "公众平台（mp.weixin.qq.com）→ 设置与开发 → 账号设置 → 授权管理",
    en: "WeChat console (mp.weixin.qq.com) → Settings and development (设置与开发) → Account settings (账号设置) → \
         Authorizations (授权管理)",
};

pub(super) const THIRD_PARTY: Text = Text {
    zh: "微信开放平台（open.weixin.qq.com）→ 管理中心 → 第三方平台 → 详情",
    en: "WeChat Open Platform (open.weixin.qq.com) → Console (管理中心) → Third-party platform (第三方平台) → \
        Details (详情)",
};

pub(super) const WECOM_IP: Text = Text {
    zh: "企业微信管理后台（work.weixin.qq.com）→ 应用管理 → 该应用 → 企业可信IP",
    en: "WeCom console (work.weixin.qq.com) → Apps (应用管理) → the app → Trusted IPs (企业可信IP)",
};

pub(super) const WECOM_DOMAIN: Text = Text {
    zh: "企业微信管理后台（work.weixin.qq.com）→ 应用管理 → 该应用 → 网页授权及JS-SDK → 可信域名",
    en: "WeCom console (work.weixin.qq.com) → Apps (应用管理) → the app → Web authorization and JS-SDK (网页授权\
        及JS-SDK) \
         → Trusted domain (可信域名)",
};

/// A mistake that only the gate itself can make.
pub(super) const REPORT: Text = Text {
    zh: "这是 wxgate 自身的错误，或有程序改写了发往微信的请求（见 endpoints）。没有中转的话，请报告此问题。",
    en: "Either wxgate is at fault, or something rewrites its requests to WeChat (see endpoints). Without such a \
        relay, \
         please report it.",
};

/// What the gate does while WeChat refuses the account.
pub(super) const STOP: Text = Text {
    zh: "登录：给访客看“暂时无法登录”页（wechat-misconfigured，503）。令牌与 ticket：手头的在有效期内照常使用，每分钟\
        只重试一次，问题解决后自行恢复。开始与恢复各记一行日志，/readyz 报未就绪。",
    en: "Sign-in: visitors see the page “Signing in is not possible now” (wechat-misconfigured, 503). Tokens and \
        tickets: those at hand are used while they are valid, and WeChat is asked again once a minute only, so that \
        it heals by itself. One line in the log when it begins and one when it is over; /readyz says not ready.",
};
