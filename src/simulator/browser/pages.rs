//! The pages a visitor sees, in WeChat's manner: narrow, light, Chinese with English beneath.

use std::fmt::Write as _;

use super::avatar;
use super::page_error::{self, PageError};
use crate::simulator::settings::{Account, AccountKind, Belonging, Following, User};
use crate::simulator::world::World;

const STYLE: &str = include_str!("pages.css");

/// Where the authorize link's forms go, with the fragment that the link ended with.
const PICK_ON: &str = "/connect/oauth2/pick#wechat_redirect";

/// Replaces the page when the link did not end as it must: the server cannot see that (rule 2).
const FRAGMENT_CHECK: &str = "if (location.hash !== '#wechat_redirect') \
     document.body.replaceChildren(document.getElementById('no-fragment').content);";

/// An error page, with the number where WeChat has one.
pub(super) fn error(error: PageError) -> String {
    shell("微信", None, &error_body(error))
}

/// 拒绝, by who is not sent back to the site.
pub(super) fn declined() -> String {
    let body = r#"<main class="note"><p class="icon">✕</p><h1>已拒绝授权</h1><p class="en">You declined, and WeChat leaves you here.</p></main>"#;
    shell("微信", None, body)
}

/// A form of a page: where it goes, and what it carries beside the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'f> {
    pub(super) action: &'static str,
    pub(super) name: &'static str,
    pub(super) value: &'f str,
}

impl Form<'_> {
    /// The form's tag and its hidden field.
    fn open(self) -> String {
        let Self { action, name, value } = self;
        let value = escape(value);
        format!(r#"<form method="post" action="{action}"><input type="hidden" name="{name}" value="{value}">"#)
    }
}

/// A form of the authorize link's pages: it carries the fragment on, as WeChat's own navigation does.
fn link_form(raw: &str) -> Form<'_> {
    Form { action: PICK_ON, name: "link", value: raw }
}

/// Says who one is, at the authorize link.
pub(super) fn authorize_picker(world: &mut World, raw: &str, account: &Account) -> String {
    let body = picker(world, link_form(raw), account) + &no_fragment();
    shell("选择微信用户", Some(fragment_check(world)), &body)
}

/// 允许 or 拒绝, at the authorize link.
pub(super) fn consent(world: &mut World, raw: &str, account: &Account, user: &User) -> String {
    let what = match account.kind {
        AccountKind::WeCom => ("获取你的头像、手机、邮箱等敏感信息", "your picture, telephone, mail and the like"),
        AccountKind::OfficialAccount | AccountKind::TestAccount | AccountKind::WebsiteApp => {
            ("获取你的昵称、头像", "your nickname and picture")
        }
    };
    let asked =
        Asked {
            title: ("申请获取以下权限", "asks for"), what, refuse: ("拒绝", "Decline"), allow: ("允许", "Allow")
        };
    let body = sheet(link_form(raw), account, user, asked) + &no_fragment();
    shell("微信授权", Some(fragment_check(world)), &body)
}

/// The body of the page where one says who one is.
pub(super) fn picker(world: &World, form: Form<'_>, account: &Account) -> String {
    let remember = if world.settings.remember { " checked" } else { "" };
    let mut people = String::new();
    for user in &world.settings.users {
        let _ = write!(
            people,
            r#"<button name="user" value="{id}"><span class="face">{face}</span><span class="who"><b>{name}</b><small>{note}</small></span><i></i></button>"#,
            id = escape(&user.id),
            face = face(user),
            name = nickname(user),
            note = escape(&describe(user)),
        );
    }
    format!(
        r##"<header><h1>选择微信用户</h1><p class="en">Who is opening <b>{account}</b>? Everybody here is made up.</p></header>
{form}
<div class="list">{people}</div>
<label class="line"><input type="checkbox" name="remember" value="1"{remember}> 在此浏览器记住我 <small>Remember me in this browser</small></label></form>
"##,
        account = escape(&account.name),
        form = form.open(),
    )
}

/// What a visitor is asked for, in Chinese and in English.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) title: (&'static str, &'static str),
    pub(super) what: (&'static str, &'static str),
    pub(super) refuse: (&'static str, &'static str),
    pub(super) allow: (&'static str, &'static str),
}

