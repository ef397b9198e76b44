//! The pages in Chinese (zh-CN).

use super::super::entrance::{Settled, Way};
use super::{Text, Words};
use crate::edge::fault::{Barrier, Reason};
use crate::request::Oversize;
use crate::types::{Instead, Outside};

pub(super) const WORDS: Words = Words {
    lang: "zh-CN",
    operator: "给网站管理员",
    detail: "技术细节",
    request_id: "请求编号",
    own_address: "本站地址",
    copy: "复制地址",
    copied: "已复制",
    address: "要打开的地址",
    qr_code: "本页地址的二维码",
    cancel: "暂不退出",
    scan_code: "登录用的二维码",
    scanned: "已扫码",
    number: "请在手机上输入，不要告诉别人",
    proceed: "手机上确认后，点这里继续",
    type_number: "电脑上显示的两位数字，只能输一次",
    refuse: "拒绝登录",
    site: "网站",
    browser: "浏览器",
    address_of_desktop: "网络地址",
    same_network: "与这部手机是同一个网络",
};

pub(super) const LOGOUT: Text = Text {
    title: "退出登录？",
    lead: "退出后，再次访问时需要重新用微信登录。",
    advice: &[],
    button: Some("退出登录"),
    operator: None,
};

pub(super) const CHOICE: Text =
    Text { title: "选择登录方式", lead: "登录后会回到你要打开的页面。", ..PLAIN };

pub(super) const WAITING: Text = Text {
    title: "用微信扫一扫登录",
    lead: "用手机微信扫描二维码，再在手机上输入这里显示的数字。",
    advice: &["二维码只能用一次，两分钟内有效。不要让别人替你扫。"],
    ..PLAIN
};

pub(super) const CONFIRM: Text = Text {
    title: "在电脑上登录？",
    lead: "输入电脑屏幕上的数字，那台电脑就会以你的身份登录。",
    advice: &["只有你自己正在那台电脑前才继续。二维码、链接或数字是别人发来的，请拒绝。"],
    button: Some("确认登录"),
    operator: None,
};

pub(super) const fn way(way: Way) -> (&'static str, &'static str) {
    match way {
        Way::WebsiteApp => ("微信扫码登录", "在微信的登录页上扫码"),
        Way::WeCom => ("企业微信登录", "企业成员用企业微信扫码"),
        Way::Handoff => ("用手机微信登录", "扫码后在手机上确认"),
    }
}

pub(super) const fn settled(settled: Settled) -> Text {
    match settled {
        Settled::Confirmed => {
            Text { title: "已确认登录", lead: "请回到电脑上继续，这个页面可以关闭。", ..PLAIN }
        }
        Settled::Refused => {
            Text { title: "已拒绝登录", lead: "那台电脑没有登录，这个页面可以关闭。", ..PLAIN }
        }
    }
}

pub(super) const FRAGMENT: Text = Text {
    title: "正在前往微信登录",
    lead: "登录后会回到你要打开的页面。如果没有自动跳转，请点下面的按钮。",
    advice: &[],
    button: Some("用微信登录"),
    operator: None,
};

pub(super) const UNSCANNABLE: Text = Text {
    title: "请在微信中打开",
    lead: "这个地址太长，二维码放不下。",
    advice: &["本网站没有开通电脑浏览器的登录。", "请复制下面的地址，发到微信里打开。"],
    operator: DESKTOP_DOOR,
    ..PLAIN
};

const DESKTOP_DOOR: Option<&str> =
    Some("要让访客在电脑浏览器里登录，请设置 sign_in.handoff = true，或配置开放平台的网站应用（website_app）。");
const AGAIN: Option<&str> = Some("再试一次");

const PLAIN: Text = Text { title: "", lead: "", advice: &[], button: None, operator: None };

