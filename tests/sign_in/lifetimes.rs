//! How long a session lives, and how it is kept alive.

use std::time::Duration;

use wxgate::simulator::Settings;

use crate::support::World;
use crate::support::visit::within;

#[tokio::test]
async fn a_session_ends_when_its_time_is_up_however_busy_it_was() {
    let world = World::with(|text| within(&text, "session", "ttl = '1h'\nidle = 'off'"), Settings::default()).await;
    let mut browser = world.signed_in("lin").await;
    for _ in 0..59 {
        world.clock.advance(Duration::from_mins(1));
        let answer = browser.get(&world.url("/")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.set_cookies().is_empty(), "nothing to renew");
    }
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(browser.get(&world.url("/")).await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(browser.get(&world.url("/")).await.status, 302);
    assert_eq!(browser.fetch(&world.url("/_wechat/me")).await.status, 401);
}

#[tokio::test]
async fn an_idle_session_ends_and_a_busy_one_is_renewed_once_per_tenth() {
    let world = World::with(|text| within(&text, "session", "ttl = '1h'\nidle = '10m'"), Settings::default()).await;
    let mut idle = world.signed_in("fei").await;
    let mut browser = world.signed_in("lin").await;
    let sid = browser.get(&world.url("/")).await.told("x-wechat-session");
    for (seconds, renewed) in [(0, false), (59, false), (1, true), (0, false), (59, false), (1, true), (480, true)] {
        world.clock.advance(Duration::from_secs(seconds));
        let answer = browser.get(&world.url("/")).await;
        assert_eq!(answer.told("x-wechat-session"), sid, "the same session");
        let lines = answer.cookie_lines();
        assert_eq!(lines.len(), usize::from(renewed), "{seconds}: {lines:?}");
        if let Some(line) = lines.first() {
            let left = 3600 - (world.clock.now().0 - 1_800_000_000);
            assert!(line.ends_with(&format!("HttpOnly; SameSite=Lax; Path=/; Max-Age={left}")), "{line}");
        }
    }
    // Ten minutes have passed in all, and the other one has not been seen.
    assert_eq!(idle.get(&world.url("/")).await.status, 302);
    world.clock.advance(Duration::from_secs(599));
    assert_eq!(browser.get(&world.url("/")).await.status, 200);
    let mut forgetful = browser.clone();
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(forgetful.get(&world.url("/")).await.status, 302);
    // Renewal moves the idle end, never the absolute one.
    let mut browser = world.signed_in("lin").await;
    for _ in 0..7 {
        world.clock.advance(Duration::from_mins(8));
        assert_eq!(browser.get(&world.url("/")).await.status, 200);
    }
    world.clock.advance(Duration::from_mins(4));
    assert_eq!(browser.get(&world.url("/")).await.status, 302);
}

#[tokio::test]
async fn a_session_is_never_renewed_with_an_answer_that_a_shared_cache_may_keep() {
    let world = World::with(|text| within(&text, "session", "idle = '10m'"), Settings::default()).await;
    let mut browser = world.signed_in("lin").await;
    world.clock.advance(Duration::from_mins(2));
    for (caching, renewed) in [
        ("public, max-age=60", false),
        ("Public", false),
        ("max-age=60, S-MaxAge=600", false),
        ("private, max-age=60", true),
        ("no-store", true),
        ("max-age=60", true),
    ] {
        let mut twin = browser.clone();
        twin.headers.insert("x-site-cache-control", caching.parse().expect("a value"));
        let answer = twin.get(&world.url("/")).await;
        assert_eq!(answer.header("cache-control"), Some(caching), "the site's own answer stays as it is");
        assert_eq!(answer.gives_a_session(), renewed, "{caching}");
    }
    assert!(browser.get(&world.url("/")).await.gives_a_session());
}

#[tokio::test]
async fn a_page_that_only_asks_who_is_there_keeps_the_session_alive() {
    let world = World::with(|text| within(&text, "session", "ttl = '1h'\nidle = '10m'"), Settings::default()).await;
    let mut browser = world.signed_in("lin").await;
    for _ in 0..5 {
        world.clock.advance(Duration::from_mins(9));
        let answer = browser.fetch(&world.url("/_wechat/me")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.gives_a_session(), "seen, and so renewed");
        assert!(!browser.fetch(&world.url("/_wechat/me")).await.gives_a_session(), "once per tenth");
    }
    assert_eq!(browser.get(&world.url("/")).await.status, 200);
}
