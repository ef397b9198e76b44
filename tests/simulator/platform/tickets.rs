//! Rules 20 and 22: tickets, WeChat's addresses, and quotas that are given back.

use serde_json::json;
use wxgate::simulator::{APP_ID, APP_SECRET};

use super::{classic, post, stable, ticket, token};
use crate::harness::{OFFICIAL, Sim, text};

#[tokio::test]
async fn rule_20_a_ticket_of_each_kind_that_stays_until_its_end_is_near() {
    let sim = Sim::start().await;
    let access = stable(&sim, false).await;
    let jsapi = ticket(&sim, token(&access), "jsapi").await;
    assert_eq!((&jsapi["errcode"], &jsapi["errmsg"], &jsapi["expires_in"]), (&json!(0), &json!("ok"), &json!(7200)));
    assert_eq!(text(&jsapi, "ticket").len(), 86);
    let card = ticket(&sim, token(&access), "wx_card").await;
    assert_ne!(card["ticket"], jsapi["ticket"]);
    // The token it was fetched with may die, and another kind of token does as well.
    sim.advance(3000).await;
    stable(&sim, true).await;
    let other = classic(&sim).await;
    let again = ticket(&sim, token(&other), "jsapi").await;
    assert_eq!(again["ticket"], jsapi["ticket"]);
    let left = again["expires_in"].as_u64().unwrap();
    assert!((4140..=4200).contains(&left), "{left}");
    sim.advance(4000).await;
    let next = ticket(&sim, token(&other), "jsapi").await;
    assert_ne!(next["ticket"], jsapi["ticket"]);
    assert_eq!(next["expires_in"], 7200);
}

#[tokio::test]
async fn rule_20_no_ticket_without_a_live_token_a_type_and_quota() {
    let sim = Sim::start().await;
    let access = classic(&sim).await;
    let access = token(&access);
    let unknown =
        if access.starts_with("10") { access.replacen("10", "11", 1) } else { access.replacen(&access[..2], "10", 1) };
    for (access, kind, errcode) in [
        ("", "jsapi", 41001),
        ("nonsense", "jsapi", 40014),
        (unknown.as_str(), "jsapi", 40001),
        (access, "", 40097),
        (access, "agent_config", 40097),
    ] {
        assert_eq!(ticket(&sim, access, kind).await["errcode"], errcode, "{access} {kind}");
    }
    sim.control("quotas", &json!({"getticket": 1})).await;
    assert_eq!(ticket(&sim, access, "jsapi").await["errcode"], 0);
    assert_eq!(ticket(&sim, access, "wx_card").await["errcode"], 45009);
    sim.advance(7200).await;
    assert_eq!(ticket(&sim, access, "jsapi").await["errcode"], 42001);
    let target = format!("/cgi-bin/ticket/getticket?access_token={access}&type=jsapi");
    assert_eq!(post(&sim, &target, &json!({})).await.errcode(), 43001);
}

#[tokio::test]
async fn rule_20_a_visitors_token_is_no_platform_token() {
    let sim = Sim::start().await;
    let visitors = sim.token("lin", "snsapi_userinfo").await;
    assert_eq!(ticket(&sim, token(&visitors), "jsapi").await["errcode"], 40001);
}

#[tokio::test]
async fn rule_22_addresses_are_listed_for_who_has_a_token() {
    let sim = Sim::start().await;
    let access = stable(&sim, false).await;
    for path in ["getcallbackip", "get_api_domain_ip"] {
        let answer = sim.get(&format!("/cgi-bin/{path}?access_token={}", token(&access))).await.json();
        assert!(answer["ip_list"].as_array().is_some_and(|list| !list.is_empty()), "{answer}");
        assert!(answer.get("errcode").is_none());
        assert_eq!(sim.get(&format!("/cgi-bin/{path}")).await.errcode(), 41001);
    }
    let ranges = sim.get(&format!("/cgi-bin/getcallbackip?access_token={}", token(&access))).await.json();
    assert_eq!(ranges["ip_list"][0], "101.226.103.0/25");
    assert_eq!(sim.get("/cgi-bin/nonsense").await.errcode(), 40066);
}

#[tokio::test]
async fn rule_22_a_cleared_quota_can_be_used_again_ten_times_a_month() {
    let sim = Sim::start().await;
    sim.control("quotas", &json!({"token": 1, "clear_quota_per_month": 2})).await;
    let access = classic(&sim).await;
    assert_eq!(classic(&sim).await["errcode"], 45009);
    let by_token = format!("/cgi-bin/clear_quota?access_token={}", token(&access));
    assert_eq!(post(&sim, &by_token, &json!({"appid": OFFICIAL})).await.errcode(), 40013);
    assert_eq!(post(&sim, &by_token, &json!({})).await.errcode(), 47001);
    assert_eq!(post(&sim, &by_token, &json!({"appid": APP_ID})).await.errcode(), 0);
    assert!(classic(&sim).await.get("access_token").is_some());
    // Without a token, by the secret.
    let by_secret = format!("/cgi-bin/clear_quota/v2?appid={APP_ID}&appsecret={APP_SECRET}");
    assert_eq!(post(&sim, &by_secret.replace(APP_SECRET, "0"), &json!({})).await.errcode(), 40125);
    assert_eq!(post(&sim, &by_secret, &json!({})).await.errcode(), 0);
    assert!(classic(&sim).await.get("access_token").is_some());
    assert_eq!(post(&sim, &by_secret, &json!({})).await.errcode(), 48006);
    assert_eq!(sim.get(&by_secret).await.errcode(), 43002);
}
