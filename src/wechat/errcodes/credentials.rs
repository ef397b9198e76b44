//! Refusals of the account's own AppID, AppSecret or address: the operator has to act.

use super::menus::{ADMINISTRATOR, IP_WHITELIST, SECRET, STOP};
use super::{Explained, Text};

/// While the administrator has to say yes.
const SLOW: Text = Text {
    zh: "取令牌时：手头的在有效期内照常使用，每 5 分钟重试一次，确认后自行恢复。开始与恢复各记一行日志，/readyz 报未\
        就绪。登录用不到这个令牌，不受影响。",
    en: "Fetching a token: those at hand are used while they are valid, and WeChat is asked again every 5 minutes, \
        so that it heals once confirmed. One line in the log when it begins and one when it is over; /readyz says \
        not ready. Sign-in does not need that token.",
};

/// While WeChat punishes the address.
const REFUSED: Text = Text {
    zh: "取令牌时：手头的在有效期内照常使用，按微信要求的时间等待后才重试（89506：24 小时，89507：1 小时）。/readyz \
        报未就绪。登录用不到这个令牌，不受影响。",
    en: "Fetching a token: those at hand are used while they are valid, and WeChat is asked again only after the \
        time it demands (89506: 24 hours, 89507: 1 hour). /readyz says not ready. Sign-in does not need that token.",
};

/// What awaits the administrator.
const CONFIRM: Text =
    Text { zh: "请管理员在微信里确认。", en: "Let the administrator confirm it in WeChat." };

/// Of the family, but explained nowhere.
const UNDOCUMENTED: Text = Text {
    zh: "与 89501、89503 同类：等待管理员确认（微信没有单独说明此码）。",
    en: "As 89501 and 89503: the administrator has to confirm (WeChat does not document this one by itself).",
};

pub(super) const ROWS: &[Explained] = &[
    Explained {
        errcode: 40001,
        meaning: Text {
            zh: "AppSecret 错误；或 access_token 无效、已被更新的取代。",
            en: "The AppSecret is wrong; or an access_token is invalid or not the latest one.",
        },
        cure: Text {
            zh: "登录或取令牌时出现：核对 app_secret（重置过就换成新的）。调用接口时出现：另有程序用 cgi-bin/token 取\
                令牌，把旧的作废了；让它改用 stable_token，或改向 wxgate 的管理端口取。",
            en: "While signing in or fetching a token: compare app_secret; after a reset write the new one. In other \
                calls: another program fetches tokens by cgi-bin/token and so ends the old ones; let it use \
                stable_token, or ask wxgate's admin listener.",
        },
        menu: Some(SECRET),
        gate: Text {
            zh: "登录或取令牌时：同 40125。调用接口时：只作废出错的那个令牌，重取一次，重试一次。用户令牌失效时刷新一\
                次。",
            en: "While signing in or fetching a token: as for 40125. In other calls: it forgets that very token, \
                fetches once, tries once more. A user's token is refreshed once.",
        },
    },
    Explained {
        errcode: 40013,
        meaning: Text { zh: "AppID 无效。", en: "The AppID is invalid." },
        cure: Text {
            zh: "核对 official_account.app_id：要用服务号的 AppID，不是网站应用或小程序的。",
            en: "Compare official_account.app_id: it must be the service account's, not a website app's or a mini \
                program's.",
        },
        menu: Some(SECRET),
        gate: STOP,
    },
    Explained {
        errcode: 40125,
        meaning: Text { zh: "AppSecret 无效。", en: "The AppSecret is invalid." },
        cure: Text {
            zh: "核对 app_secret；重置过就换成新的（旧的立即失效）。平台不会再次显示它。",
            en: "Compare app_secret; after a reset write the new one (the old one ends at once). The platform never \
                shows it again.",
        },
        menu: Some(SECRET),
        gate: STOP,
    },
    Explained {
        errcode: 40164,
        meaning: Text {
            zh: "本机的出口 IP 不在 API IP 白名单里。",
            en: "This machine's outgoing address is not in the API IP whitelist.",
        },
        cure: Text {
            zh: "把日志或 wxgate check --online 给出的 IP 加入白名单，几分钟后生效。可写 IP 或网段，不能写端口或 \
                172.0.0.*。",
            en: "Add it to the whitelist, where it takes some minutes to count; the log and `wxgate check --online` \
                name it. Addresses and ranges will do, ports and 172.0.0.* will not.",
        },
        menu: Some(IP_WHITELIST),
        gate: STOP,
    },
    Explained {
        errcode: 40243,
        meaning: Text { zh: "AppSecret 已被冻结。", en: "The AppSecret is frozen." },
        cure: Text {
            zh: "由管理员解冻，约 10 分钟后生效；AppSecret 不变。",
            en: "Let the administrator unfreeze it; it takes ten minutes, and the AppSecret stays the same.",
        },
        menu: Some(SECRET),
        gate: STOP,
    },
    Explained {
        errcode: 89501,
        meaning: Text {
            zh: "这个 IP 正在等待管理员确认。",
            en: "This address waits for the administrator's confirmation.",
        },
        cure: CONFIRM,
        menu: Some(ADMINISTRATOR),
        gate: SLOW,
    },
    Explained { errcode: 89502, meaning: UNDOCUMENTED, cure: CONFIRM, menu: Some(ADMINISTRATOR), gate: SLOW },
    Explained {
        errcode: 89503,
        meaning: Text {
            zh: "此次调用需要管理员确认。", en: "This call needs the administrator's confirmation."
        },
        cure: Text {
            zh: "请管理员在微信里确认；之后 wxgate 会自己重试。",
            en: "Let the administrator confirm it in WeChat; wxgate then tries again by itself.",
        },
        menu: Some(ADMINISTRATOR),
        gate: SLOW,
    },
    Explained { errcode: 89504, meaning: UNDOCUMENTED, cure: CONFIRM, menu: Some(ADMINISTRATOR), gate: SLOW },
    Explained { errcode: 89505, meaning: UNDOCUMENTED, cure: CONFIRM, menu: Some(ADMINISTRATOR), gate: SLOW },
    Explained {
        errcode: 89506,
        meaning: Text {
            zh: "管理员 24 小时内拒绝了这个 IP 两次，24 小时内不能再用它调用。",
            en: "The administrator refused this address twice within 24 hours; it may not call for 24 hours.",
        },
        cure: Text {
            zh: "请管理员不要再拒绝，或把 IP 加入白名单；24 小时后再试。",
            en: "Ask the administrator not to refuse again, or to whitelist the address; wait for 24 hours.",
        },
        menu: Some(IP_WHITELIST),
        gate: REFUSED,
    },
    Explained {
        errcode: 89507,
        meaning: Text {
            zh: "管理员 1 小时内拒绝了这个 IP，1 小时内不能再用它调用。",
            en: "The administrator refused this address within the hour; it may not call for an hour.",
        },
        cure: Text {
            zh: "请管理员不要再拒绝，或把 IP 加入白名单；1 小时后再试。",
            en: "Ask the administrator not to refuse again, or to whitelist the address; wait for an hour.",
        },
        menu: Some(IP_WHITELIST),
        gate: REFUSED,
    },
];
