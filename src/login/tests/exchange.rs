//! A code is spent once, and everybody who may know its outcome gets that one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::gate::{EXCHANGE, Wishes, state_of};
use super::sign_in::well;
use super::{Browser, Gate, gate};
use crate::login::Error;
use crate::store::{Key, Pending, Store};
use crate::types::Scope;
use crate::wechat::scripted::{OPENID, Reply, token};

/// A WeChat that answers when it is allowed to.
fn held() -> (Arc<Semaphore>, impl Fn(&str) -> Reply + Send + Sync + 'static) {
    let permits = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&permits);
    (permits, move |_: &str| Reply::Held(Arc::clone(&held), token(OPENID, "snsapi_base").into()))
}

async fn asked(gate: &Gate) {
    while gate.wechat.asked(EXCHANGE).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn two_hundred_callbacks_with_one_code_ask_wechat_once() {
    let (permits, script) = held();
    let gate = Arc::new(gate(script).await);
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&gate, "/page#x", Scope::Base).await.expect("away"));
    let mut callbacks = JoinSet::new();
    for _ in 0..200 {
        let (gate, mut browser, state) = (Arc::clone(&gate), browser.clone(), state.clone());
        callbacks.spawn(async move {
            let back = browser.callback(&gate, "CODE", &state).await.expect("back");
            (back.location, browser.session(&gate).expect("a session").id)
        });
    }
    asked(&gate).await;
    permits.add_permits(200);
    let outcomes = callbacks.join_all().await;
    assert_eq!(outcomes.len(), 200);
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "one session for all");
    assert_eq!(gate.wechat.asked(EXCHANGE).len(), 1);
}

#[tokio::test]
async fn a_repeated_callback_finds_session_and_target_for_ten_minutes() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("away"));
    browser.callback(&gate, "CODE", &state).await.expect("back");
    let id = browser.session(&gate).expect("a session").id;
    gate.clock.advance(Duration::from_secs(599));
    browser.lose_session();
    let back = browser.callback(&gate, "CODE", &state).await.expect("back again");
    assert_eq!((back.location.as_str(), browser.session(&gate).expect("a session").id), ("/page#", id));
    gate.clock.advance(Duration::from_secs(1));
    browser.lose_session();
    let late = browser.callback(&gate, "CODE", &state).await.expect("away again");
    assert_ne!(state_of(&late), state);
    assert_eq!(gate.wechat.asked(EXCHANGE).len(), 1);
}

#[tokio::test]
async fn the_back_button_brings_back_no_older_session() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("away"));
    browser.callback(&gate, "CODE-1", &state).await.expect("back");
    let stepped = state_of(&browser.open(&gate, "/profile", Scope::UserInfo).await.expect("away"));
    let narrow = browser.clone();
    browser.callback(&gate, "CODE-2", &stepped).await.expect("back");
    let back = browser.callback(&gate, "CODE-1", &state).await.expect("the back button");
    assert_eq!((back.location.as_str(), back.cookies.len()), ("/page#", 0));
    assert_eq!(browser.session(&gate).expect("a session").scope, Scope::UserInfo);
    // Whoever lost the answer to stepping up still gets it.
    let mut narrow = narrow;
    narrow.callback(&gate, "CODE-2", &stepped).await.expect("back");
    assert_eq!(narrow.session(&gate).expect("a session").scope, Scope::UserInfo);
    assert_eq!(gate.wechat.asked(EXCHANGE).len(), 2);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_waste_the_code() {
    let (permits, script) = held();
    let gate = Arc::new(gate(script).await);
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("away"));
    let gone = tokio::spawn({
        let (gate, mut browser, state) = (Arc::clone(&gate), browser.clone(), state.clone());
        async move { browser.callback(&gate, "CODE", &state).await.map(|back| back.location) }
    });
    asked(&gate).await;
    gone.abort();
    assert!(gone.await.expect_err("aborted").is_cancelled());
    permits.add_permits(1);
    browser.callback(&gate, "CODE", &state).await.expect("back");
    assert!(browser.session(&gate).is_some());
    assert_eq!(gate.wechat.asked(EXCHANGE).len(), 1);
}

#[tokio::test]
async fn replicas_with_one_store_spend_a_code_once() {
    let (permits, script) = held();
    let first = Arc::new(gate(script).await);
    let second = first.replica();
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&first, "/page", Scope::Base).await.expect("away"));
    let there = tokio::spawn({
        let (gate, mut browser, state) = (Arc::clone(&first), browser.clone(), state.clone());
        async move { browser.callback(&gate, "CODE", &state).await.map(|_| browser.session(&gate).map(|s| s.id)) }
    });
    asked(&first).await;
    permits.add_permits(1);
    browser.callback(&second, "CODE", &state).await.expect("back");
    let id = browser.session(&second).map(|session| session.id);
    assert_eq!(there.await.expect("no panic").expect("back"), id);
    assert_eq!(first.wechat.asked(EXCHANGE).len(), 1);
}

