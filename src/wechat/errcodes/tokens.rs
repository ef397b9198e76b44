//! Tokens that are invalid or expired: the gate gets new ones.

use super::menus::REPORT;
use super::{Explained, Text};

/// A user token that has died.
const USER_TOKEN: Text = Text {
    zh: "登录之后只有 /_wechat/me?fresh=1 用到用户令牌：先刷新一次；刷新不了就返回已知的资料并标明 \"stale\": true。\
        会话不受影响。",
    en: "After sign-in only /_wechat/me?fresh=1 uses a user token: it is refreshed once; where that fails the answer \
        is what is known, with \"stale\": true. The session is not touched.",
};

/// What mends itself.
const NEXT_SIGN_IN: Text = Text {
    zh: "不用处理；访客下次登录会得到新的。",
    en: "Nothing; the visitor's next sign-in brings a new one.",
};

pub(super) const ROWS: &[Explained] = &[
    Explained {
        errcode: 40014,
        meaning: Text { zh: "access_token 无效。", en: "The access_token is invalid." },
        cure: Text {
            zh: "不用处理；频繁出现时，查一查有没有别的程序用同一个 AppSecret 取令牌。",
            en: "Nothing; if it comes often, look for another program that fetches tokens with the same AppSecret.",
        },
        menu: None,
        gate: Text {
            zh: "平台令牌：只作废出错的那个，重取一次，重试一次。用户令牌：刷新一次。",
            en: "The platform's token: it forgets that very one, fetches once, tries once more. A user's token is \
                refreshed once.",
        },
    },
    Explained {
        errcode: 42001,
        meaning: Text { zh: "access_token 已过期。", en: "The access_token has expired." },
        cure: Text {
            zh: "不用处理；频繁出现时，检查服务器时钟。",
            en: "Nothing; if it comes often, look at the server's clock.",
        },
        menu: None,
        gate: Text {
            zh: "平台令牌：只作废出错的那个，重取一次，重试一次；平时会提前续期。用户令牌：刷新一次。",
            en: "The platform's token: it forgets that very one, fetches once, tries once more; usually it is \
                renewed ahead of time. A user's token is refreshed once.",
        },
    },
    Explained {
        errcode: 42002,
        meaning: Text { zh: "refresh_token 已过期（30 天）。", en: "The refresh_token has expired (30 days)." },
        cure: NEXT_SIGN_IN,
        menu: None,
        gate: USER_TOKEN,
    },
    Explained {
        errcode: 40030,
        meaning: Text { zh: "refresh_token 无效。", en: "The refresh_token is invalid." },
        cure: NEXT_SIGN_IN,
        menu: None,
        gate: USER_TOKEN,
    },
    Explained {
        errcode: 42007,
        meaning: Text {
            zh: "用户修改了微信密码，access_token 和 refresh_token 都已失效。",
            en: "The user changed the WeChat password, and so both tokens have ended.",
        },
        cure: NEXT_SIGN_IN,
        menu: None,
        gate: USER_TOKEN,
    },
    Explained {
        errcode: 40003,
        meaning: Text {
            zh: "openid 无效，或不属于这个令牌、这个公众号。",
            en: "The openid is invalid, or belongs to another token or another account.",
        },
        cure: Text {
            zh: "不用处理；换过公众号的话，旧 openid 不再可用。",
            en: "Nothing; after a change of the account its old openids are void.",
        },
        menu: None,
        gate: USER_TOKEN,
    },
    Explained {
        errcode: 41001,
        meaning: Text { zh: "缺少 access_token。", en: "The access_token is missing." },
        cure: REPORT,
        menu: None,
        gate: USER_TOKEN,
    },
    Explained {
        errcode: 41003,
        meaning: Text { zh: "缺少 refresh_token。", en: "The refresh_token is missing." },
        cure: REPORT,
        menu: None,
        gate: USER_TOKEN,
    },
    Explained {
        errcode: 41009,
        meaning: Text { zh: "缺少 openid。", en: "The openid is missing." },
        cure: REPORT,
        menu: None,
        gate: USER_TOKEN,
    },
];
