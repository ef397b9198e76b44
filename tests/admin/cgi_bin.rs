//! WeChat's own token and ticket endpoints, as other programs of the operator's see them.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, Settings};

use super::operator::{TOKEN, bearer, section, token_path, world};
use crate::support::{Answer, World};

/// The body, which is JSON with status 200 and WeChat's content type whatever it says.
fn said(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.content_type(), "application/json; encoding=utf-8");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

fn names(json: &Value) -> Vec<&str> {
    json.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn text(json: &Value, name: &str) -> String {
    json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned()
}

fn stable(more: &Value) -> String {
    let mut form = json!({ "grant_type": "client_credential", "appid": APP_ID, "secret": "whatever" });
    form.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    form.to_string()
}

async fn ticket(world: &World, token: &str, kind: &str) -> Value {
    said(&world.ask(&format!("/cgi-bin/ticket/getticket?access_token={token}&type={kind}")).await)
}

async fn token(world: &World) -> String {
    text(&said(&world.token().await), "access_token")
}

#[tokio::test]
async fn one_token_for_all_whichever_way_it_is_asked_for() {
    let world = world().await;
    let classic = said(&world.token().await);
    assert_eq!(names(&classic), ["access_token", "expires_in"]);
    assert_eq!(classic["expires_in"], 7200);
    let stable_one = said(&world.post("/cgi-bin/stable_token", &stable(&json!({}))).await);
    assert_eq!(stable_one, classic);
    for ignored in [json!({"secret": 7}), json!({"force_refresh": true}), json!({"force_refresh": false, "x": [1]})] {
        assert_eq!(said(&world.post("/cgi-bin/stable_token", &stable(&ignored)).await), classic, "{ignored}");
    }
    world.pass_time(Duration::from_secs(100)).await;
    assert_eq!(said(&world.token().await)["expires_in"], 7100);
    let fetched = world.events_of("stable_token").await;
    assert_eq!(fetched.len(), 2, "WeChat was asked once, and once whether that still holds: {fetched:?}");
    assert!(world.events_of("token").await.is_empty(), "and never by the classic way");
}

#[tokio::test]
async fn many_programs_at_once_are_one_call_to_wechat() {
    let world = std::sync::Arc::new(world().await);
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { token(&world).await })
        })
        .collect();
    let mut tokens = std::collections::BTreeSet::new();
    for asked in asking {
        tokens.insert(asked.await.expect("an answer"));
    }
    assert_eq!((tokens.len(), world.events_of("stable_token").await.len()), (1, 1));
}

#[tokio::test]
async fn tickets_of_both_kinds_have_wechats_shape() {
    let world = world().await;
    let token = token(&world).await;
    let jsapi = ticket(&world, &token, "jsapi").await;
    assert_eq!(names(&jsapi), ["errcode", "errmsg", "expires_in", "ticket"]);
    assert_eq!((&jsapi["errcode"], &jsapi["errmsg"], &jsapi["expires_in"]), (&json!(0), &json!("ok"), &json!(7200)));
    let card = ticket(&world, &token, "wx_card").await;
    assert_ne!(text(&card, "ticket"), text(&jsapi, "ticket"));
    assert_eq!(ticket(&world, &token, "jsapi").await, jsapi);
    assert_eq!(world.events_of("getticket").await.len(), 2, "each fetched once");
}

