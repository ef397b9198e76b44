//! The pages around a QR code: the desktop's, in two languages, and the phone's.

use super::codes::QrCode;
use super::desk::Lang;
use super::{CONFIRM, PICTURE, POLL};
use crate::simulator::browser::pages::{Asked, Form, Script, escape, initial, picker as people, plain, sheet, shell};
use crate::simulator::settings::{Account, AccountKind, User};
use crate::simulator::world::World;

/// What the desktop's page says.
struct Words {
    title: &'static str,
    /// Waiting: above the code, and what to do.
    scan: &'static str,
    scanned: (&'static str, &'static str),
    refused: (&'static str, &'static str),
    expired: (&'static str, &'static str),
    confirmed: &'static str,
    note: &'static str,
}

const CHINESE: Words = Words {
    title: "微信登录",
    scan: "使用微信扫一扫登录",
    scanned: ("扫描成功", "在微信中轻触允许即可登录"),
    refused: ("你已取消此次登录", "你可再次扫描登录，或关闭窗口"),
    expired: ("二维码已失效", "刷新二维码"),
    confirmed: "登录成功，正在跳转",
    note: "模拟器：扫码，或在此打开手机页面",
};

const ENGLISH: Words = Words {
    title: "WeChat Login",
    scan: "Scan with WeChat to log in",
    scanned: ("Scanned", "Tap Allow in WeChat to log in"),
    refused: ("You have cancelled this login", "Scan again, or close this window"),
    expired: ("The QR code has expired", "Refresh the QR code"),
    confirmed: "Logged in, going on",
    note: "Simulator: scan it, or open the phone's page here",
};

const WECOM_CHINESE: Words = Words {
    title: "企业微信登录",
    scan: "请使用企业微信扫描二维码登录",
    scanned: ("扫描成功", "请在企业微信中点击确认以登录"),
    ..CHINESE
};

const WECOM_ENGLISH: Words = Words {
    title: "WeCom Login",
    scan: "Scan with WeCom to log in",
    scanned: ("Scanned", "Tap Confirm in WeCom to log in"),
    ..ENGLISH
};

/// The desktop's page. It goes on by itself.
pub(super) fn desktop(code: &QrCode, lang: Lang, nonce: String, scan_url: &str) -> String {
    let uuid = &code.uuid;
    let account = &code.errand.account;
    let words = match (account.kind, lang) {
        (AccountKind::WeCom, Lang::Chinese) => WECOM_CHINESE,
        (AccountKind::WeCom, Lang::English) => WECOM_ENGLISH,
        (_, Lang::Chinese) => CHINESE,
        (_, Lang::English) => ENGLISH,
    };
    let Words { title, scan, scanned, refused, expired, confirmed, note } = words;
    let body = format!(
        r#"<main class="qr" data-poll="{POLL}?uuid={uuid}" data-told="408"><h1>{title}</h1>
<img class="code" src="{PICTURE}{uuid}" alt="{scan}" width="280" height="280">
<div class="told" role="status" aria-live="polite">
<p data-on="408">{scan}<span class="app"><span class="logo">{initial}</span><b>{name}</b></span></p>
<p data-on="404"><b class="good">✓ {}</b>{}</p>
<p data-on="403"><b>{}</b>{}</p>
<p data-on="402"><b>{}</b><a href="">{}</a></p>
<p data-on="405"><b class="good">✓ {confirmed}</b></p></div>
<p class="aside"><a href="{scan_url}" target="_blank" rel="noreferrer">{note}</a></p></main>"#,
        scanned.0,
        scanned.1,
        refused.0,
        refused.1,
        expired.0,
        expired.1,
        initial = escape(&initial(account)),
        name = escape(&account.name),
        scan_url = escape(scan_url),
    );
    shell(title, Some(Script { nonce, source: include_str!("waiting.js") }), &body)
}

fn form(uuid: &str) -> Form<'_> {
    Form { action: CONFIRM, name: "uuid", value: uuid }
}

/// The phone's page: whose phone it is.
pub(super) fn picker(world: &World, uuid: &str, account: &Account) -> String {
    plain("选择微信用户", &people(world, form(uuid), account))
}

/// The phone's page: yes or no.
pub(super) fn ask(uuid: &str, account: &Account, user: &User) -> String {
    let (title, what) = match account.kind {
        AccountKind::WeCom => ("企业微信登录", ("确认你的成员身份", "who you are at the corporation")),
        AccountKind::OfficialAccount | AccountKind::TestAccount | AccountKind::WebsiteApp => {
            ("网页微信登录", ("获得你的公开信息（昵称、头像等）", "your nickname and picture"))
        }
    };
    let asked = Asked {
        title: (title, "asks to log you in on the desktop"),
        what,
        refuse: ("取消", "Cancel"),
        allow: ("确认登录", "Log in"),
    };
    plain(title, &sheet(form(uuid), account, user, asked))
}

pub(super) fn confirmed() -> String {
    said("✓", "good", "已确认登录", "The desktop goes on by itself.")
}

pub(super) fn refused() -> String {
    said("✕", "", "已取消登录", "You cancelled. The code can be scanned again, unless the desktop was sent back.")
}

pub(super) fn gone() -> String {
    said("!", "", "二维码已失效", "This code is too old or has been used. Refresh the desktop's page for another.")
}

fn said(icon: &str, class: &str, title: &str, english: &str) -> String {
    let body = format!(
        r#"<main class="note"><p class="icon {class}">{icon}</p><h1>{title}</h1><p class="en">{english}</p></main>"#
    );
    plain("微信", &body)
}
