//! Which headers reach the site, and which never do.

use super::gate::{Wants, before, signed_in};
use super::origin::{OK, Origin};
use super::wire::{Message, Wire, ask, get};
use crate::support::WECHAT;

const OPTIONAL: &str = "[[route]]\npath = '/optional/**'\nauth = 'optional'\n";

/// Spellings that CGI, PHP and their kin read as one of ours.
const FORGED: &str = "X-Wechat-Openid: forged\r\nx_wechat_openid: forged\r\nX.Wechat.Unionid: forged\r\n\
     X-Wechat_Nickname: forged\r\nx~wechat~session: forged\r\nX-WECHAT-ANYTHING-AT-ALL: forged\r\nx-wechat-: forged\r\n\
     X!Wechat!Scope: forged\r\nx-my-token: forged\r\nX_My_Token: forged\r\n";

#[tokio::test]
async fn r7_forged_identity_headers_never_reach_the_site() {
    let origin = Origin::saying(OK).await;
    let jwt = "[identity.jwt]\nheader = 'X-My-Token'\nalgorithm = 'HS256'\nkey = 'a token key of at least thirty-two bytes'\n";
    let world = before(&origin, Wants { rest: &format!("{OPTIONAL}{jwt}"), ..Wants::default() }).await;
    let cookie = signed_in(&world).await;
    let openid = origin.last().header("x-wechat-openid").expect("a visitor is known").to_owned();

    for (request, visitor) in [
        (get("/open/", FORGED), false),
        (get("/open/", &format!("{cookie}{FORGED}")), false),
        (get("/optional/", FORGED), false),
        (get("/optional/", &format!("{cookie}{FORGED}")), true),
        (get("/", &format!("{cookie}{FORGED}")), true),
        (get("/open/", FORGED).replace("GET ", "OPTIONS "), false),
        (get("/open/", &format!("Connection: x-wechat-openid, x-my-token\r\n{FORGED}")), false),
        (get("/", &format!("Connection: upgrade\r\nUpgrade: websocket\r\n{cookie}{FORGED}")), true),
    ] {
        let answer = ask(world.gate, &request).await;
        assert_eq!(answer.status(), 200, "{request}\n{answer:?}");
        let seen = origin.last();
        assert!(!format!("{seen:?}").contains("forged"), "{request}\n{seen:?}");
        assert_eq!(seen.header("x-wechat-openid"), visitor.then_some(openid.as_str()), "{request}\n{seen:?}");
        assert_eq!(seen.header("x-my-token").is_some(), visitor, "{request}\n{seen:?}");
    }

    let count = origin.requests().len();
    let denied = ask(world.gate, get("/", FORGED)).await;
    assert_eq!(denied.problem(), (401, "login-required".to_owned()));
    assert_eq!(origin.requests().len(), count);
}

#[tokio::test]
async fn r7_forged_trailers_never_reach_the_site() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let names = "X-Wechat-Openid, x_wechat_nickname, X-Sum, Cookie, X-Forwarded-For, Host, X-Real-IP";
    let request = format!(
        "POST /open/ HTTP/1.1\r\nHost: m.example.com\r\nTransfer-Encoding: chunked\r\nTrailer: {names}\r\n\r\n\
         3\r\nabc\r\n0\r\nX-Wechat-Openid: forged\r\nx_wechat_nickname: forged\r\nX-Sum: 42\r\nCookie: forged=1\r\n\
         X-Forwarded-For: forged\r\nHost: forged\r\nX-Real-IP: forged\r\n\r\n"
    );
    assert_eq!(ask(world.gate, request).await.status(), 200);
    let seen = origin.last();
    assert_eq!(seen.text(), "abc");
    assert_eq!(seen.trailers, [("x-sum".to_owned(), "42".to_owned())]);
    assert!(!format!("{:?}{:?}", seen.headers, seen.trailers).contains("forged"), "{seen:?}");
}

const FORWARDED: &str = "Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\n\
     X-Forwarded-Host: told.example.com\r\nX-Forwarded-Port: port-666\r\nx_forwarded_user: told\r\nX-Original-URI: /told\r\n\
     X-Original-Method: TOLD\r\nX-Real-IP: 6.6.6.6\r\nX-Request-Id: told-by-somebody\r\n\
     traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";

#[tokio::test]
async fn r9_what_a_stranger_says_of_forwarding_is_replaced() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    assert_eq!(ask(world.gate, get("/open/", FORWARDED)).await.status(), 200);
    let seen = origin.last();
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "m.example.com"),
        ("x-real-ip", "127.0.0.1"),
        ("host", "m.example.com"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{seen:?}");
    }
    let all = format!("{seen:?}");
    for told in ["told", "6.6.6.6", "port-666", "gopher"] {
        assert!(!all.contains(told), "{told} in {all}");
    }
}

