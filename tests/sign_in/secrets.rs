//! R28 and R48: what must not be told is neither in a log nor on a page, whatever happens.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use wxgate::simulator::{APP_SECRET, Settings};

use crate::support::visit::{CONFIG, within};
use crate::support::{Answer, Browser, CHROME, World, log};

const SESSION_SECRET: &str = "a session secret for tests, 32 bytes at least";

/// Everything that was secret in this world, by what it is.
struct Secrets(BTreeSet<(&'static str, String)>);

impl Secrets {
    fn plant(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() >= 16, "{what}: too short to be looked for");
        self.0.insert((what, secret.to_owned()));
    }

    fn plant_cookies(&mut self, world: &World, browser: &mut Browser) {
        for value in world.jar(browser).clone().into_values() {
            self.plant("a cookie", &value);
        }
    }

    #[track_caller]
    fn assert_absent(&self, text: &str, place: &str) {
        for (what, secret) in &self.0 {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "{what} in {place}: {line:?}");
        }
    }
}

/// Goes through all that can happen, and keeps every answer of the gate's.
async fn live(world: &World, secrets: &mut Secrets) -> Vec<Answer> {
    let mut answers = Vec::new();
    let faults = [
        "",
        r#""errcode":40029"#,
        r#""errcode":-1"#,
        r#""errcode":40125"#,
        r#""errcode":50002"#,
        r#""reset_after":true"#,
        r#""truncated":60"#,
        r#""http_status":502,"body":"<html>""#,
        r#""body":"{\"access_token\":\"TOKEN_THAT_LEAKS_0001\",\"refresh_token\":\"TOKEN_THAT_LEAKS_0002\",\"openid\":\"bad openid 0003 bad\"}""#,
    ];
    secrets.plant("an access token", "TOKEN_THAT_LEAKS_0001");
    secrets.plant("a refresh token", "TOKEN_THAT_LEAKS_0002");
    secrets.plant("an openid", "bad openid 0003 bad");
    for fault in faults {
        let mut browser = world.visitor("lin");
        let callback = world.callback_of(&mut browser, "/profile").await;
        secrets.plant_cookies(world, &mut browser);
        if !fault.is_empty() {
            world.fault(&format!(r#"{{"api":"access_token","times":1,{fault}}}"#)).await;
        }
        answers.push(browser.get(&callback).await);
        secrets.plant_cookies(world, &mut browser);
        answers.push(browser.get(&callback).await);
        let url = callback.replace("code=", "code=x&code=");
        answers.push(browser.get(&url).await);
        answers.push(world.browser(CHROME).get(&callback).await);
        answers.push(browser.fetch(&callback).await);
        let post = [("accept", "text/html"), ("referer", &*callback)];
        answers.push(browser.send(Method::POST, &callback, &post, Bytes::new()).await);
    }
    let mut browser = world.signed_in("lin").await;
    secrets.plant_cookies(world, &mut browser);
    for fault in
        [r#"[{"api":"userinfo","times":1,"errcode":42001}]"#, r#"[{"api":"userinfo","reset_before":true}]"#, "[]"]
    {
        world.fault(fault).await;
        browser.fetch(&world.url("/_wechat/me?fresh=1")).await;
        secrets.plant_cookies(world, &mut browser);
    }
    let mut cookieless = world.visitor("fei");
    for _ in 0..3 {
        let callback = world.callback_of(&mut cookieless, "/").await;
        answers.push(cookieless.get(&callback).await);
        secrets.plant_cookies(world, &mut cookieless);
        world.jar(&mut cookieless).remove("wxgate");
    }
    answers.push(cookieless.get(&world.url("/")).await);
    answers.push(browser.get(&world.url("/club")).await);
    answers.push(browser.get(&world.url("/_wechat/logout")).await);
    answers.push(world.sign_out(&mut browser).await);
    answers.push(browser.get(&world.url("/_wechat/jwks.json")).await);
    answers
}

#[tokio::test]
async fn r28_r48_nothing_secret_is_logged_or_shown() {
    let edit = |text: String| {
        within(&text, "official_account", "scope = 'userinfo'")
            + "[[route]]\npath = '/club'\nallow = ['oNobodyNobodyNobody']\n"
            + "[identity.jwt]\nheader = 'X-Wechat-Jwt'\nalgorithm = 'HS256'\nkey = 'a shared secret for tokens, 32 bytes'\n"
    };
    let mut world = World::with(edit, Settings::default()).await;
    let mut secrets = Secrets(BTreeSet::new());
    secrets.plant("the app secret", APP_SECRET);
    secrets.plant("the session secret", SESSION_SECRET);
    secrets.plant("the token key", "a shared secret for tokens, 32 bytes");
    let answers = live(&world, &mut secrets).await;
    for event in world.wechat_events().await {
        for (field, what) in [
            ("code", "a code"),
            ("access_token", "an access token"),
            ("refresh_token", "a refresh token"),
            ("openid", "an openid"),
            ("state", "a state"),
        ] {
            if let Some(value) = event.get(field).and_then(Value::as_str).filter(|value| value.len() >= 16) {
                secrets.plant(what, value);
            }
        }
    }
    let kinds: BTreeSet<&str> = secrets.0.iter().map(|(what, _)| *what).collect();
    assert_eq!(kinds.len(), 9, "every kind of secret was in play: {kinds:?}");

    world.stop_gate();
    let said = log::everything();
    for expected in
        ["access request_id=", "path=/_wechat/callback", "sign-in", "sign-out", "errcode 40125", "code-refused"]
    {
        assert!(said.contains(expected), "the log was not listened to: no {expected}");
    }
    secrets.assert_absent(&said, "the log");
    assert!(!said.contains("secret="), "an outgoing address is in the log");

    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, BTreeSet::from([200, 302, 303, 400, 401, 403, 503]), "all kinds of answers were seen");
    for answer in answers {
        // Where WeChat is concerned a location does hold the state of its own browser; nothing else does.
        secrets.assert_absent(&answer.text(), &format!("the page of {}", answer.url.path()));
        for (name, value) in &answer.headers {
            if *name != http::header::SET_COOKIE && *name != http::header::LOCATION {
                secrets.assert_absent(&String::from_utf8_lossy(value.as_bytes()), name.as_str());
            }
        }
    }
}

#[test]
fn r28_what_is_printed_for_debugging_holds_no_secret() {
    let text = CONFIG.replace("0123456789abcdef0123456789abcdef", APP_SECRET);
    let loaded = wxgate::config::Config::parse(&text, &[]).expect("a good configuration");
    let printed = format!("{:?} {:#?}", loaded.config, loaded.config);
    assert!(!printed.contains(APP_SECRET) && !printed.contains(SESSION_SECRET), "{printed}");
    let wrong = text.replace("app_secret", "app_secrets").replace("secret = 'a", "secret = 5 #");
    let problems = wxgate::config::Config::parse(&wrong, &[]).expect_err("two mistakes").to_string();
    assert!(!problems.contains(APP_SECRET) && !problems.contains(SESSION_SECRET), "{problems}");
}
