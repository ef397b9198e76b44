//! There and back, for all kinds of visitors.

use std::time::Duration;

use http::StatusCode;

use super::gate::{EXCHANGE, PROFILE, Wishes, state_of};
use super::{Browser, Gate, gate};
use crate::config::SnapshotPolicy;
use crate::login::Error;
use crate::types::{Instead, Outside, Scope};
use crate::wechat::scripted::{OPENID, Reply, account, token};

/// WeChat in good health.
pub(super) fn well(target: &str) -> Reply {
    match target {
        target if target.starts_with(PROFILE) => Reply::profile("小明"),
        _ => Reply::token("snsapi_userinfo"),
    }
}

#[tokio::test]
async fn a_visitor_goes_to_wechat_and_comes_back_signed_in() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let away = browser.open(&gate, "/page?a=1", Scope::Base).await.expect("on the way");
    let state = state_of(&away);
    assert_eq!(
        away.location,
        format!(
            "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0123456789abcdef\
             &redirect_uri=https%3A%2F%2Fm.example.com%2F_wechat%2Fcallback&response_type=code\
             &scope=snsapi_base&state={state}#wechat_redirect"
        )
    );
    assert!(state.len() == 32 && state.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    let back = browser.callback(&gate, "CODE", &state).await.expect("back");
    assert_eq!((back.status, back.location.as_str()), (StatusCode::SEE_OTHER, "/page?a=1#"));
    let session = browser.session(&gate).expect("a session");
    assert_eq!((session.openid(), session.scope, session.nickname()), (Some(OPENID), Scope::Base, None));
    assert_eq!((gate.wechat.asked(EXCHANGE).len(), gate.wechat.asked(PROFILE).len()), (1, 0));
}

#[tokio::test]
async fn with_userinfo_the_profile_comes_along() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::UserInfo, "CODE").await.expect("signed in");
    let session = browser.session(&gate).expect("a session");
    assert_eq!((session.scope, session.nickname()), (Scope::UserInfo, Some("小明")));
    assert!(session.avatar().is_some());
}

#[tokio::test]
async fn without_a_profile_a_visitor_is_signed_in_all_the_same() {
    for (reply, seconds) in
        [(Reply::errcode(48001), 8), (Reply::Reset, 8), (Reply::json("<html>"), 8), (Reply::Silence, 2)]
    {
        let budget = Duration::from_secs(seconds);
        let answer = move |target: &str| if target.starts_with(PROFILE) { reply.clone() } else { well(target) };
        let gate = Gate::with(answer, Wishes { budget, ..Wishes::default() }).await;
        let mut browser = Browser::new();
        browser.sign_in(&gate, Scope::UserInfo, "CODE").await.expect("signed in");
        let session = browser.session(&gate).expect("a session");
        assert_eq!((session.openid(), session.scope, session.nickname()), (Some(OPENID), Scope::UserInfo, None));
    }
}

#[tokio::test]
async fn stepping_up_keeps_the_session_and_stepping_down_loses_nothing() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::Base, "CODE-1").await.expect("signed in");
    let base = browser.session(&gate).expect("a session");
    gate.clock.advance(Duration::from_mins(5));
    browser.sign_in(&gate, Scope::UserInfo, "CODE-2").await.expect("stepped up");
    let full = browser.session(&gate).expect("a session");
    assert_eq!((full.id, full.times.issued_at), (base.id, base.times.issued_at));
    assert_eq!(full.nickname(), Some("小明"));
    browser.sign_in(&gate, Scope::Base, "CODE-3").await.expect("in another tab");
    let still = browser.session(&gate).expect("a session");
    assert_eq!((still.id, still.scope, still.nickname()), (base.id, Scope::UserInfo, Some("小明")));
}

#[tokio::test]
async fn somebody_else_in_the_same_browser_gets_a_session_of_their_own() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::UserInfo, "CODE-1").await.expect("signed in");
    let first = browser.session(&gate).expect("a session");
    gate.wechat.now(|_| Reply::json(&token("oSomebodyElse_0123456789ab", "snsapi_base")));
    browser.sign_in(&gate, Scope::Base, "CODE-2").await.expect("signed in");
    let second = browser.session(&gate).expect("a session");
    assert_ne!(first.id, second.id);
    assert_eq!((second.scope, second.nickname()), (Scope::Base, None));
}

