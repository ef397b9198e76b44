//! Rules 17 to 20 and 22: platform tokens, who may fetch them, tickets, and what there is around them.

use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, APP_SECRET};

use crate::harness::{Answer, OFFICIAL, Sim, text};

fn classic_target() -> String {
    format!("/cgi-bin/token?grant_type=client_credential&appid={APP_ID}&secret={APP_SECRET}")
}

fn stable_form(force: bool) -> Value {
    json!({"grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET, "force_refresh": force})
}

async fn classic(sim: &Sim) -> Value {
    sim.get(&classic_target()).await.json()
}

async fn stable(sim: &Sim, force: bool) -> Value {
    post(sim, "/cgi-bin/stable_token", &stable_form(force)).await.json()
}

async fn post(sim: &Sim, target: &str, body: &Value) -> Answer {
    sim.ask("POST", target, &[("content-type", "application/json")], body.to_string().as_bytes()).await.unwrap()
}

async fn ticket(sim: &Sim, token: &str, kind: &str) -> Value {
    sim.get(&format!("/cgi-bin/ticket/getticket?access_token={token}&type={kind}")).await.json()
}

/// What a token is worth: 0, or the errcode of whoever uses it.
async fn worth(sim: &Sim, token: &str) -> i64 {
    let answer = sim.get(&format!("/cgi-bin/getcallbackip?access_token={token}")).await.json();
    answer.get("errcode").map_or(0, |errcode| errcode.as_i64().unwrap())
}

fn token(answer: &Value) -> &str {
    text(answer, "access_token")
}

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
    sim.advance(295).await;
    assert_eq!(worth(&sim, token(&first)).await, 0);
    sim.advance(5).await;
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
