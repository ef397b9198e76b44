//! What `P/me` tells the visitor.

use std::time::Duration;

use serde_json::{Value, json};

use super::gate::PROFILE;
use super::sign_in::well;
use super::{Browser, Gate, gate};
use crate::types::Scope;
use crate::wechat::scripted::{OPENID, Reply};

async fn me(gate: &Gate, browser: &mut Browser, target: &str) -> Value {
    let head = browser.head("GET", target, &[]);
    let session = gate.session_of(&head).expect("a session");
    let answer = gate.me.answer(&head, Some(&session)).await.expect("signed in");
    browser.take(answer.cookie.as_slice());
    serde_json::from_str(&answer.json).expect("JSON")
}

#[tokio::test]
async fn what_is_unknown_is_absent() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::Base, "CODE").await.expect("signed in");
    assert_eq!(
        me(&gate, &mut browser, "/_wechat/me").await,
        json!({
            "openid": OPENID, "appid": "wx0123456789abcdef", "account": "official_account", "scope": "snsapi_base",
            "snapshot": false, "signed_in_at": 1_000_000, "expires_at": 1_000_000 + 7 * 24 * 3600,
        })
    );
    assert_eq!(me(&gate, &mut browser, "/_wechat/me?fresh=1").await["stale"], json!(true), "base shows no profile");
    assert_eq!(gate.wechat.asked(PROFILE).len(), 0);
}

#[tokio::test]
async fn fresh_asks_again_and_the_session_remembers() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::UserInfo, "CODE").await.expect("signed in");
    let id = browser.session(&gate).expect("a session").id;
    assert_eq!(me(&gate, &mut browser, "/_wechat/me").await["nickname"], "小明");
    gate.wechat.now(|_| Reply::profile("小红"));
    gate.clock.advance(Duration::from_hours(1));
    assert_eq!(me(&gate, &mut browser, "/_wechat/me?fresh=0").await["nickname"], "小明");
    let fresh = me(&gate, &mut browser, "/_wechat/me?fresh=1").await;
    assert_eq!((&fresh["nickname"], &fresh["stale"]), (&json!("小红"), &Value::Null));
    assert_eq!(fresh["signed_in_at"], 1_000_000);
    assert_eq!(me(&gate, &mut browser, "/_wechat/me").await["nickname"], "小红");
    assert_eq!(browser.session(&gate).expect("a session").id, id);
}

#[tokio::test]
async fn what_cannot_be_fetched_again_is_stale() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::UserInfo, "CODE").await.expect("signed in");
    for reply in [Reply::errcode(48001), Reply::errcode(45011), Reply::Reset, Reply::json("[]")] {
        gate.wechat.now(move |_| reply.clone());
        let known = me(&gate, &mut browser, "/_wechat/me?fresh=1").await;
        assert_eq!((&known["nickname"], &known["stale"]), (&json!("小明"), &json!(true)));
    }
}
