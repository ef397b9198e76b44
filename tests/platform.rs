//! The account's own token and tickets, fetched from the simulator: as seldom as WeChat's rules allow, and never for nothing.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use wxgate::clock::{Clock, Timestamp};
use wxgate::config::{Endpoints, OfficialAccount, SnapshotPolicy, TokenSource};
use wxgate::secret::Secret;
use wxgate::simulator::{APP_ID, APP_SECRET, Settings, Simulator};
use wxgate::store::Memory;
use wxgate::types::{AppId, Scope};
use wxgate::wechat::{Client, Issued, Kind, Platform};

use support::{Browser, log};

const STABLE: &str = "stable_token";
const TICKET: &str = "getticket";

/// A simulator, and token centres that live by one clock.
struct Scene {
    url: String,
    clock: Clock,
    platform: Platform,
    stop: Option<oneshot::Sender<()>>,
}

impl Scene {
    async fn new() -> Self {
        Self::of(TokenSource::Stable).await
    }

    async fn of(source: TokenSource) -> Self {
        log::listen();
        let simulator = Simulator::bind(([127, 0, 0, 1], 0).into(), Settings::default()).await.expect("a free port");
        let url = format!("http://{}", simulator.address());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(simulator.run(async {
            let _ = stopped.await;
        }));
        let answer = Browser::new("test").get(&format!("{url}/__sim/clock")).await;
        let now: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let clock = Clock::fixed(Timestamp(now["now"].as_u64().expect("the time")));
        let platform = centre(&url, source, &clock);
        Self { url, clock, platform, stop: Some(stop) }
    }

    async fn tell(&self, what: &str, json: &Value) {
        let answer = Browser::new("test").post_json(&format!("{}/__sim/{what}", self.url), &json.to_string()).await;
        assert!(answer.status.is_success(), "{what}: {}", answer.text());
    }

    /// What the simulator was asked, in order.
    async fn events(&self, kind: &str) -> Vec<Value> {
        let answer = Browser::new("test").get(&format!("{}/__sim/events?kind={kind}", self.url)).await;
        serde_json::from_slice(&answer.body).expect("a list of events")
    }

    async fn calls(&self) -> (usize, usize) {
        (self.events(STABLE).await.len(), self.events(TICKET).await.len())
    }

