//! What an account has beyond its visitors. Here what concerns all of it: the log, faults, sudden death, chance.

mod tickets;
mod tokens;

use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, APP_SECRET};

use crate::harness::{Answer, OFFICIAL, Sim, text};

pub fn classic_target() -> String {
    format!("/cgi-bin/token?grant_type=client_credential&appid={APP_ID}&secret={APP_SECRET}")
}

pub fn stable_form(force: bool) -> Value {
    json!({"grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET, "force_refresh": force})
}

pub async fn classic(sim: &Sim) -> Value {
    sim.get(&classic_target()).await.json()
}

pub async fn stable(sim: &Sim, force: bool) -> Value {
    post(sim, "/cgi-bin/stable_token", &stable_form(force)).await.json()
}

pub async fn post(sim: &Sim, target: &str, body: &Value) -> Answer {
    sim.ask("POST", target, &[("content-type", "application/json")], body.to_string().as_bytes()).await.unwrap()
}

pub async fn ticket(sim: &Sim, token: &str, kind: &str) -> Value {
    sim.get(&format!("/cgi-bin/ticket/getticket?access_token={token}&type={kind}")).await.json()
}

/// What a token is worth: 0, or the errcode of whoever uses it.
pub async fn worth(sim: &Sim, token: &str) -> i64 {
    let answer = sim.get(&format!("/cgi-bin/getcallbackip?access_token={token}")).await.json();
    answer.get("errcode").map_or(0, |errcode| errcode.as_i64().unwrap())
}

pub fn token(answer: &Value) -> &str {
    text(answer, "access_token")
}

#[tokio::test]
async fn what_was_handed_out_can_be_killed() {
    let sim = Sim::start().await;
    let (stable_token, classic_token) = (stable(&sim, false).await, classic(&sim).await);
    let card = ticket(&sim, token(&stable_token), "wx_card").await;
    sim.control("kill", &json!({"what": ["stable", "wx_card"], "app_id": OFFICIAL})).await;
    assert_eq!(worth(&sim, token(&stable_token)).await, 0, "that was another account");
    sim.control("kill", &json!({"what": ["stable", "wx_card"]})).await;
    assert_eq!((worth(&sim, token(&stable_token)).await, worth(&sim, token(&classic_token)).await), (40001, 0));
    let next = stable(&sim, false).await;
    assert_eq!(worth(&sim, token(&next)).await, 0);
    assert_ne!(ticket(&sim, token(&next), "wx_card").await["ticket"], card["ticket"]);
    sim.control("kill", &json!({})).await;
    assert_eq!((worth(&sim, token(&next)).await, worth(&sim, token(&classic_token)).await), (40001, 40001));
    assert_eq!(sim.events("kill").await.len(), 3);
}

#[tokio::test]
async fn rule_25_every_call_is_in_the_log() {
    let sim = Sim::start().await;
    let first = stable(&sim, false).await;
    let second = stable(&sim, true).await;
    stable(&sim, false).await;
    ticket(&sim, token(&first), "jsapi").await;
    let jsapi = ticket(&sim, token(&second), "jsapi").await;
    classic(&sim).await;
    sim.get("/cgi-bin/stable_token").await;
    let tokens = sim.events("stable_token").await;
    let told: Vec<_> =
        tokens.iter().map(|event| (&event["outcome"], &event["fresh"], &event["access_token"])).collect();
    let (ok, yes, no, none) = (json!("ok"), json!(true), json!(false), Value::Null);
    assert_eq!(told[..2], [(&ok, &yes, &first["access_token"]), (&ok, &yes, &second["access_token"])]);
    assert_eq!(told[2..], [(&ok, &no, &second["access_token"]), (&json!(43002), &none, &none)]);
    assert_eq!(
        (&tokens[0]["app_id"], &tokens[0]["expires_in"], &tokens[0]["ip"]),
        (&json!(APP_ID), &json!(7200), &json!("127.0.0.1"))
    );
    let tickets = sim.events("getticket").await;
    assert_eq!((&tickets[0]["outcome"], &tickets[0]["type"]), (&json!(40001), &json!("jsapi")));
    assert_eq!((&tickets[1]["outcome"], &tickets[1]["ticket"]), (&ok, &jsapi["ticket"]));
    assert_eq!(sim.events("token").await.len(), 1);
}

#[tokio::test]
async fn rule_16_faults_reach_the_platform_side() {
    let sim = Sim::start().await;
    for (api, target) in [
        ("token", classic_target()),
        ("stable_token", "/cgi-bin/stable_token".to_owned()),
        ("getticket", "/cgi-bin/ticket/getticket".to_owned()),
        ("getcallbackip", "/cgi-bin/getcallbackip".to_owned()),
        ("get_api_domain_ip", "/cgi-bin/get_api_domain_ip".to_owned()),
        ("clear_quota", "/cgi-bin/clear_quota".to_owned()),
    ] {
        sim.control("faults", &json!({"api": api, "times": 1, "errcode": -1})).await;
        let answer = sim.get(&target).await;
        assert_eq!((answer.errcode(), answer.header("content-type")), (-1, Some("application/json; encoding=utf-8")));
        assert_eq!(sim.get("/__sim/faults").await.json(), json!([]));
    }
    assert!(sim.events("token").await.is_empty(), "a fault comes before the call");
    // A token that is made, and never arrives.
    sim.control("faults", &json!({"api": "stable_token", "times": 1, "reset_after": true})).await;
    let broken = sim.ask("POST", "/cgi-bin/stable_token", &[], stable_form(false).to_string().as_bytes()).await;
    assert!(broken.is_err());
    assert_eq!(sim.events("stable_token").await[0]["outcome"], "ok");
}

#[tokio::test]
async fn rule_25_platform_tokens_do_not_disturb_the_run_of_a_seed() {
    let (quiet, busy) = (Sim::start().await, Sim::start().await);
    let access = stable(&busy, false).await;
    assert_eq!(access, stable(&quiet, false).await);
    classic(&busy).await;
    ticket(&busy, token(&access), "jsapi").await;
    assert_eq!(busy.code("lin", "snsapi_base").await, quiet.code("lin", "snsapi_base").await);
}