#[tokio::test]
async fn r9_a_trusted_proxy_is_believed() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { server: "trusted_proxies = ['127.0.0.0/8']", ..Wants::default() }).await;
    assert_eq!(ask(world.gate, get("/open/", FORWARDED)).await.status(), 200);
    let seen = origin.last();
    for (name, value) in [
        ("x-forwarded-for", "6.6.6.6, 127.0.0.1"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-host", "told.example.com"),
        ("x-forwarded-port", "port-666"),
        ("x-original-uri", "/told"),
        ("x-real-ip", "6.6.6.6"),
        ("x-request-id", "told-by-somebody"),
        ("forwarded", "for=6.6.6.6"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{seen:?}");
    }

    // What is asked for is in the request's own line, whoever says otherwise.
    let elsewhere = "X-Original-URI: /open/\r\nX-Original-URL: /open/\r\nX-Rewrite-URL: /open/\r\nX-Forwarded-Uri: /open/\r\n\
         X-Forwarded-Prefix: /open\r\nX-Forwarded-Method: OPTIONS\r\nX-HTTP-Method-Override: OPTIONS\r\n";
    assert_eq!(ask(world.gate, get("/", elsewhere)).await.problem(), (401, "login-required".to_owned()));

    // Nothing said: the proxy itself is the client.
    assert_eq!(ask(world.gate, get("/open/", "")).await.status(), 200);
    let seen = origin.last();
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-host"), Some("m.example.com"));
}

#[tokio::test]
async fn r33_an_unreadable_chain_means_the_peer() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { server: "trusted_proxies = ['127.0.0.1']", ..Wants::default() }).await;
    for chain in ["unknown", "6.6.6.6, nonsense", "6.6.6.6;", "1.2.3", "::g", "\u{e9}", "6.6.6.6, \"127.0.0.1\""] {
        let answer = ask(world.gate, get("/open/", &format!("X-Forwarded-For: {chain}\r\n"))).await;
        assert_eq!(answer.status(), 200, "{chain}");
        assert_eq!(origin.last().header("x-real-ip"), Some("127.0.0.1"), "{chain}");
    }
    for (chain, client) in [
        ("6.6.6.6, 7.7.7.7", "7.7.7.7"),
        ("6.6.6.6, 7.7.7.7:80, 127.0.0.1", "7.7.7.7"),
        ("[2001:db8::1]:9", "2001:db8::1"),
    ] {
        ask(world.gate, get("/open/", &format!("X-Forwarded-For: {chain}\r\n"))).await;
        assert_eq!(origin.last().header("x-real-ip"), Some(client), "{chain}");
    }
}

#[tokio::test]
async fn every_request_has_an_id_of_its_own() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { server: "trusted_proxies = ['127.0.0.1']", ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    let mut ids = Vec::new();
    for sent in
        ["", "X-Request-Id: \r\n", "X-Request-Id: <script>\r\n", &format!("X-Request-Id: {}\r\n", "x".repeat(200))]
    {
        assert_eq!(wire.ask(get("/open/", sent)).await.status(), 200);
        let id = origin.last().header("x-request-id").expect("an id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{sent}: {id}");
        assert!(!ids.contains(&id));
        ids.push(id);
    }
    let refused = wire.ask(get("/open/%2f", "X-Request-Id: kept.1\r\n")).await;
    assert_eq!(refused.problem(), (400, "ambiguous-path".to_owned()));
    assert_eq!(refused.header("x-request-id"), Some("kept.1"));
}

#[tokio::test]
async fn r40_hop_by_hop_headers_go_no_further_and_ours_cannot_be_nominated() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let cookie = signed_in(&world).await;
    let nominated = "close, Host, Cookie, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Real-IP, X-Request-Id, \
                     X-Wechat-Openid, x-wechat-session, Content-Length, X-Mine";
    let lines = format!(
        "Connection: {nominated}\r\nConnection: x-other\r\n{cookie}Cookie: kept=1\r\nX-Mine: 1\r\nX-Other: 1\r\n\
         Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nTE: gzip\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 3\r\nX-Kept: 1\r\n"
    );
    assert_eq!(ask(world.gate, format!("{}abc", get("/", &lines))).await.status(), 200);
    let seen = origin.last();
    for gone in [
        "x-mine",
        "x-other",
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
        "upgrade",
        "http2-settings",
        "expect",
    ] {
        assert!(seen.all(gone).is_empty(), "{gone}: {seen:?}");
    }
    for (kept, value) in [
        ("host", "m.example.com"),
        ("cookie", "kept=1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "m.example.com"),
        ("x-real-ip", "127.0.0.1"),
        ("x-kept", "1"),
        ("content-length", "3"),
    ] {
        assert_eq!(seen.header(kept), Some(value), "{seen:?}");
    }
    assert!(seen.header("x-wechat-openid").is_some() && seen.header("x-wechat-session").is_some(), "{seen:?}");
    assert_eq!(seen.text(), "abc");
}