#[expect(clippy::too_many_lines, reason = "a table: one row per page")]
pub(super) const fn fault(reason: &Reason) -> Text {
    match reason {
        Reason::BadRequest { .. } | Reason::TooSlow => Text {
            title: "请求无法处理",
            lead: "浏览器发来的请求不完整，或者格式不对。",
            advice: &["请返回上一页再试；如果是别人发来的链接，请确认链接完整。"],
            ..PLAIN
        },
        Reason::AmbiguousPath { .. } => Text {
            title: "地址无法识别",
            lead: "这个地址的含义不明确，没有打开它。",
            advice: &["请检查链接是否完整，或从首页重新进入。"],
            button: Some("回到首页"),
            ..PLAIN
        },
        Reason::HeaderTooLarge(Oversize::RequestLine) => Text {
            title: "地址太长",
            lead: "这个地址超出了能够处理的长度。",
            advice: &["请从首页重新进入。"],
            button: Some("回到首页"),
            ..PLAIN
        },
        Reason::HeaderTooLarge(Oversize::Headers) => Text {
            title: "请求太大",
            lead: "浏览器随请求发来的 Cookie 可能太多了。",
            advice: &["请清除本网站的 Cookie，再重新打开页面。"],
            ..PLAIN
        },
        Reason::LoginRequired { .. } => Text {
            title: "请重新登录",
            lead: "登录已经结束，或者还没有登录。",
            advice: &["如果正在提交内容，请登录后重新提交。"],
            button: Some("用微信登录"),
            ..PLAIN
        },
        Reason::LoginDeclined { .. } => Text {
            title: "登录已取消",
            lead: "没有得到微信授权，所以还没有登录。",
            advice: &["要继续，请重新登录，并在授权页点「允许」。"],
            button: Some("重新登录"),
            ..PLAIN
        },
        Reason::LoginExpired { .. } => Text {
            title: "登录已超时",
            lead: "这次登录等待得太久，已经失效。",
            advice: &["重新登录一次就好。"],
            button: Some("重新登录"),
            ..PLAIN
        },
        Reason::HandoffRefused { .. } => Text {
            title: "手机上没有确认",
            lead: "手机上选择了拒绝，或者输入的数字不对，所以没有登录。",
            advice: &["要继续，请重新扫码，并在手机上输入这台电脑显示的数字。"],
            button: Some("重新扫码"),
            ..PLAIN
        },
        Reason::HandoffExpired => Text {
            title: "二维码已失效",
            lead: "它已经用过，已被另一部手机扫过，或者超过了两分钟。",
            advice: &["请在电脑上刷新页面，再扫一次。"],
            ..PLAIN
        },
        Reason::HandoffMismatched => Text {
            title: "数字不一致",
            lead: "为了安全，这次登录已取消，电脑没有登录。",
            advice: &[
                "如果确实是你在登录，请在电脑上重新扫码，再输入一次。",
                "如果二维码是别人发来的，不要再扫：那是别人想用你的身份登录。",
            ],
            ..PLAIN
        },
        Reason::LoginLoop => Text {
            title: "登录没有成功",
            lead: "接连登录了几次，都没有成功。可能的原因：",
            advice: &[
                "浏览器没有保存 Cookie。请允许本网站使用 Cookie，并关闭无痕模式。",
                "手机或电脑的时间不准。请打开「自动设置时间」。",
                "打开的不是本站自己的地址。请从下面的地址重新进入。",
            ],
            button: Some("从首页重新进入"),
            operator: Some(
                "请核对：访客使用的域名就是 public_url；public_url 为 https 时，访客确实经由 HTTPS 访问；\
                 各台服务器的时钟一致；多个副本使用同一个 session.secret。",
            ),
        },
        Reason::Forbidden(Barrier::AllowList) => Text {
            title: "没有访问权限",
            lead: "你已经登录，但这个页面没有对你开放。",
            advice: &["如果认为应该可以访问，请联系网站管理员。"],
            ..PLAIN
        },
        Reason::Forbidden(Barrier::Snapshot) => Text {
            title: "快照页不能访问",
            lead: "现在是微信快照页，本网站不对它开放。",
            advice: &["请在微信中正常打开这个网站。"],
            ..PLAIN
        },
        Reason::Forbidden(Barrier::ForeignOrigin) => Text {
            title: "操作没有执行",
            lead: "这个操作不是从本网站发起的，没有执行。",
            advice: &["请回到本网站，在页面上重新操作。"],
            button: Some("回到首页"),
            ..PLAIN
        },
        Reason::Snapshot => Text {
            title: "请点击右下角「使用完整服务」",
            // WeChat's own words, which stand at the bottom of the same screen.
            lead: "该网页需获取个人信息才可使用完整服务，当前仅可浏览部分内容。",
            advice: &["点击后由微信确认授权，再打开完整页面。"],
            ..PLAIN
        },
        Reason::NotInWechat { outside: Outside::Desktop, .. } => Text {
            title: "请用微信扫一扫",
            lead: "用手机微信扫一扫，在微信里打开本页。",
            advice: &["本网站没有开通电脑浏览器的登录，扫码后请在手机上继续。", "也可以把地址发到电脑版微信里打开。"],
            operator: DESKTOP_DOOR,
            ..PLAIN
        },
        Reason::NotInWechat { outside, instead, .. } => elsewhere(*outside, *instead),
        Reason::RateLimited { .. } => {
            Text {
                title: "操作太频繁", lead: "这个网络的请求太多，请稍等一会儿。", button: AGAIN, ..PLAIN
            }
        }
        Reason::JsconfigUrlMissing => Text {
            title: "缺少页面地址",
            lead: "没有说明要为哪个页面签名。",
            operator: Some("用 url 参数写明页面地址：encodeURIComponent(location.href.split('#')[0])。"),
            ..PLAIN
        },
        Reason::JsconfigUrlNotAllowed => Text {
            title: "不能为这个页面签名",
            lead: "要签名的页面不属于本网站。",
            operator: Some("如果它是你的页面，把它的域名写进 jssdk.hosts。"),
            ..PLAIN
        },
        Reason::NoTicket { misconfigured, .. } => Text {
            title: if *misconfigured { "微信功能设置有误" } else { "微信暂时没有回应" },
            lead: "页面的微信功能暂时不能用，其余不受影响。",
            button: AGAIN,
            operator: Some("从微信取不到 jsapi_ticket。具体原因在网关日志里。"),
            ..PLAIN
        },
        Reason::WechatUnavailable { .. } => Text {
            title: "微信暂时没有回应",
            lead: "登录需要微信确认，但微信暂时没有回应。",
            advice: &["通常很快恢复，请稍后再试。"],
            button: AGAIN,
            ..PLAIN
        },
        Reason::WechatMisconfigured => Text {
            title: "暂时无法登录",
            lead: "本网站的微信登录设置需要管理员处理。",
            advice: &["请稍后再来，或把请求编号告诉管理员。"],
            operator: Some("微信拒绝了本站的账号凭据。具体原因在网关日志里，按请求编号查找。"),
            ..PLAIN
        },
        Reason::UpstreamUnreachable => Text {
            title: "网站暂时打不开",
            lead: "登录服务正常，但网站本身没有应答。",
            advice: &["请稍后再试。"],
            button: AGAIN,
            operator: Some("网关连不上 upstream。请确认它在运行，地址和端口与配置一致。"),
        },
        Reason::UpstreamBroken => Text {
            title: "网站的回应有误",
            lead: "网站没有给出完整的回应。",
            advice: &["请稍后再试。"],
            button: AGAIN,
            operator: Some("upstream 的回应中断，或不是有效的 HTTP。请查看 upstream 的日志。"),
        },
        Reason::UpstreamTimeout => Text {
            title: "网站响应超时",
            lead: "网站花了太长时间，没有等到回应。",
            advice: &["请稍后再试。若在提交内容，请先确认是否生效。"],
            button: AGAIN,
            operator: Some("upstream 没有在 response_timeout 之内给出回应。"),
        },
        Reason::Overloaded => {
            Text { title: "访问的人太多了", lead: "网站正忙，请稍等片刻。", button: AGAIN, ..PLAIN }
        }
    }
}

