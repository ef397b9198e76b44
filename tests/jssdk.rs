//! `/jsconfig`, `P/jsconfig` and `P/wx.js` from outside: a gate, a pretend WeChat, and pages that ask for signatures.

mod support;

#[path = "jssdk/helper.rs"]
mod helper;
#[path = "jssdk/pages.rs"]
mod pages;
#[path = "jssdk/tickets.rs"]
mod tickets;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, Settings};

use support::visit::{at_public_url, component};
use support::{Answer, START, WECHAT, World};

/// What the pretend WeChat gives out in these tests.
const TICKET: &str = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg";

/// A gate for m.example.com with `extra` in its configuration, and a WeChat whose ticket is known.
async fn world(extra: &str) -> World {
    let world = World::with(|text| at_public_url(&text, "https://m.example.com") + extra, Settings::default()).await;
    let body = json!({ "errcode": 0, "errmsg": "ok", "ticket": TICKET, "expires_in": 7200 }).to_string();
    world.fault(&json!({ "api": "getticket", "body": body }).to_string()).await;
    world
}

/// What a script on some page gets for these parameters.
async fn ask(world: &World, query: &str) -> Answer {
    world.browser(WECHAT).fetch(&world.url(&format!("/jsconfig{query}"))).await
}

/// The same for a page's address, sent as WeChat's documentation says.
async fn sign(world: &World, page: &str) -> Answer {
    ask(world, &format!("?url={}", component(page))).await
}

/// Whether an answer is a good `wx.config` for a page, by our own reading of WeChat's rules.
#[track_caller]
fn assert_signed(answer: &Answer, page: &str) -> Value {
    assert_eq!(answer.status, 200, "{page}: {}", answer.text());
    assert_eq!(answer.content_type(), "application/json");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("access-control-allow-origin"), None, "pages of this origin only");
    assert!(answer.header("set-cookie").is_none());
    let config = answer.json();
    assert_eq!(config["appId"], APP_ID);
    assert_eq!(config["timestamp"], START.0, "a number");
    let nonce = config["nonceStr"].as_str().expect("text");
    assert!(
        nonce.len() >= 16 && nonce.len() <= 32 && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{nonce}"
    );
    let text = format!("jsapi_ticket={TICKET}&noncestr={nonce}&timestamp={}&url={page}", START.0);
    let signature = HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref());
    assert_eq!(config["signature"], signature.as_str(), "{page}");
    config
}
