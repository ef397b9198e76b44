//! Rules 16, 24 and 25: faults, clock, log, and a control side that explains itself.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use wxgate::simulator::{APP_ID, APP_SECRET, CORP_ID, Settings, Simulator, WEBSITE_APP_ID};

use crate::harness::{CALLBACK, Sim, exchange_target, link, text};

const BASE: &str = "snsapi_base";
const USERINFO: &str = "snsapi_userinfo";

#[tokio::test]
async fn rule_16_an_injected_errcode_leaves_the_code_unless_it_comes_after() {
    let sim = Sim::start().await;
    let code = sim.code("lin", BASE).await;
    for errcode in [-1, 45009, 45011] {
        sim.control("faults", &json!([{"api": "access_token", "times": 1, "errcode": errcode}])).await;
        assert_eq!(sim.exchange(&code).await["errcode"], errcode);
    }
    assert!(sim.exchange(&code).await.get("access_token").is_some());
    let code = sim.code("lin", BASE).await;
    sim.control("faults", &json!({"api": "access_token", "times": 2, "errcode": -1, "after": true})).await;
    assert_eq!(sim.exchange(&code).await["errcode"], -1);
    assert_eq!(sim.exchange(&code).await["errcode"], -1);
    assert_eq!(sim.exchange(&code).await["errcode"], 40163);
    let outcomes: Vec<_> = sim.events("exchange").await.iter().map(|event| event["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("ok"), json!("ok"), json!(40163), json!(40163)]);
}

#[tokio::test]
async fn rule_16_a_reset_comes_before_or_after_the_code_is_consumed() {
    let sim = Sim::start().await;
    let code = sim.code("lin", BASE).await;
    let check = async |fault: &str, next: Option<i64>| {
        sim.control("faults", &json!([{"api": "access_token", "times": 1, fault: true}])).await;
        let broken = sim.ask("GET", &exchange_target(&code), &[], b"").await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::ConnectionReset, "{fault}: {broken}");
        if next.is_some() {
            assert_eq!(sim.exchange(&code).await["errcode"].as_i64(), next);
        }
    };
    check("reset_before", None).await;
    assert!(sim.events("exchange").await.is_empty());
    check("reset_after", Some(40163)).await;
    assert_eq!(sim.events("exchange").await[0]["outcome"], "ok");
}

#[tokio::test]
async fn rule_16_answers_can_be_slow_cut_or_something_else() {
    let sim = Sim::start().await;
    let token = sim.token("lin", USERINFO).await;
    let fault = async |fault: Value| {
        sim.control("faults", &fault).await;
        sim.userinfo(&token).await
    };
    let whole = sim.userinfo(&token).await;

    let start = Instant::now();
    let slow = fault(json!({"api": "userinfo", "times": 1, "delay_ms": 150})).await;
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert_eq!(slow.body, whole.body);

    for bytes in [0, 40] {
        let cut = fault(json!({"api": "userinfo", "times": 1, "truncated": bytes})).await;
        assert_eq!(cut.header("content-length"), Some(whole.body.len().to_string().as_str()));
        assert_eq!(cut.body, whole.body[..bytes]);
    }
    let longer = fault(json!({"api": "userinfo", "times": 1, "truncated": 100_000})).await;
    assert_eq!(longer.body.len(), whole.body.len() - 1, "what is cut is never whole");

    let odd = fault(json!({"path": "/sns/userinfo", "times": 1, "http_status": 502, "body": "<html>"})).await;
    assert_eq!((odd.status, odd.text()), (502, "<html>".to_owned()));
    let bytes = fault(json!({"api": "userinfo", "times": 1, "body_hex": "7bff00"})).await;
    assert_eq!(bytes.body, b"{\xff\x00");
    let empty = fault(json!({"api": "userinfo", "times": 1, "http_status": 500})).await;
    assert_eq!((empty.status, empty.body.len()), (500, 0));
    assert_eq!(sim.get("/__sim/faults").await.json(), json!([]));
    assert_eq!(sim.userinfo(&token).await.body, whole.body);
    assert_eq!(sim.events("fault").await.len(), 7);
}

#[tokio::test]
async fn rule_16_the_first_fault_that_fits_is_applied() {
    let sim = Sim::start().await;
    let faults = json!([
        {"api": "access_token", "times": 1, "errcode": 1},
        {"api": "authorize", "http_status": 503},
        {"api": "access_token", "errcode": 2},
    ]);
    sim.control("faults", &faults).await;
    let mut errcodes = Vec::new();
    for _ in 0..3 {
        errcodes.push(sim.exchange("x").await["errcode"].as_i64().unwrap());
    }
    assert_eq!(errcodes, [1, 2, 2]);
    assert_eq!(sim.visit(&link(APP_ID, CALLBACK, BASE, "s"), &[]).await.status, 503);
    assert_eq!(sim.get("/sns/auth").await.errcode(), 41001);
}

#[tokio::test]
async fn rule_24_the_clock_moves_by_command() {
    let sim = Sim::start().await;
    let before = sim.get("/__sim/clock").await.json();
    assert_eq!(before["advanced"], 0);
    sim.advance(1000).await;
    let after = sim.control("clock", &json!({"advance": 500})).await;
    assert_eq!(after["advanced"], 1500);
    let passed = after["now"].as_u64().unwrap() - before["now"].as_u64().unwrap();
    assert!((1500..1560).contains(&passed), "{passed}");
}

#[tokio::test]
async fn rule_25_one_seed_gives_one_run() {
    let run = async |seed| {
        let sim = Sim::with(Settings { seed, ..Settings::default() }).await;
        let code = sim.code("lin", BASE).await;
        let token = sim.exchange(&code).await;
        (code, text(&token, "access_token").to_owned())
    };
    assert_eq!(run(Some(5)).await, run(Some(5)).await);
    assert_ne!(run(Some(5)).await, run(Some(6)).await);
    assert_ne!(run(None).await, run(None).await);
}

#[tokio::test]
async fn rule_25_the_log_tells_everything_in_order() {
    let sim = Sim::start().await;
    let code = sim.code("lin", USERINFO).await;
    let token = sim.exchange(&code).await;
    sim.exchange(&code).await;
    sim.userinfo(&token).await;
    let events = sim.get("/__sim/events").await.json();
    let events = events.as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| text(event, "kind")).collect();
    assert_eq!(kinds, ["code", "authorize", "exchange", "exchange", "userinfo"]);
    let numbers: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(events[0]["code"], code);
    assert_eq!(
        (&events[1]["user"], &events[1]["asked"], &events[1]["outcome"]),
        (&json!("lin"), &json!(true), &json!("code"))
    );
    assert_eq!((&events[2]["outcome"], &events[2]["openid"]), (&json!("ok"), &token["openid"]));
    assert_eq!((&events[3]["outcome"], &events[3]["code"]), (&json!(40163), &json!(code)));
    let later = sim.get("/__sim/events?after=4").await.json();
    assert_eq!(later[0]["lang"], "zh_CN");
    sim.ask("DELETE", "/__sim/events", &[], b"").await.unwrap();
    assert_eq!(sim.get("/__sim/events").await.json(), json!([]));
    sim.exchange("x").await;
    assert_eq!(sim.get("/__sim/events").await.json()[0]["seq"], 6);
}

