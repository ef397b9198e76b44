//! Rules 1 to 9: the authorize link, its pages, and the way back.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wxgate::simulator::{APP_ID, Scope, Settings};

use crate::harness::{Answer, CALLBACK, OFFICIAL, Sim, WEBSITE, bare_link, link, parameter, text};

const LIN: &[(&str, &str)] = &[("x-sim-user", "lin")];
const BASE: &str = "snsapi_base";
const USERINFO: &str = "snsapi_userinfo";

#[tokio::test]
async fn rule_1_parameters_out_of_order_reach_nobody_but_the_lenient() {
    let sim = Sim::start().await;
    let swapped = format!(
        "redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&appid={APP_ID}&response_type=code&scope=snsapi_base&state=s&connect_redirect=1"
    );
    assert!(sim.visit(&swapped, LIN).await.shows("该链接无法访问"));
    let extra = format!("{}&prompt=none", link(APP_ID, CALLBACK, BASE, "s"));
    assert!(sim.visit(&extra, LIN).await.shows("该链接无法访问"));
    sim.control("rules", &json!({"lenient": true})).await;
    assert!(sim.visit(&swapped, LIN).await.location().starts_with("http://127.0.0.1/cb?code="));
    sim.visit(&extra, LIN).await.location();
}

#[tokio::test]
async fn rule_2_pages_look_at_their_own_fragment() {
    let sim = Sim::start().await;
    let picker = sim.visit(&link(APP_ID, CALLBACK, BASE, "s"), &[]).await;
    assert!(picker.shows("location.hash !== '#wechat_redirect'"));
    assert!(picker.shows(r#"<template id="no-fragment">"#));
    let raw = link(APP_ID, CALLBACK, USERINFO, "s");
    let consent = sim.submit(&[("link", &raw), ("user", "lin")]).await;
    assert!(consent.shows("location.hash !== '#wechat_redirect'"));
    // Forms carry the fragment on, as WeChat's own navigation does.
    assert!(consent.shows(r#"action="/connect/oauth2/pick#wechat_redirect""#));
}

#[tokio::test]
async fn rule_3_other_browsers_are_told_to_use_wechat() {
    let sim = Sim::start().await;
    let target = format!("/connect/oauth2/authorize?{}", link(APP_ID, CALLBACK, BASE, "s"));
    let firefox = [("user-agent", "Mozilla/5.0 Firefox/140.0"), ("x-sim-user", "lin")];
    for headers in [&firefox[..], &firefox[1..]] {
        let answer = sim.ask("GET", &target, headers, b"").await.unwrap();
        assert!(answer.shows("请在微信客户端打开链接"), "{answer:?}");
    }
    sim.control("rules", &json!({"require_wechat": false})).await;
    sim.ask("GET", &target, &firefox, b"").await.unwrap().location();
}

#[tokio::test]
async fn rule_4_page_errors_are_pages_with_their_text_and_number() {
    let sim = Sim::start().await;
    let official = sim.account(OFFICIAL).await;
    let changed = |app_id: &str, key: &str, value| {
        let mut account = official.clone();
        account["app_id"] = json!(app_id);
        account[key] = value;
        account
    };
    let more = [changed("wxbanned", "banned", json!(true)), changed("wxscopes", "scopes", json!([Scope::Base]))];
    sim.control("accounts", &json!(more)).await;
    sim.control("users", &json!({"id": "passerby", "nickname": "路人", "following": "no"})).await;

    let site = "https://m.example.com/cb";
    let check = async |query: String, user: &str, number: u16, message: &str| {
        let page = sim.visit(&query, &[("x-sim-user", user)]).await;
        assert!(page.shows(message) && page.shows(&format!("错误码：{number}")), "{query}: {page:?}");
    };
    let mismatch = "redirect_uri域名与后台配置不一致";
    for foreign in
        ["https://example.com/cb", "https://m.example.com:443/cb", "http://127.0.0.1/cb", "https://m.example.com%0d%0a"]
    {
        check(link(OFFICIAL, foreign, BASE, "s"), "lin", 10003, mismatch).await;
    }
    check(link(APP_ID, "http://10.0.0.1:4180/cb", BASE, "s"), "lin", 10003, mismatch).await;
    check(link("wxbanned", site, BASE, "s"), "lin", 10004, "此公众号被封禁").await;
    check(link("wxscopes", site, USERINFO, "s"), "lin", 10005, "此公众号并没有这些scope的权限").await;
    check(link(APP_ID, CALLBACK, BASE, "s"), "passerby", 10006, "必须关注此测试号").await;
    check(link(OFFICIAL, site, "", "s"), "lin", 10010, "scope不能为空").await;
    check(link(OFFICIAL, "", BASE, "s"), "lin", 10011, "redirect_uri不能为空").await;
    check(link("", site, BASE, "s"), "lin", 10012, "appid不能为空").await;
    check(link(OFFICIAL, site, BASE, ""), "lin", 10013, "state不能为空").await;
    let component = format!("{}&component_appid=wx1", link(OFFICIAL, site, BASE, "s"));
    check(component, "lin", 10015, "公众号未授权第三方平台，请检查授权状态").await;
    check(link(WEBSITE, site, BASE, "s"), "lin", 10016, "不支持微信开放平台的Appid，请使用公众号Appid").await;

    // The right ones pass: an exact host, and at a test account an IP address with a port.
    sim.visit(&link(OFFICIAL, site, BASE, "s"), &[("x-sim-user", "passerby")]).await.location();
    sim.visit(&link("wxscopes", site, BASE, "s"), LIN).await.location();
    sim.visit(&link(APP_ID, CALLBACK, BASE, "s"), LIN).await.location();
    let unknown = sim.visit(&link(OFFICIAL, site, "profile", "s"), LIN).await;
    assert!(unknown.shows("Scope 参数错误或没有 Scope 权限"));
}

#[tokio::test]
async fn rule_4_one_user_may_not_come_too_often() {
    let sim = Sim::with(Settings { sign_ins_per_minute: Some(2), ..Settings::default() }).await;
    let query = link(APP_ID, CALLBACK, BASE, "s");
    for _ in 0..2 {
        sim.visit(&query, LIN).await.location();
    }
    let third = sim.visit(&query, LIN).await;
    assert!(third.shows("操作太频繁了，请稍后重试") && third.shows("10009"));
    sim.visit(&query, &[("x-sim-user", "fei")]).await.location();
    sim.advance(60).await;
    sim.visit(&query, LIN).await.location();
}

#[tokio::test]
async fn rule_5_state_comes_back_as_it_went() {
    let sim = Sim::start().await;
    let check = async |sent: &str, returned: &str| {
        let back = sim.visit(&link(APP_ID, CALLBACK, BASE, sent), LIN).await;
        assert!(back.location().ends_with(&format!("&state={returned}")), "{sent}: {}", back.location());
    };
    check("0123456789abcdef", "0123456789abcdef").await;
    check("%41b%2Fc%26%3D", "Ab%2Fc%26%3D").await;
    check("%E6%B5%8B%ff", "%E6%B5%8B%FF").await;
    check(&"s".repeat(128), &"s".repeat(128)).await;
    let long = sim.visit(&link(APP_ID, CALLBACK, BASE, &"s".repeat(129)), LIN).await;
    assert!(long.shows("state参数过长"));
    sim.control("rules", &json!({"strict_state": true})).await;
    assert!(sim.visit(&link(APP_ID, CALLBACK, BASE, "a-b"), LIN).await.shows("state参数错误"));
    check("aB9", "aB9").await;
}

#[tokio::test]
async fn rule_6_code_and_state_go_between_query_and_fragment() {
    let sim = Sim::start().await;
    let back = sim.visit(&link(APP_ID, "http://localhost:99/cb?a=b#/route", BASE, "s"), LIN).await;
    let (before, after) = back.location().split_once("&code=").unwrap();
    assert_eq!(before, "http://localhost:99/cb?a=b");
    assert_eq!(&after[32..], "&state=s#/route");
}

#[tokio::test]
async fn rule_6_a_refusal_comes_without_code_or_as_authdeny_or_not_at_all() {
    let sim = Sim::start().await;
    let query = link(APP_ID, CALLBACK, USERINFO, "s");
    let answer = async |answer: &str| sim.visit(&query, &[("x-sim-user", "lin"), ("x-sim-answer", answer)]).await;
    assert_eq!(answer("refuse-no-code").await.location(), format!("{CALLBACK}?state=s"));
    assert_eq!(answer("refuse-authdeny").await.location(), format!("{CALLBACK}?code=authdeny&state=s"));
    assert!(answer("refuse-stay").await.shows("已拒绝授权"));
    assert_eq!(answer("perhaps").await.status, 400);
    assert!(sim.events("code").await.is_empty());
    // The button does what the rules say.
    for (refusal, expected) in
        [("no-code", format!("{CALLBACK}?state=s")), ("authdeny", format!("{CALLBACK}?code=authdeny&state=s"))]
    {
        sim.control("rules", &json!({"refusal": refusal})).await;
        let back = sim.submit(&[("link", &query), ("user", "lin"), ("answer", "refuse")]).await;
        assert_eq!(back.location(), expected);
    }
}

#[tokio::test]
async fn rule_7_a_link_without_connect_redirect_hops_once() {
    let sim = Sim::start().await;
    let query = bare_link(APP_ID, CALLBACK, BASE, "s");
    let hop = sim.visit(&query, LIN).await;
    // No fragment: the browser carries its own over.
    assert_eq!(hop.location(), format!("/connect/oauth2/authorize?{query}&connect_redirect=1"));
    let back = sim.get(hop.location()).await;
    assert!(back.shows("选择微信用户"));
    let outcomes: Vec<_> = sim.events("authorize").await.iter().map(|event| event["outcome"].clone()).collect();
    assert_eq!(outcomes, ["hop", "pick"]);
}

/// Answers callbacks with 403 and tells which target was asked for, and whether it came as from WeChat's own machines:
/// with no cookie, and from another address than ours.
async fn site() -> (String, tokio::sync::mpsc::UnboundedReceiver<(String, bool)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callback = format!("http://{}/cb", listener.local_addr().unwrap());
    let (seen, seeing) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, peer)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let target = head.split(' ').nth(1).unwrap().to_owned();
            let machine = !head.contains("\r\ncookie:") && peer.ip().to_string() == "127.0.0.2";
            seen.send((target, machine)).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nset-cookie: a=b\r\n\r\n").await;
        }
    });
    (callback, seeing)
}