#[tokio::test]
async fn a_snapshot_visitor_is_nobody_unless_let_pass() {
    let snapshot = |target: &str| match target {
        target if target.starts_with(PROFILE) => Reply::profile("virtual"),
        _ => Reply::json(&token(OPENID, "snsapi_userinfo").replace('{', "{\"is_snapshotuser\":1,")),
    };
    for (policy, expected) in [
        (SnapshotPolicy::Page, Some("Snapshot")),
        (SnapshotPolicy::Deny, Some("SnapshotDenied")),
        (SnapshotPolicy::Pass, None),
    ] {
        let mut account = account();
        account.snapshot = policy;
        let gate = Gate::with(snapshot, Wishes { account, ..Wishes::default() }).await;
        let mut browser = Browser::new();
        let error = browser.sign_in(&gate, Scope::UserInfo, "CODE").await.err();
        assert_eq!(error.map(|error| format!("{error:?}")).as_deref(), expected);
        let session = browser.session(&gate);
        assert_eq!(session.as_ref().map(|session| session.snapshot), expected.is_none().then_some(true));
        gate.clock.advance(Duration::from_mins(10));
        assert!(browser.session(&gate).is_none(), "never for longer than ten minutes");
        let me = session.map(|session| async move {
            let head = Browser::new().head("GET", "/_wechat/me?fresh=1", &[]);
            gate.me.answer(&head, Some(&session)).await.expect("signed in").json
        });
        if let Some(me) = me {
            assert!(me.await.contains("\"stale\":true"), "its token is not kept");
        }
    }
}

#[tokio::test]
async fn a_visitor_outside_wechat_is_told_so() {
    let gate = gate(well).await;
    for (agent, expected) in [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36", Outside::Desktop),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36", Outside::Phone),
        ("Mozilla/5.0 (iPhone) Mobile wxwork/3.1.9 MicroMessenger/7.0.1", Outside::WeCom),
    ] {
        let mut browser = Browser { agent, ..Browser::new() };
        let refused = browser.open(&gate, "/page", Scope::Base).await.expect_err("outside");
        assert!(
            matches!(&refused, Error::NotInWechat { outside, instead: Instead::WeChat, target } if *outside == expected && target.as_str() == "/page")
        );
        let shared = browser.callback(&gate, "CODE", &"0".repeat(32)).await.expect_err("outside");
        assert!(matches!(shared, Error::NotInWechat { .. }));
    }
}

#[tokio::test]
async fn the_login_endpoint_takes_a_scope_and_a_target() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let away = browser.get(&gate, "/_wechat/login?rd=%2Fa%3Fb%23%2Froute&scope=userinfo").await.expect("away");
    assert!(away.location.contains("&scope=snsapi_userinfo&"));
    let back = browser.callback(&gate, "CODE", &state_of(&away)).await.expect("back");
    assert_eq!(back.location, "/a?b#/route");
    for target in ["/_wechat/login?rd=/c%23d", "/_wechat/login?rd=/c%23d&scope=userinfo"] {
        let there = browser.get(&gate, target).await.expect("already signed in");
        assert_eq!((there.status, there.location.as_str()), (StatusCode::FOUND, "/c#d"));
    }
    for bad in ["/_wechat/login?scope=snsapi_base", "/_wechat/login?scope="] {
        assert!(matches!(browser.get(&gate, bad).await, Err(Error::BadRequest(_))), "{bad}");
    }
    assert!(matches!(browser.get(&gate, "/_wechat/login?rd=/a&rd=/b").await, Err(Error::RepeatedParameter)));
    assert_eq!(gate.login.login_url(&gate.login.return_to("/a?b=c d#e")), "/_wechat/login?rd=%2Fa%3Fb%3Dc%2520d%23e");
}

#[tokio::test]
async fn r2_a_foreign_target_is_the_front_page() {
    let gate = gate(well).await;
    for (n, rd) in
        ["https://evil.example/", "//evil.example", "/%5Cevil.example", "%2F%09%2Fevil.example"].iter().enumerate()
    {
        let mut browser = Browser::new();
        let away = browser.get(&gate, &format!("/_wechat/login?rd={rd}")).await.expect("away");
        let back = browser.callback(&gate, &format!("CODE-{n}"), &state_of(&away)).await.expect("back");
        assert_eq!(back.location, "/#", "{rd}");
    }
}

#[tokio::test]
async fn r10_an_id_that_is_none_fails_the_sign_in() {
    let gate = gate(|_| Reply::json(&token("o<script>alert(1)</script>", "snsapi_base"))).await;
    let mut browser = Browser::new();
    let refused = browser.sign_in(&gate, Scope::Base, "CODE").await.expect_err("no id");
    assert!(matches!(refused, Error::WechatUnavailable { .. }));
    assert!(browser.session(&gate).is_none());
}

#[tokio::test]
async fn r39_sign_ins_are_counted_by_address() {
    let gate = Gate::with(well, Wishes { attempts_per_minute: 2, ..Wishes::default() }).await;
    let mut browser = Browser::new();
    for _ in 0..2 {
        browser.open(&gate, "/", Scope::Base).await.expect("within the allowance");
    }
    for target in ["/_wechat/login", "/_wechat/callback?code=C"] {
        let refused = browser.get(&gate, target).await.expect_err("one too many");
        assert!(
            matches!(refused, Error::RateLimited { retry_after } if retry_after == Duration::from_secs(30)),
            "{target}"
        );
    }
}