#[tokio::test]
async fn rule_25_a_reset_brings_the_first_day_back() {
    let sim = Sim::start().await;
    let code = sim.code("lin", BASE).await;
    sim.control("users", &json!([{"id": "new", "nickname": "新"}])).await;
    sim.control("rules", &json!({"lenient": true, "sign_ins_per_minute": 0})).await;
    sim.control("faults", &json!([{"api": "auth", "errcode": -1}])).await;
    sim.control("quotas", &json!({"token": 0})).await;
    sim.control("whitelist", &json!({"ips": []})).await;
    sim.advance(9).await;
    sim.control("reset", &json!({})).await;
    assert_eq!(sim.exchange(&code).await["errcode"], 40029);
    assert_eq!(sim.get("/__sim/users").await.json().as_array().unwrap().len(), 8);
    assert_eq!(sim.get("/__sim/rules").await.json()["lenient"], false);
    assert_eq!(sim.get("/__sim/rules").await.json()["sign_ins_per_minute"], 600);
    assert_eq!(sim.get("/__sim/faults").await.json(), json!([]));
    assert_eq!(sim.get("/__sim/quotas").await.json()["limits"]["token"], 2000);
    assert_eq!(sim.get("/__sim/whitelist").await.json()["ips"], Value::Null);
    assert_eq!(sim.get("/__sim/clock").await.json()["advanced"], 0);
    assert_eq!(sim.code("lin", BASE).await, code, "the seed starts over");
}

