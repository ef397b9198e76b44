//! Rule 21: pages whose signature WeChat's app accepts, and those whose it does not.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, APP_SECRET, Settings};

use crate::harness::{OFFICIAL, Sim, text};

const NONCE: &str = "Wm3WZYTPz0wzccnW";
const PAGE: &str = "http://127.0.0.1:4180/shop?from=timeline&q=%E8%8C%B6";

/// A fresh or lasting ticket of an account; all of them share one secret.
async fn ticket(sim: &Sim, app_id: &str, kind: &str) -> String {
    let form = json!({"grant_type": "client_credential", "appid": app_id, "secret": APP_SECRET});
    let answer = sim.ask("POST", "/cgi-bin/stable_token", &[], form.to_string().as_bytes()).await.unwrap().json();
    let token = text(&answer, "access_token");
    let answer = sim.get(&format!("/cgi-bin/ticket/getticket?access_token={token}&type={kind}")).await.json();
    text(&answer, "ticket").to_owned()
}

/// A `wx.config` on this page, signed with this ticket for this URL.
fn config(ticket: &str, signed: &str, page: &str) -> Value {
    let string1 = format!("jsapi_ticket={ticket}&noncestr={NONCE}&timestamp=1414587457&url={signed}");
    let signature = data_encoding::HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, string1.as_bytes()).as_ref());
    json!({
        "appId": APP_ID, "timestamp": 1_414_587_457, "nonceStr": NONCE, "signature": signature,
        "url": page, "mode": "android", "jsApiList": ["updateAppMessageShareData"],
    })
}