/// Where else a visitor can sign in, and how to get there.
const fn elsewhere(outside: Outside, instead: Instead) -> Text {
    let lead = match (outside, instead) {
        (Outside::WeCom, Instead::Desktop) => "本网站没有开通企业微信登录，请换到电脑。",
        (Outside::WeCom, _) => "本网站没有开通企业微信登录，请换到微信。",
        (Outside::WeChat, Instead::Desktop) => "本网站没有开通微信内的登录，请换到电脑。",
        (Outside::WeChat, _) => "本网站没有开通微信内的登录，请换到企业微信。",
        (_, Instead::WeChat) => "本网站用微信登录，需要在微信里进行。",
        (_, Instead::WeCom) => "本网站用企业微信登录，需要在企业微信里进行。",
        (_, Instead::Desktop) => "本网站用二维码登录，需要用手机扫电脑上的二维码。",
    };
    let operator = match outside {
        Outside::WeCom => Some("要让访客在企业微信里登录，需要配置企业微信应用（wecom）。"),
        Outside::WeChat => Some("要让访客在微信里登录，需要配置服务号（official_account）。"),
        Outside::Phone | Outside::Desktop => None,
    };
    let (title, advice): (_, &[&str]) = match (instead, outside) {
        (Instead::WeChat, Outside::WeCom) => (
            "请在微信中打开",
            &[
                "复制下面的地址。",
                "打开微信（不是企业微信），发给「文件传输助手」或任意聊天。",
                "在聊天里点开这个地址。",
            ],
        ),
        (Instead::WeChat, _) => (
            "请在微信中打开",
            &["复制下面的地址。", "打开微信，发给「文件传输助手」或任意聊天。", "在聊天里点开这个地址。"],
        ),
        (Instead::WeCom, _) => {
            ("请在企业微信中打开", &["复制下面的地址。", "打开企业微信，发到任意聊天。", "在聊天里点开这个地址。"])
        }
        (Instead::Desktop, _) => {
            ("请在电脑上打开", &["复制下面的地址。", "在电脑的浏览器里打开它。", "用手机扫描那里的二维码。"])
        }
    };
    Text { title, lead, advice, operator, ..PLAIN }
}
