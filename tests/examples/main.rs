//! Starts the examples as their READMEs do and visits them.

mod children;
mod gate_keys;
mod http;
mod walk;

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use gate_keys::{Keys, encode, now};
use http::{Answer, get};
use walk::{Gate, Visitor};

const OPENID: &str = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M";
const HOSTILE: &str = r#"<script>alert("1")</script>'"#;
const HOSTILE_ESCAPED: &str = "%3Cscript%3Ealert%28%221%22%29%3C%2Fscript%3E%27";

#[test]
fn php_reads_the_headers_and_nothing_else() {
    let php = children::php();
    let at = |path: &str, headers: &[&str]| get(&format!("http://127.0.0.1:{}{path}", php.port), headers);
    let openid = format!("X-Wechat-Openid: {OPENID}");

    let stranger = at("/member.php", &["X-Wechat-Nickname: nobody"]);
    assert_eq!(stranger.status, 401);
    assert!(!stranger.body.contains("nobody"));
    assert!(!at("/", &["X-Wechat-Nickname: nobody"]).body.contains("nobody"));

    let member = at(
        "/member.php",
        &[
            &openid,
            "X-Wechat-Nickname: %E8%8C%B6%E5%8F%8B%20%F0%9F%8D%B5%2B+",
            "X-Wechat-Avatar: https://a.example/132",
        ],
    );
    assert_eq!(member.status, 200);
    for part in ["茶友 🍵++", OPENID, "src=\"https://a.example/132\"", "action=\"/_wechat/logout\""] {
        assert!(member.body.contains(part), "{part} in {}", member.body);
    }
    assert!(at("/", &[&openid, "X-Wechat-Nickname: %E8%8C%B6%E5%8F%8B"]).body.contains("茶友"));
    assert!(at("/member.php", &[&openid]).body.contains("朋友"), "no nickname in scope base");
    for secret in ["/config.toml", "/../config.toml", "/README.md"] {
        assert!(!at(secret, &[]).body.contains("app_secret"), "{secret}");
    }
}

#[test]
fn php_is_told_who_signed_in() {
    let php = children::php();
    let (port, _) = Gate::address();
    let gate = Gate::start("examples/php/config.toml", port, &php, &children::in_repository("."));
    members_only(&gate, "/member.php");
    let mut visitor = Visitor::new(&gate, "lin");
    visitor.open("/member.php");
    assert!(visitor.open("/").1.body.contains("林小雨"), "greeted on the page for everybody");
}

#[test]
fn node_is_told_who_signed_in() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key.pem"), gate_keys::fresh_pem()).expect("written");
    let (port, url) = Gate::address();
    let node = children::node(&url, &url);
    let gate = Gate::start("examples/node/config.toml", port, &node, folder.path());
    members_only(&gate, "/member");
}

#[test]
fn the_course_page_finds_its_endpoints_where_it_expects_them() {
    let spa = children::spa();
    let (port, url) = Gate::address();
    let gate = Gate::start("examples/spa/config.toml", port, &spa, &children::in_repository("."));
    let mut visitor = Visitor::new(&gate, "lin");
    for (path, part) in [
        ("/", "/app.js"),
        ("/item/2?from=menu", "/app.js"),
        ("/app.js", "/getJsConfig"),
        ("/weixin-js-sdk.js", "preVerifyJSAPI"),
        ("/helper", "/_wechat/wx.js"),
    ] {
        let answer = visitor.ask("GET", &format!("{url}{path}"), &[]);
        assert!(answer.status == 200 && answer.body.contains(part), "{path}: {answer:?}");
    }
    let who = |visitor: &mut Visitor<'_>| visitor.ask("GET", &format!("{url}/getUser"), &["Accept: application/json"]);
    assert_eq!(who(&mut visitor).status, 401);
    let sent = visitor.ask("GET", &format!("{url}/wxAuthorize"), &[]);
    assert!(sent.location().starts_with(&gate.wechat_url), "{sent:?}");
    let (landed, page) = visitor.open("/wxAuthorize?rd=%2Fitem%2F2%3Ffrom%3Dmenu");
    assert_eq!((landed.split('#').next(), page.status), (Some(&*format!("{url}/item/2?from=menu")), 200));
    let user: Value = serde_json::from_str(&who(&mut visitor).body).expect("JSON");
    assert_eq!(user["nickname"], "林小雨🌧️");
    let config = visitor.ask("GET", &format!("{url}/getJsConfig?url={url}/item/2"), &[]);
    let config: Value = serde_json::from_str(&config.body).unwrap_or_else(|error| panic!("{error}: {config:?}"));
    assert_eq!(config["signature"].as_str().map(str::len), Some(40), "{config}");
    assert_eq!(config["jsApiList"][2], "scanQRCode");
}

/// A stranger is sent to sign in whatever headers they bring, comes back with a name, and leaves as a stranger.
fn members_only(gate: &Gate, path: &str) {
    let page = format!("{}{path}", gate.url);
    let mut visitor = Visitor::new(gate, "lin");
    let forged =
        visitor.ask("GET", &page, &["X-Wechat-Openid: o-forged-o-forged", "X_Wechat_Openid: o-forged-o-forged"]);
    assert_eq!(forged.status, 302, "{forged:?}");

    let (url, member) = visitor.open(path);
    assert_eq!((url.split('#').next(), member.status), (Some(page.as_str()), 200), "{member:?}");
    assert!(member.body.contains("你好，林小雨🌧️"), "{}", member.body);
    assert!(member.body.contains("<img src=\"http://127.0.0.1:"), "{}", member.body);
    assert!(!member.body.contains("forged"));

    let left = visitor.ask("POST", &format!("{}/_wechat/logout?rd=/", gate.url), &[&format!("Origin: {}", gate.url)]);
    assert_eq!((left.status, left.location()), (303, "/"), "{left:?}");
    assert_eq!(visitor.ask("GET", &page, &[]).status, 302, "a stranger again");
}