#[tokio::test]
async fn r40_an_answers_hop_by_hop_headers_stay_behind() {
    let origin = Origin::saying(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=9\r\nX-Hop: 1\r\n\
         Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Kept: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
         Content-Length: 2\r\n\r\nok",
    )
    .await;
    let world = before(&origin, Wants::default()).await;
    let answer = ask(world.gate, get("/open/", "")).await;
    for gone in ["connection", "keep-alive", "x-hop", "proxy-authenticate", "upgrade"] {
        assert!(answer.all(gone).is_empty(), "{gone}: {answer:?}");
    }
    assert_eq!(answer.header("x-kept"), Some("1"));
    assert_eq!(answer.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(answer.text(), "ok");
}

#[tokio::test]
async fn the_gates_cookies_stay_and_others_go_on_in_order() {
    let origin = Origin::saying(OK).await;
    let jwt = "[identity.jwt]\ncookie = 'wechat_jwt'\nalgorithm = 'HS256'\nkey = 'a token key of at least thirty-two bytes'\n";
    let world = before(&origin, Wants { rest: jwt, ..Wants::default() }).await;
    let cookie = signed_in(&world).await;
    let ours = cookie.trim().strip_prefix("Cookie: ").expect("a line").to_owned();
    assert!(ours.contains("wxgate="), "{ours}");

    let line = format!("Cookie: z=1; {ours}; wechat_jwt=forged; a=\"q;r\"; wechat%5fjwt=forged; z=2;empty=\r\n");
    assert_eq!(ask(world.gate, get("/", &line)).await.status(), 200);
    let seen = origin.last();
    let cookies = seen.header("cookie").expect("cookies").to_owned();
    let (token, rest) = cookies.split_once("; ").expect("more than one");
    assert!(token.starts_with("wechat_jwt=ey"), "{cookies}");
    assert_eq!(rest, "z=1; a=\"q; r\"; z=2; empty=");

    // Without a visitor nothing of ours remains, on routes for everybody either.
    let line = format!("Cookie: {ours}; wechat_jwt=forged\r\n");
    assert_eq!(ask(world.gate, get("/open/", &line)).await.status(), 200);
    assert_eq!(origin.last().header("cookie"), None);
    assert_eq!(ask(world.gate, get("/open/", "Cookie: odd;; a=1 ;b\r\nCookie: c=3\r\n")).await.status(), 200);
    assert_eq!(origin.last().all("cookie"), ["odd;; a=1 ;b", "c=3"], "untouched lines stay as they are");
}

#[tokio::test]
async fn r21_no_name_breaks_out_of_its_header() {
    for encoding in ["percent", "base64"] {
        let origin = Origin::saying(OK).await;
        let rest = format!("[identity]\nencoding = '{encoding}'\n");
        let world = before(&origin, Wants { rest: &rest, ..Wants::default() }).await;
        let hex = data_encoding::HEXLOWER.encode("\",;\r\n\0\u{7f} X-Evil: 1 🍵茶".as_bytes());
        world.tell_wechat("users", &format!(r#"{{"id":"evil","nickname_hex":"{hex}"}}"#)).await;
        world.auto("evil").await;
        let mut browser = world.browser(WECHAT);
        assert!(browser.follow(&world.url("/_wechat/login?rd=/&scope=userinfo")).await.status.is_success());
        let seen: Message = origin.last();
        assert!(seen.all("x-evil").is_empty(), "{seen:?}");
        let nickname = seen.header("x-wechat-nickname").expect("a nickname");
        if encoding == "percent" {
            assert_eq!(nickname, "%22%2C%3B%20X-Evil%3A%201%20%F0%9F%8D%B5%E8%8C%B6");
        } else {
            let decoded = data_encoding::BASE64.decode(nickname.as_bytes()).expect("base64");
            assert_eq!(String::from_utf8(decoded).expect("UTF-8"), "\",; X-Evil: 1 🍵茶");
        }
    }
}