#[tokio::test]
async fn rule_7_a_prefetch_spends_nothing_and_comes_before_the_browser() {
    let sim = Sim::start().await;
    let (callback, mut seen) = site().await;
    sim.control("duplicates", &json!({"mode": "prefetch", "times": 1})).await;
    let query = link(APP_ID, &callback, BASE, "s");
    let back = sim.visit(&query, LIN).await;
    let (target, machine) = seen.try_recv().expect("the site was asked before the browser was answered");
    assert!(back.location().to_lowercase().ends_with(&target) && machine);
    let noted = sim.event("duplicate").await;
    assert_eq!(
        (&noted["mode"], &noted["status"], &noted["set_cookie"]),
        (&json!("prefetch"), &json!(403), &json!(true))
    );
    sim.visit(&query, LIN).await.location();
    assert!(seen.try_recv().is_err(), "once means once");
}

#[tokio::test]
async fn rule_7_the_same_code_comes_twice() {
    let sim = Sim::start().await;
    let (callback, mut seen) = site().await;
    sim.control("duplicates", &json!({"mode": "same-code"})).await;
    let back = sim.visit(&link(APP_ID, &callback, BASE, "s"), LIN).await;
    let (target, machine) = tokio::time::timeout(Duration::from_secs(20), seen.recv()).await.unwrap().unwrap();
    assert!(back.location().to_lowercase().ends_with(&target) && machine);
    assert_eq!(sim.events("code").await.len(), 1);
}