#[tokio::test]
async fn a_mistake_is_explained_and_changes_nothing() {
    let sim = Sim::start().await;
    let mut nameless = sim.account(CORP_ID).await;
    nameless["agent_id"] = Value::Null;
    for (name, body, expected) in [
        ("clock", json!({"advance": -1}), "-1"),
        ("clock", json!({"advance": u64::MAX}), "century"),
        ("clock", json!({}), "advance"),
        ("auto", json!({"user": "nobody"}), "nobody"),
        ("auto", json!({"user": "lin", "answer": "maybe"}), "refuse-no-code"),
        ("auto", json!({"usr": "lin"}), "usr"),
        ("faults", json!([{"errcode": 1}]), "either api or path"),
        ("faults", json!([{"api": "auth", "path": "/x", "errcode": 1}]), "either api or path"),
        ("faults", json!([{"api": "login", "errcode": 1}]), "login"),
        ("faults", json!([{"api": "auth"}]), "nothing goes wrong"),
        ("faults", json!([{"api": "auth", "errcode": 1}, {"api": "auth", "errcode": 1, "times": 0}]), "fault 1"),
        ("faults", json!([{"api": "auth", "http_status": 99}]), "http_status"),
        ("faults", json!([{"api": "auth", "delay_ms": 120_001}]), "delay_ms"),
        ("faults", json!([{"api": "auth", "body_hex": "f"}]), "body_hex"),
        ("faults", json!([{"api": "auth", "reset_before": true, "reset_after": true}]), "either reset"),
        ("faults", json!([{"api": "auth", "reset_after": true, "errcode": 1}]), "carries no answer"),
        ("faults", json!([{"api": "auth", "errmsg": "x", "delay_ms": 1}]), "errmsg"),
        ("faults", json!("boom"), "item 0"),
        ("duplicates", json!({"mode": "thrice"}), "thrice"),
        ("duplicates", json!({"mode": "prefetch", "times": 0}), "times"),
        ("snapshot", json!({"mode": "sometimes"}), "sometimes"),
        ("users", json!({"id": "a b", "nickname": "x"}), "id"),
        ("users", json!([{"id": "ok", "nickname": "x"}, {"id": "ab"}]), "nickname"),
        ("users", json!({"id": "ab", "nickname_hex": "zz"}), "nickname_hex"),
        ("users", json!({"id": "ab", "nickname": "x", "avatar": 360}), "hue"),
        ("accounts", json!({"app_id": "wx1"}), "app_secret"),
        ("accounts", json!(nameless), "agent_id"),
        ("users", json!({"id": "ab", "nickname": "x", "userid": "张"}), "userid"),
        ("users", json!({"id": "ab", "nickname": "x", "userid": "ab", "customer": true}), "customer"),
        ("trusted_ips", json!({"ips": ["home"]}), "home"),
        ("rules", json!({"strict": true}), "strict"),
        ("qr", json!({"do": "confirm", "user": "lin"}), "no such code"),
        ("qr", json!({"do": "dance"}), "dance"),
        ("kill", json!({"what": ["refresh"]}), "refresh"),
        ("kill", json!({"app_id": "wx1"}), "wx1"),
        ("quotas", json!({"token": -1}), "-1"),
        ("quotas", json!({"tokens": 1}), "tokens"),
        ("whitelist", json!({"ips": ["10.0.0.0/33"]}), "10.0.0.0/33"),
        ("whitelist", json!({"ips": [], "otherwise": "ask"}), "ask"),
        ("whitelist", json!({"seen_as": "home"}), "home"),
        ("administrator", json!({"answer": "later"}), "later"),
        ("jssdk/verify", json!({"appId": "wx1"}), "timestamp"),
    ] {
        let answer = sim.ask("POST", &format!("/__sim/{name}"), &[], body.to_string().as_bytes()).await.unwrap();
        assert_eq!(answer.status, 400, "{name} {body}");
        let explained = answer.json();
        assert!(text(&explained, "error").contains(expected), "{name} {body}: {explained}");
    }
    let broken = sim.ask("POST", "/__sim/users", &[], b"{\"id\":").await.unwrap();
    assert!(broken.status == 400 && text(&broken.json(), "error").contains("EOF"));
    assert_eq!(sim.get("/__sim/events?after=x").await.status, 400);
    assert_eq!(sim.get("/__sim/nothing").await.status, 404);
    assert_eq!(sim.get("/__sim/reset").await.status, 404);
    assert_eq!(sim.get("/__sim/users").await.json().as_array().unwrap().len(), 8);
    assert_eq!(sim.get("/__sim/faults").await.json(), json!([]));
    assert_eq!(sim.get("/__sim/quotas").await.json()["limits"]["token"], 2000);
    assert_eq!(sim.get("/__sim/whitelist").await.json()["ips"], Value::Null);
}

#[tokio::test]
async fn the_front_page_shows_accounts_users_and_escaped_events() {
    let sim = Sim::start().await;
    sim.visit(&link("%3Cscript%3Ealert(1)%3C/script%3E", CALLBACK, BASE, "s"), &[]).await;
    let page = sim.get("/").await;
    for shown in [
        APP_ID,
        WEBSITE_APP_ID,
        CORP_ID,
        "林小雨",
        "张伟",
        "/__sim/faults",
        "/__sim/whitelist",
        "js_hosts",
        "&lt;script&gt;",
    ] {
        assert!(page.shows(shown), "{shown}");
    }
    assert!(!page.text().contains("<script>alert"));
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let sim = Sim::start().await;
    let body = vec![b' '; 1024 * 1024 + 1];
    assert_eq!(sim.ask("POST", "/__sim/users", &[], &body).await.unwrap().status, 413);
    assert_eq!(sim.ask("POST", "/__sim/users", &[], &body[1..]).await.unwrap().status, 400);
}