/// The body of a page that asks for a yes or no.
pub(super) fn sheet(form: Form<'_>, account: &Account, user: &User, asked: Asked) -> String {
    let Asked { title, what, refuse, allow } = asked;
    let whose = match &user.belonging {
        Belonging::Member { userid } if account.kind == AccountKind::WeCom => {
            format!("企业微信成员 {} · at the corporation", escape(userid))
        }
        _ => "微信个人信息 · your WeChat profile".to_owned(),
    };
    format!(
        r##"<main class="sheet"><div class="app"><span class="logo">{initial}</span><b>{account}</b></div>
<h1>{}</h1><p class="en">{account} {}</p>
<ul><li>{} <small>{}</small></li></ul>
<div class="me"><span class="face">{face}</span><span class="who"><b>{name}</b><small>{whose}</small></span></div>
{form}<input type="hidden" name="user" value="{id}">
<button class="refuse" name="answer" value="refuse">{}<small>{}</small></button><button class="allow" name="answer" value="allow">{}<small>{}</small></button></form>
{form}<button class="other">换一个用户 · somebody else</button></form></main>
"##,
        title.0,
        title.1,
        what.0,
        what.1,
        refuse.0,
        refuse.1,
        allow.0,
        allow.1,
        initial = escape(&initial(account)),
        account = escape(&account.name),
        face = face(user),
        name = nickname(user),
        form = form.open(),
        id = escape(&user.id),
    )
}

/// What an account's logo shows.
pub(super) fn initial(account: &Account) -> String {
    account.name.chars().take(1).collect()
}

/// A page's one script.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) nonce: String,
    pub(super) source: &'static str,
}

fn fragment_check(world: &mut World) -> Script {
    Script { nonce: world.noise.nonce(), source: FRAGMENT_CHECK }
}

/// A page without a script.
pub(in crate::simulator) fn plain(title: &str, body: &str) -> String {
    shell(title, None, body)
}

/// A whole page.
pub(super) fn shell(title: &str, script: Option<Script>, body: &str) -> String {
    let (tag, source) = script.map_or_else(
        || (String::new(), "'none'".to_owned()),
        |Script { nonce, source }| {
            (format!(r#"<script nonce="{nonce}">{source}</script>"#), format!("'nonce-{nonce}'; connect-src 'self'"))
        },
    );
    format!(
        r#"<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'none'; script-src {source}">
<title>{title}</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>
<body>{body}
{tag}</body></html>
"#
    )
}

/// Text that may stand anywhere in a page. Control characters are left out.
pub(in crate::simulator) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !character.is_control()) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A user's nickname as a page can show it.
pub(in crate::simulator) fn nickname(user: &User) -> String {
    escape(&String::from_utf8_lossy(&user.nickname))
}

/// A user's picture, drawn into the page.
pub(in crate::simulator) fn face(user: &User) -> String {
    user.avatar.map_or_else(|| avatar::nobody().to_owned(), avatar::draw)
}

/// What is worth knowing of a user before becoming them.
pub(in crate::simulator) fn describe(user: &User) -> String {
    let mut notes = vec![match user.following {
        Following::No => "未关注 · no follower",
        Following::Yes => "已关注 · follower",
        Following::FromMenu => "从菜单进入，免授权 · comes by the menu, never asked",
    }];
    let belonging = match &user.belonging {
        Belonging::Outsider => None,
        Belonging::Customer => Some("企业客户 · a customer in WeCom".to_owned()),
        Belonging::Member { userid } => Some(format!("企业成员 {userid} · works there in WeCom")),
    };
    notes.extend(belonging.as_deref());
    if user.avatar.is_none() {
        notes.push("无头像 · no picture");
    }
    match std::str::from_utf8(&user.nickname) {
        Err(_) => notes.push("昵称含乱码 · broken bytes in the name"),
        Ok(name) if name.chars().any(char::is_control) => notes.push("昵称含控制字符 · control bytes in the name"),
        Ok(name) if name.len() > 100 => notes.push("超长昵称 · a very long name"),
        Ok(_) => {}
    }
    notes.join("；")
}

fn no_fragment() -> String {
    format!(r#"<template id="no-fragment">{}</template>"#, error_body(page_error::NO_FRAGMENT))
}

fn error_body(error: PageError) -> String {
    let number = error.code.map_or_else(String::new, |code| format!(r#"<p class="code">错误码：{code}</p>"#));
    format!(
        r#"<main class="note"><p class="icon">!</p><h1>{text}</h1>{number}<p class="en">{hint}</p></main>"#,
        text = escape(error.text),
        hint = escape(error.hint),
    )
}