#[tokio::test]
async fn rule_7_two_codes_come_with_one_state() {
    let sim = Sim::start().await;
    let (callback, mut seen) = site().await;
    let via = callback.strip_prefix("http://").unwrap().strip_suffix("/cb").unwrap();
    sim.control("duplicates", &json!({"mode": "two-codes", "via": via})).await;
    let back = sim.visit(&link(OFFICIAL, "https://m.example.com/cb", BASE, "s"), LIN).await;
    let (target, _) = seen.recv().await.unwrap();
    assert_eq!(parameter(&target, "state"), parameter(back.location(), "state"));
    assert_ne!(parameter(&target, "code"), parameter(&back.location().to_lowercase(), "code"));
    assert_eq!(sim.events("code").await.len(), 2);
}

#[tokio::test]
async fn rule_8_a_profile_is_asked_for_once_in_thirty_days() {
    let sim = Sim::start().await;
    let query = link(APP_ID, CALLBACK, USERINFO, "s");
    let dialog = |answer: &Answer| answer.shows("获取你的昵称、头像") && answer.shows("小程咖啡 Sim Café");
    let come = async |query: &str, user: &str| sim.submit(&[("link", query), ("user", user)]).await;
    // Base is silent, and so is a follower who comes by the menu.
    come(&link(APP_ID, CALLBACK, BASE, "s"), "lin").await.location();
    come(&query, "fei").await.location();
    assert!(dialog(&come(&query, "lin").await));
    assert!(dialog(&come(&query, "lin").await), "to be asked is not to consent");
    sim.submit(&[("link", &query), ("user", "lin"), ("answer", "allow")]).await.location();
    come(&query, "lin").await.location();
    let forced = format!("{query}&forcePopup=true");
    assert!(dialog(&come(&forced, "lin").await));
    come(&forced, "fei").await.location();
    sim.advance(30 * 24 * 3600).await;
    assert!(dialog(&come(&query, "lin").await));
}