    /// Moves both clocks.
    async fn advance(&self, seconds: u64) {
        self.tell("clock", &json!({"advance": seconds})).await;
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn get(&self, kind: Kind) -> String {
        self.platform.get(kind).await.unwrap_or_else(|none| panic!("{kind}: {none}")).value.expose().clone()
    }

    async fn refused(&self, kind: Kind) -> Option<i64> {
        self.platform.get(kind).await.expect_err("refused").error.errcode
    }
}

fn centre(url: &str, token: TokenSource, clock: &Clock) -> Platform {
    let account = OfficialAccount {
        app_id: AppId::parse(APP_ID).expect("a valid appid"),
        app_secret: Secret::new(APP_SECRET.to_owned()),
        scope: Scope::Base,
        snapshot: SnapshotPolicy::Page,
        token,
    };
    let endpoints =
        Endpoints { open: url.to_owned(), api: url.to_owned(), qyapi: url.to_owned(), wwlogin: url.to_owned() };
    let client = Client::new(&account, &endpoints, Handle::current()).expect("TLS can be set up");
    Platform::new(client, Arc::new(Memory::new(clock.clone())), clock.clone(), Handle::current())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_at_once_on_a_cold_gate_are_one_token_and_one_ticket() {
    let scene = Scene::new().await;
    let asking: Vec<_> = (0..1000)
        .map(|_| {
            let platform = scene.platform.clone();
            tokio::spawn(async move { platform.get(Kind::JsapiTicket).await.expect("a ticket") })
        })
        .collect();
    let mut tickets = Vec::new();
    for one in asking {
        tickets.push(one.await.expect("no panic").value.expose().clone());
    }
    tickets.dedup();
    assert_eq!((tickets.len(), scene.calls().await), (1, (1, 1)));
    assert_ne!(scene.get(Kind::WxCardTicket).await, tickets[0]);
    assert_eq!(scene.calls().await, (1, 2));
}

#[tokio::test]
async fn a_day_of_ten_requests_a_second_costs_the_fewest_calls_and_hands_out_nothing_expired() {
    const DAY: u64 = 24 * 3600;
    let scene = Scene::new().await;
    scene.get(Kind::JsapiTicket).await;
    let mut last_seen: HashMap<String, u64> = HashMap::new();
    let end = scene.clock.now().0 + DAY;
    while scene.clock.now().0 < end {
        let ticket = || scene.platform.cached(Kind::JsapiTicket).expect("nobody ever waits");
        let left = |issued: &Issued| issued.expires_at.since(scene.clock.now()).as_secs();
        // A renewal takes a moment, in which simulated time must not fly.
        let step = if left(&ticket()) > 330 { 30 } else { 1 };
        let mut issued = ticket();
        for _ in 1..10 * step {
            issued = ticket();
        }
        // One has begun by now: time stands still until it is over.
        while left(&issued) < 180 {
            tokio::task::yield_now().await;
            issued = ticket();
        }
        last_seen.insert(issued.value.expose().clone(), scene.clock.now().0);
        scene.advance(step).await;
    }
    let tickets = scene.events(TICKET).await;
    assert_eq!((scene.events(STABLE).await.len(), tickets.len()), (7, 13), "{tickets:#?}");
    assert_eq!(last_seen.len(), 13);
    for event in &tickets {
        assert_eq!(event["outcome"], "ok");
        let ends = event["at"].as_u64().expect("a time") + event["expires_in"].as_u64().expect("seconds");
        let ticket = event["ticket"].as_str().expect("a text");
        assert!(last_seen[ticket] < ends, "{ticket} was handed out after its end");
    }
    assert!(scene.events(STABLE).await.iter().all(|event| event["force_refresh"] == false));
}

#[tokio::test]
async fn with_wechat_away_a_ticket_serves_for_all_its_life() {
    let mut scene = Scene::new().await;
    let ticket = scene.get(Kind::JsapiTicket).await;
    scene.stop.take();
    for _ in 0..7199 {
        scene.clock.advance(Duration::from_secs(1));
        assert_eq!(scene.get(Kind::JsapiTicket).await, ticket);
    }
    scene.clock.advance(Duration::from_secs(1));
    assert!(scene.platform.cached(Kind::JsapiTicket).is_none());
}

#[tokio::test]
async fn a_token_killed_underneath_costs_one_failed_call() {
    let scene = Scene::new().await;
    let token = scene.get(Kind::AccessToken).await;
    scene.tell("kill", &json!({"what": ["stable"]})).await;
    scene.get(Kind::JsapiTicket).await;
    let outcomes: Vec<Value> = scene.events(TICKET).await.iter().map(|event| event["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!(40001), json!("ok")]);
    assert_eq!(scene.calls().await.0, 2);
    assert_ne!(scene.get(Kind::AccessToken).await, token);
}

#[tokio::test]
async fn an_address_off_the_whitelist_is_named_once_and_heals_by_itself() {
    let scene = Scene::new().await;
    // An address no other test of this program has in the log.
    scene.tell("whitelist", &json!({"ips": [], "seen_as": "198.51.100.164"})).await;
    for kind in Kind::OFFICIAL_ACCOUNT.repeat(20) {
        assert_eq!(scene.refused(kind).await, Some(40164));
    }
    assert_eq!(scene.platform.state().alarm.map(|alarm| alarm.errcode), Some(40164));
    assert_eq!(scene.calls().await, (1, 0));
    scene.advance(60).await;
    assert_eq!(scene.refused(Kind::JsapiTicket).await, Some(40164));
    scene.tell("whitelist", &json!({"ips": ["198.51.100.164"], "seen_as": "198.51.100.164"})).await;
    assert_eq!(scene.refused(Kind::JsapiTicket).await, Some(40164), "within the minute");
    scene.advance(60).await;
    scene.get(Kind::JsapiTicket).await;
    assert!(scene.platform.state().alarm.is_none());
    assert_eq!(scene.calls().await, (3, 1));
    let log = log::everything();
    let said = log.lines().filter(|line| line.contains("wxgate::wechat") && line.contains("198.51.100.164")).count();
    assert_eq!(said, 1, "{log}");
}

#[tokio::test]
async fn an_administrator_who_has_to_confirm_is_waited_for() {
    let scene = Scene::new().await;
    scene.tell("whitelist", &json!({"ips": [], "otherwise": "confirm"})).await;
    assert_eq!(scene.refused(Kind::AccessToken).await, Some(89503));
    scene.tell("administrator", &json!({"answer": "refuse"})).await;
    scene.advance(5 * 60).await;
    assert_eq!(scene.refused(Kind::AccessToken).await, Some(89507));
    scene.advance(59 * 60).await;
    assert_eq!((scene.refused(Kind::AccessToken).await, scene.calls().await.0), (Some(89507), 2));
    scene.advance(60).await;
    assert_eq!(scene.refused(Kind::AccessToken).await, Some(89503));
    scene.tell("administrator", &json!({"answer": "approve"})).await;
    scene.advance(5 * 60).await;
    scene.get(Kind::AccessToken).await;
    assert_eq!(scene.calls().await.0, 4);
}

#[tokio::test]
async fn a_used_up_quota_is_left_to_recover_while_what_is_there_serves() {
    let scene = Scene::new().await;
    let ticket = scene.get(Kind::JsapiTicket).await;
    scene.tell("quotas", &json!({"getticket": 1})).await;
    // In its last three minutes at the latest a ticket's renewal is due.
    for _ in 0..703 {
        scene.advance(10).await;
        assert_eq!(scene.get(Kind::JsapiTicket).await, ticket);
    }
    support::eventually("a renewal was refused", async || scene.calls().await.1 == 2).await;
    assert_eq!(scene.events(TICKET).await[1]["outcome"], 45009);
    assert_eq!(scene.get(Kind::JsapiTicket).await, ticket);
    scene.tell("quotas", &json!({"getticket": 2000})).await;
    scene.advance(15 * 60).await;
    assert_ne!(scene.get(Kind::JsapiTicket).await, ticket);
}

#[tokio::test]
async fn many_gates_of_one_account_share_the_stable_token_and_fight_over_the_classic_one() {
    // Of the classic tokens only the last one lives when five minutes are over: three of four come to grief.
    for (source, api, dead) in [(TokenSource::Stable, STABLE, 0), (TokenSource::Classic, "token", 3)] {
        let scene = Scene::of(source).await;
        let gates = [(); 4].map(|()| centre(&scene.url, source, &scene.clock));
        let mut tokens = Vec::new();
        for gate in &gates {
            tokens.push(gate.get(Kind::AccessToken).await.expect("a token").value.expose().clone());
        }
        tokens.dedup();
        assert_eq!(tokens.len() == 1, source == TokenSource::Stable);
        assert_eq!(scene.events(api).await.len(), gates.len());
        scene.advance(400).await;
        for gate in &gates {
            gate.get(Kind::JsapiTicket).await.expect("a ticket, at worst with a second try");
        }
        let failed = scene.events(TICKET).await.iter().filter(|event| event["outcome"] != "ok").count();
        assert_eq!(failed, dead);
    }
}

#[tokio::test]
async fn r28_r48_no_secret_token_or_ticket_is_in_the_log() {
    let scene = Scene::of(TokenSource::Classic).await;
    let (token, ticket) = (scene.get(Kind::AccessToken).await, scene.get(Kind::JsapiTicket).await);
    scene.tell("faults", &json!([{"path": "/cgi-bin/ticket/getticket", "reset_after": true, "times": 1}])).await;
    let card = scene.get(Kind::WxCardTicket).await;
    let log = log::everything();
    assert!(log.contains("/cgi-bin/ticket/getticket: Unreachable"), "the broken call is told of");
    for line in log.lines().filter(|line| line.contains("wxgate::")) {
        for secret in [APP_SECRET, &token, &ticket, &card, "secret=", "access_token="] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
