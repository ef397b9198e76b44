//! Errors that WeChat shows on its own authorize page: the gate never hears of them.

use super::accounts::APPEAL;
use super::menus::{AUTHORIZED_PLATFORMS, NOTICES, PERMISSIONS, SECRET, TEST_ACCOUNT, WEB_DOMAIN};
use super::{Explained, Text};

/// WeChat shows these instead of coming back.
const UNSEEN: Text = Text {
    zh: "无法处理：微信直接显示给访客，不会回到网站，日志里也不会有。",
    en: "Nothing: WeChat shows it to the visitor instead of coming back, and no log has it.",
};

/// Parameters that the gate always writes.
const WRITTEN: Text = Text {
    zh: "不会发生：wxgate 发出的授权地址总带齐参数，顺序固定。请看是谁写的这个地址。",
    en: "Does not happen with it: the authorize URL it writes always has all parameters, in WeChat's order. See who \
        wrote this one.",
};

/// A link that this gate never writes.
const BY_HAND: Text = Text {
    zh: "检查自己拼的授权链接；用 /_wechat/login 开始登录即可。",
    en: "Look at authorize links made by hand; /_wechat/login starts a sign-in properly.",
};

pub(super) const ROWS: &[Explained] = &[
    Explained {
        errcode: 10003,
        meaning: Text {
            zh: "redirect_uri 的域名与后台配置不一致。",
            en: "The host of redirect_uri is not the one that was registered.",
        },
        cure: Text {
            zh: "网页授权域名要与 public_url 的主机名逐字相同，不带端口、路径和 https://；刚改过的话等几分钟。",
            en: "The web authorization domain must be the host of public_url, letter by letter, without port, path \
                or https://; after a change wait some minutes.",
        },
        menu: Some(WEB_DOMAIN),
        gate: UNSEEN,
    },
    Explained {
        errcode: 10004,
        meaning: Text { zh: "此公众号被封禁。", en: "The account is banned." },
        cure: APPEAL,
        menu: Some(NOTICES),
        gate: UNSEEN,
    },
    Explained {
        errcode: 10005,
        meaning: Text {
            zh: "此公众号没有这些 scope 的权限。", en: "The account may not ask for these scopes."
        },
        cure: Text {
            zh: "需要已认证的服务号；订阅号、未认证的账号和小程序都不行。",
            en: "It takes a verified service account; subscription accounts, unverified ones and mini programs will \
                not do.",
        },
        menu: Some(PERMISSIONS),
        gate: UNSEEN,
    },
    Explained {
        errcode: 10006,
        meaning: Text { zh: "必须关注此测试号。", en: "The test account signs in its followers only." },
        cure: Text {
            zh: "用要登录的微信扫码关注测试号（最多 100 人）。",
            en: "Follow the test account with the WeChat that is to sign in (at most 100 followers).",
        },
        menu: Some(TEST_ACCOUNT),
        gate: UNSEEN,
    },
    Explained {
        errcode: 10009,
        meaning: Text { zh: "操作太频繁了，请稍后重试。", en: "Too often; try again later." },
        cure: Text {
            zh: "等一会儿再打开。反复出现：看看网站是否在不停地跳去登录（login-loop）。",
            en: "Wait a little. If it comes again and again: see whether the site keeps sending visitors to sign in \
                (login-loop).",
        },
        menu: None,
        gate: UNSEEN,
    },
    Explained {
        errcode: 10010,
        meaning: Text { zh: "scope 不能为空。", en: "The scope is empty." },
        cure: BY_HAND,
        menu: None,
        gate: WRITTEN,
    },
    Explained {
        errcode: 10011,
        meaning: Text { zh: "redirect_uri 不能为空。", en: "The redirect_uri is empty." },
        cure: BY_HAND,
        menu: None,
        gate: WRITTEN,
    },
    Explained {
        errcode: 10012,
        meaning: Text { zh: "appid 不能为空。", en: "The appid is empty." },
        cure: BY_HAND,
        menu: None,
        gate: WRITTEN,
    },
    Explained {
        errcode: 10013,
        meaning: Text { zh: "state 不能为空。", en: "The state is empty." },
        cure: BY_HAND,
        menu: None,
        gate: WRITTEN,
    },
    Explained {
        errcode: 10015,
        meaning: Text {
            zh: "公众号未授权第三方平台。",
            en: "The account has not authorized the third-party platform.",
        },
        cure: Text {
            zh: "wxgate 不经第三方平台登录；检查这个授权链接是谁写的，或在公众号后台查看授权。",
            en: "wxgate does not sign in through a third-party platform; see who wrote this link, or look at the \
                account's authorizations.",
        },
        menu: Some(AUTHORIZED_PLATFORMS),
        gate: UNSEEN,
    },
    Explained {
        errcode: 10016,
        meaning: Text {
            zh: "不支持微信开放平台的 AppID，请使用公众号的 AppID。",
            en: "This is an AppID of the Open Platform; an official account's is needed.",
        },
        cure: Text {
            zh: "official_account.app_id 要填服务号的 AppID，不是网站应用的。",
            en: "official_account.app_id must be the service account's AppID, not a website app's.",
        },
        menu: Some(SECRET),
        gate: UNSEEN,
    },
];