#[tokio::test]
async fn rule_9_a_forced_snapshot_is_somebody_new_each_time() {
    let sim = Sim::start().await;
    let query = format!("{}&forceSnapShot=true", link(APP_ID, CALLBACK, USERINFO, "s"));
    let mut seen = Vec::new();
    for _ in 0..2 {
        let back = sim.submit(&[("link", &query), ("user", "lin")]).await;
        let token = sim.exchange(&parameter(back.location(), "code").unwrap()).await;
        assert_eq!(token["is_snapshotuser"], 1);
        assert_eq!(text(&token, "openid").len(), 28);
        assert_eq!(sim.userinfo(&token).await.json()["nickname"], "微信用户");
        seen.extend([text(&token, "openid").to_owned(), text(&token, "unionid").to_owned()]);
    }
    let real = sim.token("lin", USERINFO).await;
    assert!(real.get("is_snapshotuser").is_none());
    seen.extend([text(&real, "openid").to_owned(), text(&real, "unionid").to_owned()]);
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
    // Now lin has consented lately: the link's wish is ignored. Base was never a matter of snapshots.
    for query in [query, format!("{}&forceSnapShot=true", link(APP_ID, CALLBACK, BASE, "s"))] {
        let back = sim.submit(&[("link", &query), ("user", "lin")]).await;
        let token = sim.exchange(&parameter(back.location(), "code").unwrap()).await;
        assert!(token.get("is_snapshotuser").is_none());
    }
}

#[tokio::test]
async fn rule_9_the_first_page_load_is_a_snapshot_and_the_second_is_not() {
    let sim = Sim::start().await;
    sim.control("snapshot", &json!({"mode": "first"})).await;
    assert_eq!(sim.token("lin", USERINFO).await["is_snapshotuser"], 1);
    assert!(sim.token("lin", USERINFO).await.get("is_snapshotuser").is_none());
    assert_eq!(sim.token("doudou", USERINFO).await["is_snapshotuser"], 1);
    sim.control("snapshot", &json!({"mode": "always"})).await;
    for _ in 0..2 {
        assert_eq!(sim.token("wang", USERINFO).await["is_snapshotuser"], 1);
    }
}

#[tokio::test]
async fn a_browser_picks_a_user_and_may_be_remembered() {
    let sim = Sim::start().await;
    let query = link(APP_ID, CALLBACK, BASE, "s");
    let picker = sim.visit(&query, &[]).await;
    for name in ["林小雨", "阿飞", "老王", "豆豆", "咪咪", "&lt;b&gt;"] {
        assert!(picker.shows(name), "{name}");
    }
    assert!(!picker.text().contains("<b>Söhne"), "names are escaped");
    let once = sim.submit(&[("link", &query), ("user", "lin")]).await;
    assert!(once.location().starts_with(CALLBACK) && once.header("set-cookie").is_none());
    let kept = sim.submit(&[("link", &query), ("user", "lin"), ("remember", "1")]).await;
    let cookie = kept.header("set-cookie").unwrap().split(';').next().unwrap();
    assert_eq!(cookie, "sim_user=lin");
    sim.visit(&query, &[("cookie", &format!("a=b; {cookie}"))]).await.location();
    assert!(sim.visit(&query, &[("cookie", "sim_user=nobody")]).await.shows("选择微信用户"));
    // Somebody else: the picker again, and the cookie goes.
    let other = sim.submit(&[("link", &query)]).await;
    assert!(other.shows("选择微信用户") && other.header("set-cookie").unwrap().contains("Max-Age=0"));
    // The header beats the cookie, and must name somebody.
    let answer = sim.visit(&query, &[("cookie", cookie), ("x-sim-user", "nobody")]).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn an_auto_visitor_meets_redirects_only() {
    let sim = Sim::start().await;
    sim.control("auto", &json!({"user": "lin"})).await;
    let hop = sim.visit(&bare_link(APP_ID, CALLBACK, USERINFO, "s"), &[]).await;
    let back = sim.get(hop.location()).await;
    assert_eq!(parameter(back.location(), "code").unwrap().len(), 32);
    sim.control("auto", &json!({"user": "lin", "answer": "refuse-authdeny"})).await;
    let query = link(APP_ID, CALLBACK, USERINFO, "s");
    assert_eq!(sim.visit(&query, &[]).await.location(), format!("{CALLBACK}?code=authdeny&state=s"));
    sim.control("auto", &json!({"user": null})).await;
    assert!(sim.visit(&query, &[]).await.shows("选择微信用户"));
}