#[tokio::test]
async fn what_wechat_would_refuse_is_refused_in_its_words() {
    let world = world().await;
    let good = token(&world).await;
    let query = |query: &str| format!("/cgi-bin/token?{query}");
    let of = |query: &str| format!("/cgi-bin/ticket/getticket?{query}");
    for (path, errcode, errmsg) in [
        (query("grant_type=client_credential&appid=wx0000000000000000&secret=x"), 40013, "invalid appid"),
        (query(&format!("grant_type=client_credential&appid={}", APP_ID.to_uppercase())), 40013, "invalid appid"),
        (query("grant_type=client_credential&appid=%00"), 40013, "invalid appid"),
        (query("grant_type=client_credential&secret=x"), 41002, "appid missing"),
        (query("grant_type=client_credential&appid="), 41002, "appid missing"),
        (query(&format!("grant_type=authorization_code&appid={APP_ID}")), 40002, "invalid grant_type"),
        (query(&format!("appid={APP_ID}")), 40002, "invalid grant_type"),
        ("/cgi-bin/token".to_owned(), 40002, "invalid grant_type"),
        ("/cgi-bin/stable_token".to_owned(), 43002, "require POST method"),
        (of("type=jsapi"), 41001, "access_token missing"),
        (of("access_token=&type=jsapi"), 41001, "access_token missing"),
        (of(&format!("access_token={good}&type=sdk")), 40097, "invalid args"),
        (of(&format!("access_token={good}")), 40097, "invalid args"),
        (
            of("access_token=somebody-elses&type=jsapi"),
            40001,
            "invalid credential, access_token is invalid or not latest",
        ),
    ] {
        let answer = said(&world.ask(&path).await);
        assert_eq!(answer, json!({ "errcode": errcode, "errmsg": errmsg }), "{path}");
    }
    for body in ["", "{", "[]", "7", "null", "appid=x", r#"{"appid":7}"#, "\u{0}"] {
        let answer = said(&world.post("/cgi-bin/stable_token", body).await);
        assert_eq!(answer, json!({ "errcode": 47001, "errmsg": "data format error" }), "{body:?}");
    }
    let foreign = stable(&json!({ "appid": "wx0000000000000000" }));
    assert_eq!(said(&world.post("/cgi-bin/stable_token", &foreign).await)["errcode"], 40013);
    let posted = world.operate(Method::POST, &token_path(), &[("authorization", &bearer(TOKEN))], "").await;
    assert_eq!(said(&posted), json!({ "errcode": 43001, "errmsg": "require GET method" }));
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(9000));
    assert_eq!(world.post("/cgi-bin/stable_token", &long).await.slug(), "bad-request");
    assert_eq!(world.events_of("stable_token").await.len(), 1, "WeChat heard of none of it");
    assert!(world.events_of("getticket").await.is_empty());
}

#[tokio::test]
async fn a_program_may_use_up_the_token_it_has_while_the_gate_has_a_newer_one() {
    let world = world().await;
    let old = token(&world).await;
    // By its last minute the gate gets another, which whoever asks now is given.
    world.pass_time(Duration::from_secs(7200 - 60)).await;
    let mut new = token(&world).await;
    crate::support::eventually("the gate has renewed its token", async || {
        new = token(&world).await;
        new != old
    })
    .await;
    assert_eq!(world.events_of("stable_token").await.len(), 3, "one for each, and a second look at the new");
    for token in [&old, &new] {
        assert_eq!(ticket(&world, token, "jsapi").await["errcode"], 0);
    }
    world.pass_time(Duration::from_secs(60)).await;
    assert_eq!(ticket(&world, &old, "jsapi").await["errcode"], 40001, "its own time is over");
    assert_eq!(ticket(&world, &new, "jsapi").await["errcode"], 0);
}

