//! WeCom (企业微信).

use super::menus::{WECOM_DOMAIN, WECOM_IP};
use super::{Explained, Text};

/// What only a page can get wrong.
const SIGNS_BOTH: Text = Text {
    zh: "/jsconfig 在企业微信里用企业的 ticket 签名，加上 agent=1 则用应用的；两者都自动取得和更新。",
    en: "Inside WeCom /jsconfig signs with the corp's ticket, and with agent=1 with the app's; both are fetched and \
        renewed by itself.",
};

pub(super) const ROWS: &[Explained] = &[
    Explained {
        errcode: 50001,
        meaning: Text {
            zh: "企业微信：redirect_uri 的域名不是该应用的可信域名。公众号：用户未授权该接口。",
            en: "WeCom: the host of redirect_uri is not a trusted domain of the app. Official account: the user has \
                not authorized the API.",
        },
        cure: Text {
            zh: "企业微信：把 public_url 的主机名（及端口）设为该应用的可信域名，并确认应用没有弄混。",
            en: "WeCom: make the host (and port) of public_url a trusted domain of the app, and make sure that it is \
                the right app.",
        },
        menu: Some(WECOM_DOMAIN),
        gate: Text {
            zh: "登录时：给访客看“暂时无法登录”页（wechat-misconfigured，503）。",
            en: "Signing in: visitors see the page “Signing in is not possible now” (wechat-misconfigured, 503).",
        },
    },
    Explained {
        errcode: 60020,
        meaning: Text {
            zh: "企业微信：本机的出口 IP 不是该应用的可信 IP。",
            en: "WeCom: this machine's outgoing address is not a trusted IP of the app.",
        },
        cure: Text {
            zh: "把本机的出口 IP 加入该应用的企业可信IP。",
            en: "Add this machine's outgoing address to the app's trusted IPs.",
        },
        menu: Some(WECOM_IP),
        gate: Text {
            zh: "企业微信登录：给访客看“暂时无法登录”页（wechat-misconfigured，503）。开始与恢复各记一行日志，/readyz 报未就绪。",
            en: "Signing in by WeCom: visitors see the page “Signing in is not possible now” (wechat-misconfigured, 503). \
                One line in the log when it begins and one when it is over; /readyz says not ready.",
        },
    },
    Explained {
        errcode: 42012,
        meaning: Text {
            zh: "企业微信 JS-SDK：agentConfig 用错了 ticket。",
            en: "WeCom JS-SDK: agentConfig was signed with the wrong ticket.",
        },
        cure: Text {
            zh: "wx.config 用企业的 jsapi_ticket，wx.agentConfig 用应用的 agent_config ticket，不要混用。",
            en: "wx.config takes the corp's jsapi_ticket, wx.agentConfig the app's agent_config ticket; do not mix \
                them.",
        },
        menu: None,
        gate: SIGNS_BOTH,
    },
    Explained {
        errcode: 40093,
        meaning: Text {
            zh: "企业微信 JS-SDK：签名错误（多半用错了 ticket 或 URL）。",
            en: "WeCom JS-SDK: the signature is wrong (mostly the wrong ticket or URL).",
        },
        cure: Text {
            zh: "核对 ticket 的种类，以及签名用的 URL 是否就是当前页面的地址。",
            en: "Compare the kind of the ticket, and whether the URL that was signed is the page's own.",
        },
        menu: None,
        gate: SIGNS_BOTH,
    },
    Explained {
        errcode: 40063,
        meaning: Text { zh: "企业微信 JS-SDK：有参数为空。", en: "WeCom JS-SDK: a parameter is empty." },
        cure: Text {
            zh: "检查 agentConfig 的 corpid、agentid、timestamp、nonceStr、signature 是否齐全。",
            en: "Look whether agentConfig was given corpid, agentid, timestamp, nonceStr and signature.",
        },
        menu: None,
        gate: SIGNS_BOTH,
    },
];