#[test]
fn r14_php_escapes_what_visitors_call_themselves() {
    let php = children::php();
    let headers = [
        format!("X-Wechat-Openid: {HOSTILE}"),
        format!("X-Wechat-Nickname: {HOSTILE_ESCAPED}"),
        format!("X-Wechat-Avatar: {HOSTILE}"),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    for page in ["/", "/member.php"] {
        let body = get(&format!("http://127.0.0.1:{}{page}", php.port), &headers).body;
        assert!(body.contains("&lt;script&gt;") && !body.contains("<script"), "{body}");
        assert!(!body.contains("alert(\""), "{body}");
    }
}

const SITE: &str = "https://m.example.com";

fn good_header() -> Value {
    json!({ "alg": "ES256", "kid": "one", "typ": "JWT" })
}

fn good_claims() -> Value {
    json!({ "iss": SITE, "aud": SITE, "sub": OPENID, "iat": now(), "nbf": now(), "exp": now() + 300,
        "nickname": "茶友", "picture": "https://a.example/132" })
}

/// `base` with one member replaced, or removed.
fn with(mut base: Value, name: &str, value: Option<Value>) -> Value {
    let members = base.as_object_mut().expect("an object");
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name)),
    }
    base
}

#[test]
fn r42_node_believes_only_a_token_that_is_right_in_every_part() {
    let keys = Keys::new();
    let node = children::node(&keys.serve(), SITE);
    let show = |token: &str| -> Answer {
        get(&format!("http://127.0.0.1:{}/member", node.port), &[&format!("X-Wechat-Jwt: {token}")])
    };

    let member = show(&keys.sign(&good_header(), &good_claims()));
    assert_eq!(member.status, 200, "{member:?}");
    for part in ["茶友", OPENID, "src=\"https://a.example/132\"", "action=\"/_wechat/logout\""] {
        assert!(member.body.contains(part), "{part} in {}", member.body);
    }

    let claims = |name: &str, value: Option<Value>| keys.sign(&good_header(), &with(good_claims(), name, value));
    let header = |name: &str, value: &str| keys.sign(&with(good_header(), name, Some(value.into())), &good_claims());
    let good = keys.sign(&good_header(), &good_claims());
    let (signed, _) = good.rsplit_once('.').expect("three parts");
    let unsigned = format!("{}.{}.", encode(&with(good_header(), "alg", Some("none".into()))), encode(&good_claims()));
    let other_claims =
        format!("{}.{}", encode(&good_header()), encode(&with(good_claims(), "sub", Some("o-else".into()))));
    let stolen = good.replacen(signed, &other_claims, 1);
    for (what, token) in [
        ("another issuer", claims("iss", Some("https://evil.example".into()))),
        ("no issuer", claims("iss", None)),
        ("for another site", claims("aud", Some("https://n.example.com".into()))),
        ("for nobody", claims("aud", None)),
        ("expired", claims("exp", Some((now() - 1).into()))),
        ("never expiring", claims("exp", None)),
        ("not yet valid", claims("nbf", Some((now() + 600).into()))),
        ("nobody", claims("sub", None)),
        ("an unknown key", header("kid", "two")),
        ("an algorithm we did not ask for", header("alg", "RS256")),
        ("signed by another", Keys::new().sign(&good_header(), &good_claims())),
        ("unsigned", unsigned),
        ("the public key as a shared secret", confused(&keys)),
        ("other claims under a good signature", stolen),
        ("cut short", signed.to_owned()),
        ("no token", "x".to_owned()),
        ("an empty one", String::new()),
    ] {
        let answer = show(&token);
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        assert!(!answer.body.contains(OPENID), "{what}");
    }
    assert_eq!(get(&format!("http://127.0.0.1:{}/", node.port), &[]).status, 200);
    let headers_only = get(&format!("http://127.0.0.1:{}/member", node.port), &[&format!("X-Wechat-Openid: {OPENID}")]);
    assert_eq!(headers_only.status, 401, "headers prove nothing to this one");
}

/// HS256 with what everybody can read: refused only where the algorithm is pinned.
fn confused(keys: &Keys) -> String {
    let header = json!({ "alg": "HS256", "kid": "one", "typ": "JWT" });
    let signed = format!("{}.{}", encode(&header), encode(&good_claims()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &keys.public()), signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))
}

#[test]
fn r14_node_escapes_what_visitors_call_themselves() {
    let keys = Keys::new();
    let node = children::node(&keys.serve(), SITE);
    let claims = ["sub", "nickname", "picture"]
        .into_iter()
        .fold(good_claims(), |claims, name| with(claims, name, Some(HOSTILE.into())));
    let token = keys.sign(&good_header(), &claims);
    let body = get(&format!("http://127.0.0.1:{}/member", node.port), &[&format!("X-Wechat-Jwt: {token}")]).body;
    assert!(body.contains("&#60;script&#62;") && !body.contains("<script") && !body.contains("alert(\""), "{body}");
}

#[test]
fn node_says_so_when_the_gate_is_away() {
    let gate = format!("http://127.0.0.1:{}", children::free_port());
    let node = children::node(&gate, SITE);
    let token = Keys::new().sign(&good_header(), &good_claims());
    let answer = get(&format!("http://127.0.0.1:{}/member", node.port), &[&format!("X-Wechat-Jwt: {token}")]);
    assert_eq!(answer.status, 503);
}