#[tokio::test]
async fn a_token_killed_from_elsewhere_is_not_handed_out_for_long() {
    let world = world().await;
    let old = token(&world).await;
    let jsapi = ticket(&world, &old, "jsapi").await;
    world.tell_wechat("kill", r#"{"what":["stable"]}"#).await;
    assert_eq!(token(&world).await, old, "within a minute of WeChat's word it is not asked again");
    world.pass_time(Duration::from_secs(60)).await;
    let new = token(&world).await;
    assert_ne!(new, old);
    assert_eq!(token(&world).await, new);
    assert_eq!(text(&ticket(&world, &new, "jsapi").await, "ticket"), text(&jsapi, "ticket"), "tickets live on");
    let before = world.events_of("stable_token").await.len();
    for _ in 0..20 {
        token(&world).await;
    }
    assert_eq!(world.events_of("stable_token").await.len(), before, "however many ask");
}

#[tokio::test]
async fn a_second_look_that_fails_costs_nobody_the_token() {
    let world = world().await;
    let first = token(&world).await;
    for fault in [r#""errcode":-1"#, r#""errcode":45009"#, r#""http_status":502,"body":"x""#, r#""reset_before":true"#]
    {
        world.fault(&format!(r#"[{{"path":"/cgi-bin/stable_token",{fault}}}]"#)).await;
        world.pass_time(Duration::from_secs(300)).await;
        let before = world.events_of("fault").await.len();
        for _ in 0..5 {
            assert_eq!(token(&world).await, first, "{fault}");
        }
        assert_eq!(world.events_of("fault").await.len(), before + 1, "{fault}: asked once");
        // For longer than a good word holds.
        world.pass_time(Duration::from_secs(100)).await;
        assert_eq!(token(&world).await, first, "{fault}");
        assert_eq!(world.events_of("fault").await.len(), before + 1, "{fault}: left alone");
    }
}

#[tokio::test]
async fn a_classic_token_is_fetched_once_in_its_life() {
    let classic = |text: String| text.replace("app_secret", "token = 'classic'\napp_secret") + &section();
    let world = World::with(classic, Settings::default()).await;
    let first = token(&world).await;
    for _ in 0..5 {
        world.pass_time(Duration::from_secs(600)).await;
        assert_eq!(token(&world).await, first);
        assert_eq!(text(&said(&world.post("/cgi-bin/stable_token", &stable(&json!({}))).await), "access_token"), first);
    }
    assert_eq!((world.events_of("token").await.len(), world.events_of("stable_token").await.len()), (1, 0));
}

#[tokio::test]
async fn while_a_token_lives_wechats_outage_is_not_noticed() {
    let mut world = world().await;
    let token = token(&world).await;
    let jsapi = ticket(&world, &token, "jsapi").await;
    world.kill_wechat();
    world.clock.advance(Duration::from_secs(6800));
    let again = said(&world.token().await);
    assert_eq!((text(&again, "access_token"), &again["expires_in"]), (token.clone(), &json!(400)));
    assert_eq!(text(&ticket(&world, &token, "jsapi").await, "ticket"), text(&jsapi, "ticket"));
}

#[tokio::test]
async fn wechats_own_refusal_is_passed_on_with_what_to_do() {
    let world = world().await;
    world.tell_wechat("whitelist", r#"{"ips":[],"seen_as":"203.0.113.9"}"#).await;
    let refused = said(&world.token().await);
    assert_eq!((&refused["errcode"], names(&refused)), (&json!(40164), vec!["errcode", "errmsg"]));
    assert!(text(&refused, "errmsg").contains("203.0.113.9"), "{refused}");
    let again = said(&world.post("/cgi-bin/stable_token", &stable(&json!({}))).await);
    assert_eq!(again["errcode"], 40164);
    assert_eq!(world.events_of("stable_token").await.len(), 1, "WeChat is left alone meanwhile");
}

#[tokio::test]
async fn no_answer_from_wechat_is_minus_one() {
    let world = world().await;
    world.fault(r#"{"path":"/cgi-bin/stable_token","http_status":502,"body":"<html>Bad Gateway</html>"}"#).await;
    let refused = said(&world.token().await);
    assert_eq!((&refused["errcode"], names(&refused)), (&json!(-1), vec!["errcode", "errmsg"]));
}

#[tokio::test]
async fn a_busy_wechat_is_busy_for_its_programs_too() {
    let world = world().await;
    world.fault(r#"{"path":"/cgi-bin/stable_token","errcode":45009}"#).await;
    assert_eq!(said(&world.token().await)["errcode"], 45009);
}
