//! How an API is called: too often, in the wrong way, or when WeChat is not well.

use super::menus::{PERMISSIONS, REPORT, STOP};
use super::{Explained, Text};

pub(super) const ROWS: &[Explained] = &[
    Explained {
        errcode: 0,
        meaning: Text { zh: "成功。", en: "Success." },
        cure: Text { zh: "不用处理。", en: "Nothing." },
        menu: None,
        gate: Text { zh: "照常进行。", en: "Goes on." },
    },
    Explained {
        errcode: -1,
        meaning: Text { zh: "微信系统繁忙。", en: "WeChat is busy." },
        cure: Text {
            zh: "不用处理；持续很久时，看看微信是否有故障公告。",
            en: "Nothing; if it lasts, see whether WeChat announces an outage.",
        },
        menu: None,
        gate: Text {
            zh: "登录：code 不会重发，给访客看“微信暂时没有回应”页（wechat-unavailable，503）和重试按钮。令牌与 \
                ticket：手头的在有效期内照常使用，隔 1、2、4、8、16 秒各试一次，之后每分钟一次。",
            en: "Sign-in: the code is not sent again; visitors see the page “WeChat is not answering” \
                (wechat-unavailable, 503) with a button to try again. Tokens and tickets: those at hand are used \
                while they are valid; WeChat is asked again after 1, 2, 4, 8 and 16 seconds, then once a minute.",
        },
    },
    Explained {
        errcode: 45009,
        meaning: Text {
            zh: "接口当天的调用次数用完了（企业微信：调用过于频繁）。",
            en: "The API's calls for the day are used up (WeCom: called too often).",
        },
        cure: Text {
            zh: "找出是谁在频繁调用（多半是别的程序不缓存令牌）；管理员可清零次数（clear_quota，每月 10 次）。",
            en: "Find out who calls that often (mostly another program that does not cache its token); the \
                administrator can reset the count (clear_quota, 10 times a month).",
        },
        menu: Some(PERMISSIONS),
        gate: Text {
            zh: "登录：code 不会重发，给访客看“微信暂时没有回应”页（wechat-unavailable，503）和重试按钮。令牌与 \
                ticket：手头的在有效期内照常使用，10 分钟后再试，之后间隔加倍，最长 4 小时。",
            en: "Sign-in: the code is not sent again; visitors see the page “WeChat is not answering” \
                (wechat-unavailable, 503) with a button to try again. Tokens and tickets: those at hand are used \
                while they are valid; WeChat is asked again after 10 minutes, then after twice that, up to 4 hours.",
        },
    },
    Explained {
        errcode: 45011,
        meaning: Text {
            zh: "接口这一分钟的调用次数用完了。", en: "The API's calls for the minute are used up."
        },
        cure: Text {
            zh: "不用处理；频繁出现时，查一查还有谁在调用同一个公众号的接口。",
            en: "Nothing; if it comes often, find out who else calls for this account.",
        },
        menu: Some(PERMISSIONS),
        gate: Text {
            zh: "登录：code 不会重发，给访客看“微信暂时没有回应”页（wechat-unavailable，503）和重试按钮。令牌与 \
                ticket：手头的在有效期内照常使用，一分多钟后再试。",
            en: "Sign-in: the code is not sent again; visitors see the page “WeChat is not answering” \
                (wechat-unavailable, 503) with a button to try again. Tokens and tickets: those at hand are used \
                while they are valid; WeChat is asked again after a little more than a minute.",
        },
    },
    Explained {
        errcode: 40002,
        meaning: Text { zh: "grant_type 无效。", en: "The grant_type is invalid." },
        cure: REPORT,
        menu: None,
        gate: STOP,
    },
    Explained {
        errcode: 41002,
        meaning: Text { zh: "缺少 appid。", en: "The appid is missing." },
        cure: REPORT,
        menu: None,
        gate: STOP,
    },
    Explained {
        errcode: 41004,
        meaning: Text { zh: "缺少 secret。", en: "The secret is missing." },
        cure: REPORT,
        menu: None,
        gate: STOP,
    },
    Explained {
        errcode: 43001,
        meaning: Text { zh: "要求用 GET 请求。", en: "The API wants GET." },
        cure: REPORT,
        menu: None,
        gate: STOP,
    },
    Explained {
        errcode: 43002,
        meaning: Text { zh: "要求用 POST 请求。", en: "The API wants POST." },
        cure: REPORT,
        menu: None,
        gate: STOP,
    },
    Explained {
        errcode: 43003,
        meaning: Text { zh: "要求用 HTTPS。", en: "The API wants HTTPS." },
        cure: Text {
            zh: "endpoints.api 指向中转时，让它用 https 连接微信。",
            en: "If endpoints.api names a relay, let that one speak https to WeChat.",
        },
        menu: None,
        gate: STOP,
    },
];
