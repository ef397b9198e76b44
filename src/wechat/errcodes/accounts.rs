//! The account is punished, limited or of the wrong kind.

use super::menus::{AUTHORIZED_PLATFORMS, NOTICES, PERMISSIONS, STOP, THIRD_PARTY};
use super::{Explained, Text};

/// What is between the operator and WeChat.
pub(super) const APPEAL: Text = Text {
    zh: "查看通知中的原因，申诉或整改。",
    en: "Read the reason among the notices; appeal or comply.",
};

pub(super) const ROWS: &[Explained] = &[
    Explained {
        errcode: 48001,
        meaning: Text {
            zh: "没有这个接口的权限：用 snsapi_base 的令牌取资料，或账号未认证、类型不对。",
            en: "No permission for this API: a snsapi_base token asked for a profile, or the account is not verified \
                or of the wrong kind.",
        },
        cure: Text {
            zh: "确认是已认证的服务号，且有“网页授权获取用户基本信息”权限。",
            en: "Make sure that it is a verified service account with the permission for web authorization (网页授权\
                获取用户基本信息).",
        },
        menu: Some(PERMISSIONS),
        gate: Text {
            zh: "登录时取不到资料：照样登录，只是没有昵称和头像。取 ticket 时：手头的在有效期内照常使用，最多每 5 分\
                钟重试一次；/readyz 不受影响。",
            en: "When a profile is refused while signing in: the visitor is signed in all the same, without nickname \
                and avatar. Fetching a ticket: those at hand are used while they are valid, WeChat is asked again \
                every 5 minutes at most; /readyz is not touched.",
        },
    },
    Explained {
        errcode: 48004,
        meaning: Text { zh: "接口因违规被封禁。", en: "The API is forbidden for breaking WeChat's rules." },
        cure: APPEAL,
        menu: Some(NOTICES),
        gate: STOP,
    },
    Explained {
        errcode: 50004,
        meaning: Text { zh: "禁止使用 token 接口。", en: "The account may not use the token API." },
        cure: APPEAL,
        menu: Some(NOTICES),
        gate: STOP,
    },
    Explained {
        errcode: 50007,
        meaning: Text { zh: "账号已冻结。", en: "The account is frozen." },
        cure: Text {
            zh: "查看通知中的原因，申诉解冻。", en: "Read the reason among the notices; appeal."
        },
        menu: Some(NOTICES),
        gate: STOP,
    },
    Explained {
        errcode: 61007,
        meaning: Text {
            zh: "公众号没有把这个接口授权给第三方平台。",
            en: "The account has not authorized the third-party platform for this API.",
        },
        cure: Text {
            zh: "wxgate 不经第三方平台调用；若 endpoints 指向中转，请在那里检查授权。",
            en: "wxgate does not call through a third-party platform; if endpoints names a relay, look at the \
                authorization there.",
        },
        menu: Some(AUTHORIZED_PLATFORMS),
        gate: STOP,
    },
    Explained {
        errcode: 61004,
        meaning: Text {
            zh: "调用方 IP 没有在第三方平台登记。",
            en: "The caller's address is not registered with the third-party platform.",
        },
        cure: Text {
            zh: "wxgate 不经第三方平台调用；若 endpoints 指向中转，把中转的 IP 登记到第三方平台的白名单。",
            en: "wxgate does not call through a third-party platform; if endpoints names a relay, register the \
                relay's address.",
        },
        menu: Some(THIRD_PARTY),
        gate: STOP,
    },
];
