//! What is guarded is closed to whoever does not bring the token.

use http::Method;

use super::operator::{TOKEN, bearer, token_path, world};
use crate::support::{World, log};

const GUARDED: [(&str, &str); 4] = [
    ("GET", "/cgi-bin/token"),
    ("POST", "/cgi-bin/stable_token"),
    ("GET", "/cgi-bin/ticket/getticket"),
    ("POST", "/sessions/revoke"),
];

async fn is_closed(world: &World, headers: &[(&str, &str)]) {
    for (method, path) in GUARDED {
        for query in ["", "?token=pLaNtEd-admin-token&access_token=pLaNtEd-admin-token&authorization=Bearer%20x"] {
            let method: Method = method.parse().expect("a method");
            let answer = world.operate(method, &format!("{path}{query}"), headers, "{}").await;
            assert_eq!(answer.status, 401, "{path} {headers:?}: {}", answer.text());
            assert!(answer.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer ")), "{path}");
            assert_eq!(answer.content_type(), "application/problem+json", "{path}");
            assert!(answer.header("x-request-id").is_some(), "{path}");
        }
    }
}

#[tokio::test]
async fn r29_r48_the_token_is_taken_from_its_header_only_and_whole() {
    let world = world().await;
    is_closed(&world, &[]).await;
    for wrong in ["", "Bearer", "Bearer ", "Basic cExhTnRFZA==", TOKEN] {
        is_closed(&world, &[("authorization", wrong)]).await;
    }
    assert!(world.wechat_events().await.is_empty(), "nobody asked WeChat for any of them");
    assert_eq!(world.token().await.status, 200, "and it still opens");
}

#[tokio::test]
async fn r29_a_token_that_is_nearly_right_is_wrong() {
    let world = world().await;
    for wrong in [&TOKEN[..TOKEN.len() - 1], &TOKEN.to_lowercase(), &format!("{TOKEN}x"), &TOKEN.replace('p', "q")] {
        is_closed(&world, &[("authorization", &bearer(wrong))]).await;
    }
    is_closed(&world, &[("proxy-authorization", &bearer(TOKEN)), ("x-admin-token", TOKEN)]).await;
}

#[tokio::test]
async fn r29_without_a_configured_token_all_of_it_is_closed_and_the_rest_is_open() {
    let world = World::start("[admin]\nlisten = '127.0.0.1:0'\n").await;
    is_closed(&world, &[("authorization", "Bearer ")]).await;
    is_closed(&world, &[("authorization", &bearer(TOKEN))]).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(world.look(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn r39_whoever_guesses_is_slowed_down_and_nobody_else() {
    let world = world().await;
    let guess = async || {
        let wrong = bearer("not the token at all");
        world.operate(Method::GET, "/cgi-bin/token", &[("authorization", &wrong)], "").await
    };
    for n in 0..60 {
        assert_eq!(guess().await.status, 401, "{n}");
    }
    let limited = guess().await;
    assert_eq!((limited.status.as_u16(), limited.slug().as_str()), (429, "rate-limited"));
    assert!(limited.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok_and(|wait| wait > 0)));
    assert_eq!(world.token().await.status, 200, "a neighbour with the right token notices nothing");
    world.clock.advance(std::time::Duration::from_mins(2));
    assert_eq!(guess().await.status, 401);
}

#[tokio::test]
async fn r28_r48_no_secret_of_these_endpoints_is_logged() {
    let mut world = world().await;
    let token = world.token().await.json()["access_token"].as_str().expect("a token").to_owned();
    let ticket = world.ask(&format!("/cgi-bin/ticket/getticket?access_token={token}&type=jsapi")).await;
    let ticket = ticket.json()["ticket"].as_str().expect("a ticket").to_owned();
    let openid = world.openid("lin").await;
    world.post("/sessions/revoke", &format!(r#"{{"openid":"{openid}"}}"#)).await;
    world.post("/cgi-bin/stable_token", r#"{"secret":"pLaNtEd-secret"}"#).await;
    world.operate(Method::GET, &token_path(), &[("authorization", &bearer("pLaNtEd-but-wrong"))], "").await;
    let metrics = world.look("/metrics").await.text();
    world.stop_gate();
    let said = log::everything();
    assert!(said.contains("a request without the right token"), "the log is listened to");
    for secret in [&*token, &*ticket, &*openid, "pLaNtEd"] {
        assert!(!said.contains(secret), "{secret} is in the log");
        assert!(!metrics.contains(secret), "{secret} is in the metrics");
    }
}
