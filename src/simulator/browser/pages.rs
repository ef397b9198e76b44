//! The pages a visitor sees, in WeChat's manner: narrow, light, Chinese with English beneath.

use std::fmt::Write as _;

use super::page_error::{self, PageError};
use super::{PICK, avatar};
use crate::simulator::settings::{Account, User};
use crate::simulator::world::World;

const STYLE: &str = include_str!("pages.css");

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

/// Says who one is.
pub(super) fn picker(world: &mut World, raw: &str, account: &Account) -> String {
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
    let body = format!(
        r##"<header><h1>选择微信用户</h1><p class="en">Who is opening <b>{account}</b>? Everybody here is made up.</p></header>
<form method="post" action="{PICK}#wechat_redirect"><input type="hidden" name="link" value="{link}">
<div class="list">{people}</div>
<label class="line"><input type="checkbox" name="remember" value="1"{remember}> 在此浏览器记住我 <small>Remember me in this browser</small></label></form>
{no_fragment}"##,
        account = escape(&account.name),
        link = escape(raw),
        no_fragment = no_fragment(),
    );
    shell("选择微信用户", Some(&world.noise.nonce()), &body)
}

/// 允许 or 拒绝.
pub(super) fn consent(world: &mut World, raw: &str, account: &Account, user: &User) -> String {
    let body = format!(
        r##"<main class="sheet"><div class="app"><span class="logo">{initial}</span><b>{account}</b></div>
<h1>申请获取以下权限</h1><p class="en">{account} asks for</p>
<ul><li>获取你的昵称、头像 <small>your nickname and picture</small></li></ul>
<div class="me"><span class="face">{face}</span><span class="who"><b>{name}</b><small>微信个人信息 · your WeChat profile</small></span></div>
<form method="post" action="{PICK}#wechat_redirect"><input type="hidden" name="link" value="{link}"><input type="hidden" name="user" value="{id}">
<button class="refuse" name="answer" value="refuse">拒绝<small>Decline</small></button><button class="allow" name="answer" value="allow">允许<small>Allow</small></button></form>
<form method="post" action="{PICK}#wechat_redirect"><input type="hidden" name="link" value="{link}"><button class="other">换一个用户 · somebody else</button></form></main>
{no_fragment}"##,
        initial = escape(account.name.get(..account.name.chars().next().map_or(0, char::len_utf8)).unwrap_or_default()),
        account = escape(&account.name),
        face = face(user),
        name = nickname(user),
        link = escape(raw),
        id = escape(&user.id),
        no_fragment = no_fragment(),
    );
    shell("微信授权", Some(&world.noise.nonce()), &body)
}

/// A whole page. With a nonce it also looks at its own fragment.
pub(in crate::simulator) fn shell(title: &str, nonce: Option<&str>, body: &str) -> String {
    let script =
        nonce.map_or_else(String::new, |nonce| format!(r#"<script nonce="{nonce}">{FRAGMENT_CHECK}</script>"#));
    let script_source = nonce.map_or_else(|| "'none'".to_owned(), |nonce| format!("'nonce-{nonce}'"));
    format!(
        r#"<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; script-src {script_source}; base-uri 'none'">
<title>{title}</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>
<body>{body}
{script}</body></html>
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
    use crate::simulator::settings::Following;
    let mut notes = vec![match user.following {
        Following::No => "未关注 · no follower",
        Following::Yes => "已关注 · follower",
        Following::FromMenu => "从菜单进入，免授权 · comes by the menu, never asked",
    }];
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
