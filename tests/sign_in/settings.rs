//! What an operator chooses about signing in: paths, verify files, secrets.

use bytes::Bytes;
use http::Method;
use wxgate::config::Config;
use wxgate::simulator::Settings;

use crate::support::visit::{CONFIG, SESSION, at_public_url};
use crate::support::{WECHAT, World};

#[tokio::test]
async fn verify_files_are_sixteen_characters_for_everybody() {
    let world = World::start(
        "[sign_in]\nverify_files = ['MP_verify_AbCdEfGh01234567.txt', 'WW_verify_0123456789abcdef.txt']\n",
    )
    .await;
    for (name, token) in [
        ("/MP_verify_AbCdEfGh01234567.txt", "AbCdEfGh01234567"),
        ("/WW_verify_0123456789abcdef.txt", "0123456789abcdef"),
    ] {
        for agent in [WECHAT, "curl/8", ""] {
            let answer = world.browser(agent).fetch(&world.url(&format!("{name}?x=1"))).await;
            assert_eq!((answer.status.as_u16(), &*answer.text()), (200, token), "{agent}");
            assert!(answer.content_type().starts_with("text/plain"));
        }
        let head = world.browser(WECHAT).send(Method::HEAD, &world.url(name), &[], Bytes::new()).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        assert_eq!(world.browser(WECHAT).send(Method::POST, &world.url(name), &[], Bytes::new()).await.status, 400);
    }
    for ordinary in
        ["/MP_verify_aBCdEfGh01234567.txt", "/MP_verify_7654321076543210.txt", "/a/MP_verify_AbCdEfGh01234567.txt"]
    {
        assert_eq!(world.browser("curl/8").fetch(&world.url(ordinary)).await.status, 401, "{ordinary}");
    }
    assert_eq!(world.site.requests(), 0);
}

#[tokio::test]
async fn the_logo_is_served_to_everybody_and_runs_no_script() {
    let logo = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/logo.svg");
    let world = World::start(&format!("[pages]\nlogo_file = '{logo}'\n")).await;
    let url = world.url("/_wechat/logo");
    let answer = world.browser("curl/8").fetch(&url).await;
    assert_eq!(answer.body, std::fs::read(logo).expect("the logo is there"));
    for (name, value) in [
        ("content-type", "image/svg+xml"),
        ("cache-control", "public, max-age=300"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert_eq!(world.browser(WECHAT).send(Method::POST, &url, &[], Bytes::new()).await.status, 400);
    let plain = World::start("").await;
    assert_eq!(plain.browser("curl/8").fetch(&plain.url("/_wechat/logo")).await.status, 401, "the site's own path");
}

#[tokio::test]
async fn every_endpoint_can_lie_where_the_operator_wants_it() {
    let paths = "[paths]\nlogin = '/wxAuthorize'\ncallback = '/wx/back.do'\nlogout = '/signOut'\nme = '/api/whoami'\n";
    let world = World::start(paths).await;
    let mut browser = world.visitor("lin");
    let authorize = world.begin(&mut browser, "/wxAuthorize?rd=/a").await;
    assert!(authorize.as_str().contains("%2Fwx%2Fback.do&response_type=code"), "{authorize}");
    let callback = world.consent(&mut browser, &authorize).await;
    assert_eq!(browser.get(&callback).await.header("location"), Some("/a#"));
    assert!(browser.fetch(&world.url("/api/whoami")).await.json()["openid"].is_string());
    let script = world.browser(WECHAT).fetch(&world.url("/x")).await;
    assert_eq!(script.header("x-wechat-login-url"), Some(&*world.url("/wxAuthorize?rd=/x")));
    let page = browser.get(&world.url("/signOut")).await.shown();
    assert!(page.contains("action=\"/signOut\""), "{page}");
    assert_eq!(browser.get(&world.url("/_wechat/jwks.json")).await.json()["keys"], serde_json::json!([]));
    // The usual places are the site's now.
    let before = world.site.requests();
    for path in ["/_wechat/login", "/_wechat/callback?code=x&state=y", "/_wechat/me", "/_wechat/logout"] {
        assert_eq!(browser.get(&world.url(path)).await.json()["target"], path);
    }
    assert_eq!(world.site.requests(), before + 4);
    let origin = format!("http://{}", world.gate);
    let left = browser.send(Method::POST, &world.url("/signOut"), &[("origin", &origin)], Bytes::new()).await;
    assert_eq!(left.status, 303);
    assert!(world.session_of(&mut browser).is_none());
}

#[tokio::test]
async fn a_prefix_moves_everything_at_once() {
    let world = World::start("[paths]\nprefix = '/auth/wx'\n").await;
    let mut browser = world.visitor("lin");
    let authorize = world.begin(&mut browser, "/auth/wx/login?rd=/a").await;
    assert!(authorize.as_str().contains("%2Fauth%2Fwx%2Fcallback&"), "{authorize}");
    let callback = world.consent(&mut browser, &authorize).await;
    assert_eq!(browser.get(&callback).await.status, 303);
    assert_eq!(browser.fetch(&world.url("/auth/wx/me")).await.status, 200);
    assert_eq!(browser.fetch(&world.url("/auth/wx/jwks.json")).await.status, 200);
    assert_eq!(browser.get(&world.url("/_wechat/me")).await.json()["target"], "/_wechat/me");
}

#[tokio::test]
async fn endpoints_are_matched_whole() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    for path in ["/_wechat/login/", "/_wechat/loginx", "/_WECHAT/login", "/_wechat/", "/_wechat", "/x/_wechat/login"] {
        assert_eq!(browser.get(&world.url(path)).await.json()["target"], path);
    }
}

#[tokio::test]
async fn r46_without_a_secret_no_two_gates_share_one() {
    let edit = |text: String| {
        let (before, rest) = text.split_once("secret = 'a session").expect("the secret");
        format!("{before}{}", rest.split_once('\n').expect("a line").1)
    };
    let mut cookies = Vec::new();
    for _ in 0..2 {
        let edit = |text: String| at_public_url(&edit(text), "http://127.0.0.1");
        let world = World::with(edit, Settings::default()).await;
        let mut browser = world.signed_in("lin").await;
        for old in &cookies {
            let mut copy = world.browser(WECHAT);
            world.jar(&mut copy).insert(SESSION.to_owned(), String::clone(old));
            assert_eq!(copy.fetch(&world.url("/")).await.status, 401, "a session of another gate");
        }
        cookies.push(world.session_of(&mut browser).expect("a session"));
    }
}

#[test]
fn r46_short_and_missing_secrets_are_refused() {
    let text = |secret: &str| CONFIG.replace("'a session secret for tests, 32 bytes at least'", secret);
    let long = "0123456789abcdefghijklmnopqrstuv";
    assert!(Config::parse(&text(&format!("'{long}'")), &[]).is_ok());
    for bad in [
        &*format!("'{}'", &long[1..]),
        "''",
        "[]",
        &format!("['{long}', 'short']"),
        "{ env = 'NOT_THERE' }",
        "{ file = '/not/there' }",
    ] {
        assert!(Config::parse(&text(bad), &[]).is_err(), "{bad}");
    }
    let jwt = |key: &str| {
        text(&format!("'{long}'")) + &format!("[identity.jwt]\nheader = 'X-T'\nalgorithm = 'HS256'\n{key}\n")
    };
    assert!(Config::parse(&jwt(&format!("key = '{long}'")), &[]).is_ok());
    assert!(Config::parse(&jwt("key = 'short'"), &[]).is_err());
    assert!(Config::parse(&jwt(""), &[]).is_err());
}
