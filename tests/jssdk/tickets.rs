//! Where tickets come from, and what becomes of a page when there is none.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wxgate::simulator::{APP_SECRET, Settings};

use crate::support::{World, eventually, log};
use crate::{TICKET, assert_signed, sign, world};

const PAGE: &str = "https://m.example.com/";

async fn calls(world: &World) -> Vec<String> {
    let events = world.wechat_events().await;
    events.iter().filter_map(|event| event["kind"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_thousand_pages_at_a_cold_gate_cost_one_token_and_one_ticket() {
    let world = Arc::new(world("").await);
    let asking: Vec<_> = (0..1000)
        .map(|number| {
            let (world, page) = (world.clone(), format!("{PAGE}{number}"));
            tokio::spawn(async move { (sign(&world, &page).await, page) })
        })
        .collect();
    for asked in asking {
        let (answer, page) = asked.await.expect("an answer");
        assert_signed(&answer, &page);
    }
    // The ticket that is known is one that was put in the place of the simulator's own.
    assert_eq!(calls(&world).await, ["stable_token", "fault"]);
}

#[tokio::test]
async fn without_a_ticket_pages_are_told_when_to_come_back() {
    for (errcode, slug) in [(-1, "wechat-unavailable"), (40125, "wechat-misconfigured")] {
        let world = World::with(
            |text| crate::support::visit::at_public_url(&text, "https://m.example.com"),
            Settings::default(),
        )
        .await;
        world.fault(&json!({ "api": "stable_token", "errcode": errcode }).to_string()).await;
        let answer = sign(&world, PAGE).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (503, slug), "{errcode}");
        let pause: u64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
        assert!((1..=3600).contains(&pause), "{errcode}: {pause}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let page = world.browser(crate::WECHAT).get(&world.url("/jsconfig?url=https://m.example.com/")).await;
        page.assert_page(503, slug);
    }
}

#[tokio::test]
async fn pages_are_signed_while_wechat_is_away_for_as_long_as_the_ticket_lives() {
    let mut world = world("").await;
    assert_signed(&sign(&world, PAGE).await, PAGE);
    world.kill_wechat();
    for _ in 0..7 {
        let config = sign(&world, PAGE).await;
        assert_eq!(config.status, 200, "{}", config.text());
        world.clock.advance(Duration::from_secs(1000));
    }
    world.clock.advance(Duration::from_secs(200));
    eventually("the ticket is gone", async || sign(&world, PAGE).await.status == 503).await;
}

#[tokio::test]
async fn r28_neither_ticket_nor_token_nor_secret_is_told() {
    let mut world = world("").await;
    let body = json!({ "access_token": "TOKEN_THAT_LEAKS_0123456789", "expires_in": 7200 }).to_string();
    world.fault(&json!([
        { "api": "stable_token", "body": body },
        { "api": "getticket", "body": json!({ "errcode": 0, "ticket": TICKET, "expires_in": 7200 }).to_string() },
    ]).to_string())
    .await;
    let mut told = String::new();
    for query in
        ["?url=https://m.example.com/", "?url=https://m.example.com/&debug=1", "?url=https://evil.example/", ""]
    {
        let answer = crate::ask(&world, query).await;
        told += &format!("{:?} {}\n", answer.headers, answer.text());
    }
    world.stop_gate();
    told += &log::everything();
    for secret in [TICKET, "TOKEN_THAT_LEAKS_0123456789", APP_SECRET] {
        let line = told.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{line:?}");
    }
}
