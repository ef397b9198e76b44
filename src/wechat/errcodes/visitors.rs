//! What becomes of one visitor's sign-in: codes, consent, limits of a user.

use super::{Explained, Text};

/// A code that signs nobody in.
const AGAIN: Text = Text {
    zh: "回调时：已登录的访客直接去目标页；未登录的重新开始登录，同一浏览器每分钟最多 3 轮，之后显示“登录没有成\
        功”（login-loop）。同一个 code 绝不会第二次发给微信。",
    en: "At the callback: a visitor who is signed in goes on to the page they wanted; for anybody else sign-in \
        starts again, at most 3 rounds a minute per browser, then the page “Signing in did not work” (login-loop). A \
        code is never sent to WeChat twice.",
};

/// Somebody WeChat does not let in.
const DECLINED: Text = Text {
    zh: "显示“登录已取消”页（login-declined，403），附重试按钮；不会自己重试。",
    en: "Shows the page “Sign-in cancelled” (login-declined, 403) with a button to try again; never tries by itself.",
};

/// What is between the visitor and WeChat.
const IN_WECHAT: Text = Text {
    zh: "网站一侧无法处理，请访客在微信里检查账号状态。",
    en: "Nothing on your side; the visitor may look at the state of their account in WeChat.",
};

pub(super) const ROWS: &[Explained] = &[
    Explained {
        errcode: 40029,
        meaning: Text {
            zh: "code 无效：用过、过期、不完整，或属于别的 AppID。",
            en: "The code is invalid: used, expired, cut, or another AppID's.",
        },
        cure: Text {
            zh: "偶尔出现不用处理（后退、刷新、转发回调链接）。每次都出现：检查是否有别的程序也在用这个 code，AppID \
                与 AppSecret 是否属于同一个公众号。",
            en: "Now and then: nothing (back button, refresh, a shared callback link). Every time: look for another \
                program that spends the codes, and whether AppID and AppSecret belong to one account.",
        },
        menu: None,
        gate: AGAIN,
    },
    Explained {
        errcode: 40163,
        meaning: Text { zh: "code 已被使用。", en: "The code has been used." },
        cure: Text {
            zh: "偶尔出现不用处理（微信会重复请求回调）。每次都出现：检查是否有别的程序也在用这个 code。",
            en: "Now and then: nothing (WeChat does call back twice). Every time: look for another program that \
                spends the codes.",
        },
        menu: None,
        gate: AGAIN,
    },
    Explained {
        errcode: 42003,
        meaning: Text { zh: "code 已超时（5 分钟）。", en: "The code is too old (5 minutes)." },
        cure: Text {
            zh: "偶尔出现不用处理。每次都出现：检查 wxgate 到微信的网络是否很慢。",
            en: "Now and then: nothing. Every time: see whether the way from wxgate to WeChat is very slow.",
        },
        menu: None,
        gate: AGAIN,
    },
    Explained {
        errcode: 41008,
        meaning: Text { zh: "缺少 code。", en: "The code is missing." },
        cure: Text {
            zh: "不用处理：多半是访客拒绝了授权，或收藏、转发了没有 code 的回调地址。",
            en: "Nothing: most likely a visitor declined, or kept a callback address without its code.",
        },
        menu: None,
        gate: Text {
            zh: "没有 code 的回调不会发给微信：显示“登录已取消”页（login-declined，403）。微信仍回此码时，同 40029。",
            en: "A callback without a code is not brought to WeChat: it gets the page “Sign-in cancelled” \
                (login-declined, 403). Should WeChat say so all the same: as for 40029.",
        },
    },
    Explained {
        errcode: 40226,
        meaning: Text {
            zh: "高风险用户，微信拒绝其登录。", en: "A user of high risk, whom WeChat does not let in."
        },
        cure: IN_WECHAT,
        menu: None,
        gate: DECLINED,
    },
    Explained {
        errcode: 50002,
        meaning: Text {
            zh: "用户受限，可能是违规后被限制。",
            en: "The user is limited, perhaps for breaking WeChat's rules.",
        },
        cure: IN_WECHAT,
        menu: None,
        gate: DECLINED,
    },
];