async fn verify(sim: &Sim, config: &Value) -> Value {
    let answer = sim.ask("POST", "/__sim/jssdk/verify", &[], config.to_string().as_bytes()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Asserts the outcome, and a word of the hint where there is one.
#[track_caller]
fn judged(answer: &Value, outcome: &str, hint: &str) {
    assert_eq!(answer["errMsg"], format!("config:{outcome}"), "{answer}");
    assert!(answer["hint"].as_str().unwrap_or_default().contains(hint), "{answer}");
    assert_eq!(answer["hint"].is_null(), outcome == "ok", "{answer}");
}

#[tokio::test]
async fn rule_21_a_page_signed_byte_for_byte_is_accepted() {
    let sim = Sim::start().await;
    let ticket = ticket(&sim, APP_ID, "jsapi").await;
    judged(&verify(&sim, &config(&ticket, PAGE, PAGE)).await, "ok", "");
    judged(&verify(&sim, &config(&ticket, PAGE, &format!("{PAGE}#/route?x"))).await, "ok", "");
    let mut as_text = config(&ticket, PAGE, PAGE);
    as_text["timestamp"] = json!("1414587457");
    judged(&verify(&sim, &as_text).await, "ok", "");
    for odd in ["http://127.0.0.1:4180/茶?a=b c", "http://LOCALHOST/%3a//..//x?&&=#", "http://127.0.0.1"] {
        let (address, _) = odd.split_once('#').unwrap_or((odd, ""));
        // A space never stands in a page's address.
        let expected = if odd.contains(' ') { "invalid url domain" } else { "ok" };
        let answer = verify(&sim, &config(&ticket, address, odd)).await;
        assert_eq!(answer["errMsg"], format!("config:{expected}"), "{odd}");
    }
}

#[tokio::test]
async fn rule_21_anything_else_that_was_signed_is_invalid_and_named() {
    let sim = Sim::start().await;
    let ticket_ = ticket(&sim, APP_ID, "jsapi").await;
    let check = async |ticket: &str, signed: &str, page: &str, hint: &str| {
        judged(&verify(&sim, &config(ticket, signed, page)).await, "invalid signature", hint);
    };
    check(&ticket_, &PAGE.replace("%E8%8C%B6", "茶"), PAGE, "decoded").await;
    check(&ticket_, "http://127.0.0.1:4180/shop", PAGE, "without the query").await;
    let with_fragment = format!("{PAGE}#top");
    check(&ticket_, &with_fragment, &with_fragment, "with the fragment").await;
    check(&ticket_, "http://127.0.0.1:4180/", PAGE, "no ticket").await;
    check(&ticket_, &PAGE.replace(":4180", ""), PAGE, "no ticket").await;
    check("sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy", PAGE, PAGE, "no ticket").await;
    let card = ticket(&sim, APP_ID, "wx_card").await;
    check(&card, PAGE, PAGE, "wx_card").await;
    let other = ticket(&sim, OFFICIAL, "jsapi").await;
    check(&other, PAGE, PAGE, "no ticket").await;
    let good = config(&ticket_, PAGE, PAGE);
    let upper = text(&good, "signature").to_uppercase();
    for (member, value) in [("signature", json!(upper)), ("nonceStr", json!("other")), ("timestamp", json!(1))] {
        let mut changed = good.clone();
        changed[member] = value;
        judged(&verify(&sim, &changed).await, "invalid signature", "no ticket");
    }
    judged(&verify(&sim, &good).await, "ok", "");
}

#[tokio::test]
async fn rule_21_ios_looks_at_the_entry_url_and_android_at_the_current_one() {
    let sim = Sim::start().await;
    let ticket = ticket(&sim, APP_ID, "jsapi").await;
    let (entry, now) = ("http://127.0.0.1:4180/?code=x", "http://127.0.0.1:4180/orders");
    let check = async |mode: &str, signed: &str, outcome: &str, hint: &str| {
        let mut config = config(&ticket, signed, now);
        config["mode"] = json!(mode);
        config["entry_url"] = json!(format!("{entry}#/start"));
        let answer = verify(&sim, &config).await;
        judged(&answer, outcome, hint);
        assert_eq!(answer["looked_at"], if mode == "ios" { entry } else { now });
    };
    check("ios", entry, "ok", "").await;
    check("ios", now, "invalid signature", "URL of now").await;
    check("android", now, "ok", "").await;
    check("android", entry, "invalid signature", "loaded from").await;
    let mut landing = config(&ticket, now, now);
    landing["mode"] = json!("ios");
    judged(&verify(&sim, &landing).await, "ok", "");
    let events = sim.events("jssdk").await;
    let outcomes: Vec<_> = events.iter().map(|event| text(event, "outcome")).collect();
    assert_eq!(outcomes, ["ok", "invalid signature", "ok", "invalid signature", "ok"]);
    assert_eq!((&events[0]["mode"], &events[0]["looked_at"]), (&json!("ios"), &json!(entry)));
    assert_eq!(events[0]["js_api_list"], json!(["updateAppMessageShareData"]));
}

#[tokio::test]
async fn rule_21_the_domain_is_judged_before_the_signature() {
    let sim = Sim::start().await;
    let mut account = sim.account(OFFICIAL).await;
    account["js_hosts"] = json!(["m.example.com"]);
    sim.control("accounts", &account).await;
    let ticket = ticket(&sim, OFFICIAL, "jsapi").await;
    for (page, outcome) in [
        ("https://m.example.com/", "ok"),
        ("https://m.example.com:443/", "ok"),
        ("https://m.example.com:8443/", "invalid url domain"),
        ("https://example.com/", "invalid url domain"),
        ("http://127.0.0.1/", "invalid url domain"),
    ] {
        let mut config = config(&ticket, page, page);
        config["appId"] = json!(OFFICIAL);
        assert_eq!(verify(&sim, &config).await["errMsg"], format!("config:{outcome}"), "{page}");
    }
    let mut nobody = config(&ticket, PAGE, PAGE);
    nobody["appId"] = json!("wxffffffffffffffff");
    judged(&verify(&sim, &nobody).await, "invalid appid", "no such account");
}

#[tokio::test]
async fn rule_21_both_tickets_sign_while_they_overlap_and_neither_beyond_its_end() {
    let sim = Sim::start().await;
    let first = ticket(&sim, APP_ID, "jsapi").await;
    sim.advance(7000).await;
    let second = ticket(&sim, APP_ID, "jsapi").await;
    assert_ne!(first, second);
    judged(&verify(&sim, &config(&first, PAGE, PAGE)).await, "ok", "");
    judged(&verify(&sim, &config(&second, PAGE, PAGE)).await, "ok", "");
    sim.advance(200).await;
    judged(&verify(&sim, &config(&first, PAGE, PAGE)).await, "invalid signature", "dead");
    judged(&verify(&sim, &config(&second, PAGE, PAGE)).await, "ok", "");
    sim.control("kill", &json!({"what": ["jsapi"]})).await;
    judged(&verify(&sim, &config(&second, PAGE, PAGE)).await, "invalid signature", "dead");
}

#[tokio::test]
async fn rule_21_pages_of_any_origin_may_ask() {
    let sim = Sim::start().await;
    let origin = [("origin", "https://m.example.com"), ("access-control-request-method", "POST")];
    let preflight = sim.ask("OPTIONS", "/__sim/jssdk/verify", &origin, b"").await.unwrap();
    assert_eq!((preflight.status, preflight.header("access-control-allow-headers")), (204, Some("content-type")));
    let mistaken = sim.ask("POST", "/__sim/jssdk/verify", &origin, b"{\"appId\":").await.unwrap();
    assert_eq!((mistaken.status, mistaken.header("access-control-allow-origin")), (400, Some("*")));
    assert!(text(&mistaken.json(), "error").contains("EOF"));
    assert_eq!(sim.get("/__sim/jssdk/verify").await.status, 405);
    assert!(sim.events("jssdk").await.is_empty());
}

#[tokio::test]
async fn rule_21_the_bridge_knows_its_verifier() {
    let sim = Sim::start().await;
    let script = sim.get("/__sim/bridge.js").await;
    assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    assert!(script.text().contains(&format!("var VERIFIER = \"http://{}/__sim/jssdk/verify\";", sim.address)));
    let base_url = Some("http://wechat.test:9/\"x".to_owned());
    let sim = Sim::with(Settings { base_url, ..Settings::default() }).await;
    assert!(sim.get("/__sim/bridge.js").await.text().contains(r#"var VERIFIER = "http://wechat.test:9/\"x/__sim/"#));
}

/// What the bridge answers to a page of this user agent; see `bridge.mjs`.
async fn bridge(sim: &Sim, user_agent: &str) -> Value {
    let ticket = ticket(sim, APP_ID, "jsapi").await;
    let simulator = format!("http://{}", sim.address);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/simulator/bridge.mjs");
    let mut node = std::process::Command::new("node");
    node.args([script, &simulator, APP_ID, &ticket, user_agent]);
    let output =
        tokio::task::spawn_blocking(move || node.output()).await.unwrap().expect("node: tests/run installs it");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {complaint}"))
}

#[tokio::test]
async fn rule_21_the_bridge_lets_through_what_was_granted_where_it_was_granted() {
    const OFFLINE: &str = "updateAppMessageShareData:the permission value is offline verifying";
    const SHARED: &str = "updateAppMessageShareData:ok";
    const REFUSED: &str = "updateAppMessageShareData:permission denied";
    const INVALID: &str = "preVerifyJSAPI:fail_invalid signature";
    let sim = Sim::start().await;
    let (ios, android) =
        (bridge(&sim, "iPhone MicroMessenger/8").await, bridge(&sim, "Linux; Android MicroMessenger/8").await);
    for told in [&ios, &android] {
        assert_eq!((&told["early"], &told["ready"]), (&json!("undefined"), &json!(1)));
        assert_eq!((text(told, "before"), text(told, "network")), (OFFLINE, "network_type:wifi"));
        assert_eq!((text(told, "landing"), text(told, "shared")), ("preVerifyJSAPI:ok", SHARED));
        assert_eq!(text(told, "menu"), "shareTimeline:ok");
        assert_eq!(text(told, "unlisted"), "scanQRCode:the permission value is offline verifying");
        assert_eq!((&told["taps"], &told["tapped"]), (&json!([true, false]), &json!("timeline")));
        assert_eq!(told["calls"], 11);
    }
    assert_eq!(ios["checked"], json!({"updateAppMessageShareData": true, "scanQRCode": false}));
    assert_eq!(android["checked"], r#"{"updateAppMessageShareData":true,"scanQRCode":false}"#, "a text on Android");
    let after = |told: &Value| {
        ["pushed", "signed_for_entry", "signed_for_now", "shared_at_last"].map(|name| text(told, name).to_owned())
    };
    assert_eq!(after(&ios), [SHARED, "preVerifyJSAPI:ok", INVALID, REFUSED]);
    assert_eq!(after(&android), [OFFLINE, INVALID, "preVerifyJSAPI:ok", SHARED]);
}
