//! Rules 17 to 19: platform tokens, and who may fetch them.

use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, APP_SECRET};

use super::{classic, classic_target, post, stable, stable_form, ticket, token, worth};
use crate::harness::{OFFICIAL, Sim, text};

#[tokio::test]
async fn rule_17_every_classic_call_makes_another_token_and_the_old_one_lasts_five_minutes() {
    let sim = Sim::start().await;
    let answer = sim.get(&classic_target()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json; encoding=utf-8")));
    let first = answer.json();
    assert_eq!(first["expires_in"], 7200);
    assert!(first.get("errcode").is_none() && first.as_object().unwrap().len() == 2);
    sim.advance(1000).await;
    let second = classic(&sim).await;
    assert_ne!(token(&first), token(&second));
    assert_eq!((worth(&sim, token(&first)).await, worth(&sim, token(&second)).await), (0, 0));
    sim.advance(270).await;
    assert_eq!(worth(&sim, token(&first)).await, 0);
    sim.advance(30).await;
    assert_eq!((worth(&sim, token(&first)).await, worth(&sim, token(&second)).await), (40001, 0));
    sim.advance(6900).await;
    assert_eq!(worth(&sim, token(&second)).await, 42001);
}

#[tokio::test]
async fn rule_17_the_day_has_two_thousand_calls_or_as_many_as_are_set() {
    let sim = Sim::start().await;
    assert_eq!(sim.get("/__sim/quotas").await.json()["limits"]["token"], 2000);
    sim.control("quotas", &json!({"token": 2})).await;
    classic(&sim).await;
    let last = classic(&sim).await;
    let refused = sim.get(&classic_target()).await;
    assert_eq!(refused.errcode(), 45009);
    assert!(text(&refused.json(), "errmsg").starts_with("reach max api daily quota limit"));
    let quotas = sim.get("/__sim/quotas").await.json();
    assert_eq!((&quotas["used"][APP_ID]["token"], &quotas["used"][OFFICIAL]["token"]), (&json!(2), &json!(0)));
    assert_eq!(worth(&sim, token(&last)).await, 0, "what was handed out goes on");
    assert!(stable(&sim, false).await.get("access_token").is_some(), "the other endpoint has a count of its own");
    sim.advance(24 * 3600).await;
    assert!(classic(&sim).await.get("access_token").is_some());
}

#[tokio::test]
async fn rule_17_what_is_wrong_has_its_errcode_and_costs_no_token() {
    let sim = Sim::start().await;
    let first = classic(&sim).await;
    for (from, to, errcode) in [
        ("client_credential", "authorization_code", 40002),
        ("client_credential", "", 40002),
        (APP_ID, "", 41002),
        (APP_ID, "wxffffffffffffffff", 40013),
        (APP_SECRET, "", 41004),
        (APP_SECRET, "0000", 40125),
    ] {
        let answer = sim.get(&classic_target().replace(from, to)).await;
        assert_eq!(answer.errcode(), errcode, "{from} -> {to}");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json; encoding=utf-8")));
    }
    assert_eq!(post(&sim, &classic_target(), &json!({})).await.errcode(), 43001);
    sim.advance(1000).await;
    assert_eq!(worth(&sim, token(&first)).await, 0);
    assert_eq!(sim.get("/__sim/quotas").await.json()["used"][APP_ID]["token"], 1);
}

#[tokio::test]
async fn rule_18_the_stable_token_stays_and_its_time_runs() {
    let sim = Sim::start().await;
    let first = stable(&sim, false).await;
    assert_eq!(first["expires_in"], 7200);
    sim.advance(3000).await;
    let again = stable(&sim, false).await;
    assert_eq!(token(&again), token(&first));
    let left = again["expires_in"].as_u64().unwrap();
    assert!((4140..=4200).contains(&left), "{left}");
    sim.advance(4000).await;
    let next = stable(&sim, false).await;
    assert_ne!(token(&next), token(&first));
    assert_eq!(next["expires_in"], 7200);
    assert_eq!((worth(&sim, token(&first)).await, worth(&sim, token(&next)).await), (0, 0), "both work in between");
    sim.advance(200).await;
    assert_eq!((worth(&sim, token(&first)).await, worth(&sim, token(&next)).await), (42001, 0));
}

#[tokio::test]
async fn rule_18_a_forced_refresh_kills_the_old_token_and_comes_twice_a_minute_at_most() {
    let sim = Sim::start().await;
    let first = stable(&sim, false).await;
    let forced = stable(&sim, true).await;
    assert_ne!(token(&forced), token(&first));
    assert_eq!((worth(&sim, token(&first)).await, worth(&sim, token(&forced)).await), (40001, 0));
    assert_eq!(token(&stable(&sim, true).await), token(&forced), "too soon: nothing is refreshed");
    assert_eq!(token(&stable(&sim, false).await), token(&forced));
    sim.advance(30).await;
    let again = stable(&sim, true).await;
    assert_ne!(token(&again), token(&forced));
    assert_eq!(worth(&sim, token(&forced)).await, 40001);
}

#[tokio::test]
async fn rule_18_a_day_has_twenty_forced_refreshes() {
    let sim = Sim::start().await;
    // The first second of a day in Beijing, so that the day does not end meanwhile.
    let now = sim.get("/__sim/clock").await.json()["now"].as_u64().unwrap();
    sim.advance(24 * 3600 - (now + 8 * 3600) % (24 * 3600)).await;
    for _ in 0..20 {
        assert!(stable(&sim, true).await.get("access_token").is_some());
        sim.advance(30).await;
    }
    assert_eq!(stable(&sim, true).await["errcode"], 45009);
    assert!(stable(&sim, false).await.get("access_token").is_some(), "whoever does not insist is served");
    sim.advance(24 * 3600).await;
    assert!(stable(&sim, true).await.get("access_token").is_some());
}

#[tokio::test]
async fn rule_18_stable_and_classic_tokens_leave_each_other_alone() {
    let sim = Sim::start().await;
    let (first, old) = (stable(&sim, false).await, classic(&sim).await);
    classic(&sim).await;
    sim.advance(300).await;
    assert_eq!((worth(&sim, token(&old)).await, worth(&sim, token(&first)).await), (40001, 0));
    let current = classic(&sim).await;
    stable(&sim, true).await;
    assert_eq!((worth(&sim, token(&first)).await, worth(&sim, token(&current)).await), (40001, 0));
}

#[tokio::test]
async fn rule_18_it_takes_json_by_post_and_says_what_is_wrong_with_it() {
    let sim = Sim::start().await;
    assert_eq!(sim.get("/cgi-bin/stable_token").await.errcode(), 43002);
    let in_the_query = format!("/cgi-bin/stable_token?grant_type=client_credential&appid={APP_ID}&secret={APP_SECRET}");
    assert_eq!(sim.ask("POST", &in_the_query, &[], b"").await.unwrap().errcode(), 47001);
    let check = async |member: &str, value: Value, errcode: i64| {
        let mut form = stable_form(false);
        form[member] = value;
        let answer = post(&sim, "/cgi-bin/stable_token", &form).await;
        assert_eq!(answer.errcode(), errcode, "{form}");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json; encoding=utf-8")));
    };
    check("grant_type", json!("authorization_code"), 40002).await;
    check("grant_type", Value::Null, 40002).await;
    check("appid", Value::Null, 41002).await;
    check("appid", json!(""), 41002).await;
    check("appid", json!("wxffffffffffffffff"), 40013).await;
    check("appid", json!(7), 47001).await;
    check("secret", Value::Null, 41004).await;
    check("secret", json!("0000"), 40125).await;
    check("force_refresh", json!("yes"), 47001).await;
    sim.control("quotas", &json!({"stable_token_per_minute": 0})).await;
    check("force_refresh", json!(false), 45011).await;
    sim.control("quotas", &json!({"stable_token_per_minute": 9, "stable_token": 0})).await;
    check("force_refresh", json!(false), 45009).await;
}

#[tokio::test]
async fn rule_19_off_the_whitelist_one_reads_ones_own_address() {
    let sim = Sim::start().await;
    let before = stable(&sim, false).await;
    sim.control("whitelist", &json!({"ips": ["203.0.113.0/28"]})).await;
    for refused in [sim.get(&classic_target()).await, post(&sim, "/cgi-bin/stable_token", &stable_form(false)).await] {
        let refused = refused.json();
        assert_eq!(refused["errcode"], 40164);
        let rid =
            text(&refused, "errmsg").strip_prefix("invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist rid: ");
        assert_eq!(rid.map(str::len), Some(26), "{refused}");
    }
    assert_eq!(worth(&sim, token(&before)).await, 0, "only the fetching of tokens is guarded");
    assert_eq!(ticket(&sim, token(&before), "jsapi").await["errcode"], 0);
    // From another address, and with the wrong secret: the list is told of first.
    sim.control("whitelist", &json!({"ips": ["203.0.113.0/28"], "seen_as": "198.51.100.7"})).await;
    let refused = sim.get(&classic_target().replace(APP_SECRET, "0000")).await.json();
    assert!(
        text(&refused, "errmsg").starts_with("invalid ip 198.51.100.7 ipv6 ::ffff:198.51.100.7, not in"),
        "{refused}"
    );
    sim.control("whitelist", &json!({"ips": ["203.0.113.0/28"], "seen_as": "203.0.113.7"})).await;
    assert!(classic(&sim).await.get("access_token").is_some());
    sim.control("whitelist", &json!({"ips": ["127.0.0.1"]})).await;
    assert!(classic(&sim).await.get("access_token").is_some());
    sim.control("whitelist", &json!({"ips": []})).await;
    assert_eq!(classic(&sim).await["errcode"], 40164);
    sim.control("whitelist", &json!({"ips": null})).await;
    assert!(classic(&sim).await.get("access_token").is_some());
}

#[tokio::test]
async fn rule_19_a_strange_address_waits_for_the_administrator() {
    let sim = Sim::start().await;
    sim.control("whitelist", &json!({"ips": [], "otherwise": "confirm", "seen_as": "198.51.100.7"})).await;
    let errcode = async || classic(&sim).await.get("errcode").map_or(0, |errcode| errcode.as_i64().unwrap());
    let administrator = async |answer: &str| sim.control("administrator", &json!({"answer": answer})).await;
    assert_eq!((errcode().await, errcode().await), (89503, 89503));
    assert_eq!(administrator("refuse").await["ips"], json!(["198.51.100.7"]));
    assert_eq!(errcode().await, 89507);
    sim.advance(3600).await;
    assert_eq!(errcode().await, 89503);
    administrator("refuse").await;
    sim.advance(3600).await;
    assert_eq!(errcode().await, 89506);
    sim.advance(23 * 3600).await;
    assert_eq!(errcode().await, 89503);
    administrator("approve").await;
    assert_eq!(errcode().await, 0);
}