#[tokio::test]
async fn r1_a_code_is_worth_nothing_with_another_state() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::Base, "CODE").await.expect("signed in");
    let mut thief = Browser::new();
    let away = thief.sign_in(&gate, Scope::Base, "CODE").await.expect("away again");
    state_of(&away);
    assert!(thief.session(&gate).is_none());
    assert_eq!(gate.wechat.asked(EXCHANGE).len(), 1);
}

#[tokio::test]
async fn a_refused_code_starts_again_or_goes_on_with_the_session() {
    for errcode in [40029, 40163, 42003] {
        let gate = gate(well).await;
        let mut browser = Browser::new();
        browser.sign_in(&gate, Scope::Base, "GOOD").await.expect("signed in");
        gate.wechat.now(move |_| Reply::errcode(errcode));
        let back = browser.sign_in(&gate, Scope::Base, "BAD").await.expect("back");
        assert_eq!((back.status.as_u16(), back.location.as_str()), (303, "/page?a=1#"), "{errcode}");
        // The session does not show what was asked for, so the target would only ask again.
        state_of(&browser.sign_in(&gate, Scope::UserInfo, "WORSE").await.expect("away again"));
        let mut stranger = Browser::new();
        state_of(&stranger.sign_in(&gate, Scope::Base, "BAD-TOO").await.expect("away again"));
        assert_eq!(stranger.flows(), 1, "the flow that failed is forgotten");
        assert!(stranger.session(&gate).is_none());
    }
}

#[tokio::test]
async fn wechat_in_trouble_is_a_page_with_a_way_on() {
    for (reply, slow) in [
        (Reply::Silence, true),
        (Reply::Reset, false),
        (Reply::json("<html>busy</html>"), false),
        (Reply::Body(vec![b'x'; 100 << 10]), false),
        (Reply::errcode(-1), false),
        (Reply::errcode(45011), false),
    ] {
        let budget = if slow { Duration::from_secs(2) } else { Duration::from_secs(8) };
        let gate = Gate::with(move |_| reply.clone(), Wishes { budget, ..Wishes::default() }).await;
        let mut browser = Browser::new();
        let state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("away"));
        for _ in 0..2 {
            let refused = browser.callback(&gate, "CODE", &state).await.expect_err("trouble");
            assert!(matches!(refused, Error::WechatUnavailable { retry, .. } if retry.as_str() == "/page"));
        }
        assert_eq!(gate.wechat.asked(EXCHANGE).len(), 1, "the code may be gone: it is never sent twice");
    }
}

#[tokio::test]
async fn refused_credentials_and_refused_users_have_pages_of_their_own() {
    let gate = gate(|_| Reply::errcode(40125)).await;
    let mut browser = Browser::new();
    let refused = browser.sign_in(&gate, Scope::Base, "CODE").await.expect_err("misconfigured");
    assert!(matches!(refused, Error::WechatMisconfigured));
    gate.wechat.now(|_| Reply::errcode(40226));
    let refused = browser.sign_in(&gate, Scope::Base, "OTHER").await.expect_err("refused");
    assert!(matches!(refused, Error::Declined { retry, .. } if retry.as_str() == "/page?a=1"));
}

#[tokio::test]
async fn a_callback_that_meets_a_stopping_gate_gets_an_answer() {
    let stopped = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let runtime = Some(stopped.handle().clone());
    stopped.shutdown_background();
    let gate = Gate::with(well, Wishes { runtime, ..Wishes::default() }).await;
    for code in ["CODE", "CODE"] {
        let refused = Browser::new().sign_in(&gate, Scope::Base, code).await.expect_err("stopping");
        assert!(matches!(refused, Error::WechatUnavailable { .. }));
    }
}

/// A store that is away.
#[derive(Debug)]
pub(super) struct Away;

fn away<T>() -> Pending<'static, T>
where
    T: Send + 'static,
{
    Box::pin(async { Err(crate::store::Error("nobody there".into())) })
}

impl Store for Away {
    fn get(&self, _: Key) -> Pending<'_, Option<bytes::Bytes>> {
        away()
    }

    fn put(&self, _: Key, _: bytes::Bytes, _: Duration) -> Pending<'_, ()> {
        away()
    }

    fn take(&self, _: Key) -> Pending<'_, Option<bytes::Bytes>> {
        away()
    }

    fn put_new(&self, _: Key, _: bytes::Bytes, _: Duration) -> Pending<'_, bool> {
        away()
    }
}

#[tokio::test]
async fn without_the_store_sign_ins_go_on() {
    let gate = Gate::with(well, Wishes { store: Some(Arc::new(Away)), ..Wishes::default() }).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::UserInfo, "CODE").await.expect("signed in");
    assert!(browser.session(&gate).is_some());
}