#[tokio::test]
async fn it_stops_when_told_and_lets_go_of_its_connections() {
    let simulator = Simulator::bind("127.0.0.1:0".parse().unwrap(), Settings::default()).await.unwrap();
    let address = simulator.address();
    assert_eq!(simulator.base_url(), format!("http://{address}"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(simulator.run(async {
        let _ = stopped.await;
    }));
    let mut idle = tokio::net::TcpStream::connect(address).await.unwrap();
    stop.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// A panic while answering closes the connection without an answer: `ask` would fail.
#[test]
fn no_request_panics_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sim = runtime.block_on(Sim::start());
    runtime.block_on(sim.control("rules", &json!({"require_wechat": false, "sign_ins_per_minute": 0})));
    let paths = prop::sample::select(vec![
        "/connect/oauth2/authorize",
        "/connect/oauth2/pick",
        "/connect/qrconnect",
        "/connect/l/qrconnect",
        "/connect/qrcode/0",
        "/connect/confirm",
        "/__sim/qr",
        "/__sim/trusted_ips",
        "/wwlogin/sso/login",
        "/cgi-bin/gettoken",
        "/cgi-bin/auth/getuserinfo",
        "/cgi-bin/auth/getuserdetail",
        "/cgi-bin/get_jsapi_ticket",
        "/cgi-bin/ticket/get",
        "/sns/oauth2/access_token",
        "/sns/oauth2/refresh_token",
        "/sns/userinfo",
        "/sns/auth",
        "/mmopen/vi_32/lin-205/132",
        "/__sim/events",
        "/__sim/clock",
        "/__sim/auto",
        "/__sim/users",
        "/__sim/accounts",
        "/__sim/rules",
        "/__sim/snapshot",
        "/__sim/kill",
        "/__sim/quotas",
        "/__sim/whitelist",
        "/__sim/administrator",
        "/__sim/jssdk/verify",
        "/__sim/bridge.js",
        "/cgi-bin/token",
        "/cgi-bin/stable_token",
        "/cgi-bin/ticket/getticket",
        "/cgi-bin/getcallbackip",
        "/cgi-bin/clear_quota",
        "/cgi-bin/clear_quota/v2",
        "/",
    ]);
    let word = prop::sample::select(vec![
        "appid=",
        APP_ID,
        "&",
        "=",
        "redirect_uri=",
        "http%3A%2F%2F127.0.0.1%2F",
        "response_type=code",
        "scope=",
        "snsapi_base",
        "snsapi_userinfo",
        "snsapi_login",
        "snsapi_privateinfo",
        CORP_ID,
        "agentid=1000002",
        "login_type=CorpApp",
        "corpid=",
        "corpsecret=",
        "\"user_ticket\"",
        WEBSITE_APP_ID,
        "uuid=",
        "lang=en",
        "\"do\":\"confirm\"",
        "state=",
        "%",
        "%ff",
        "%00",
        "+",
        "user=lin",
        "link=",
        "answer=allow",
        "code=",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        "\"id\"",
        "\"advance\":1",
        "null",
        "access_token=",
        "openid=",
        "grant_type=authorization_code",
        "grant_type=client_credential",
        APP_SECRET,
        "secret=",
        "type=jsapi",
        "\"appid\"",
        "\"url\"",
        "\"what\"",
        "\u{7f}",
        "é",
        "connect_redirect=1",
        "after=9",
    ]);
    let text = prop::collection::vec(word, 0..14).prop_map(|words| words.concat());
    let strategy = (paths, prop::sample::select(vec!["GET", "POST"]), text.clone(), text, any::<bool>());
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() });
    runner
        .run(&strategy, |(path, method, query, body, known)| {
            let headers: &[(&str, &str)] =
                if known { &[("x-sim-user", "lin")] } else { &[("cookie", "sim_user=lin; x")] };
            let target = format!("{path}?{}", query.replace(['\u{7f}', '"', '{', '}'], "%22"));
            let answer = runtime.block_on(sim.ask(method, &target, headers, body.as_bytes()));
            let status = answer.map_err(|error| TestCaseError::fail(format!("{target}: {error}")))?.status;
            prop_assert!([200, 302, 400, 404, 405].contains(&status), "{target}: {status}");
            Ok(())
        })
        .unwrap();
}
