//! A day by the clock, against WeChat's own rules: as few calls as they allow, and never a value that has expired.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::*;

const DAY: u64 = 24 * 3600;
const LIFE: u64 = 7200;
/// In its last five minutes a value has a successor.
const OVERLAP: u64 = 300;

/// Values and when they end, newest last of each kind.
#[derive(Clone, Default)]
struct Mint(Arc<Mutex<HashMap<&'static str, Vec<u64>>>>);

impl Mint {
    /// The number of the kind's current value, and what is left of it.
    fn give(&self, kind: &'static str, now: u64) -> (u64, u64) {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = made.entry(kind).or_default();
        if ends.last().is_none_or(|end| end.saturating_sub(now) < OVERLAP) {
            ends.push(now + LIFE);
        }
        (ends.len() as u64 - 1, ends[ends.len() - 1] - now)
    }

    fn is_alive(&self, kind: &'static str, value: &str, now: u64) -> bool {
        let made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n: usize = value.split_once('-').expect("a number").1.parse().expect("a number");
        now < made[kind][n]
    }

    fn script(&self, clock: &Clock) -> impl Fn(&str) -> Reply + Send + Sync + 'static {
        let (mint, clock) = (self.clone(), clock.clone());
        move |target| {
            let now = clock.now().0;
            let Some(query) = target.strip_prefix(TICKET) else {
                let (n, left) = mint.give("token", now);
                return token(n, left);
            };
            let token = query.strip_prefix("?access_token=").and_then(|rest| rest.split('&').next());
            if !mint.is_alive("token", token.expect("a token"), now) {
                return Reply::errcode(42001);
            }
            let (n, left) = mint.give("jsapi", now);
            ticket(n, left)
        }
    }
}

/// A gate that is asked for `kind` every `seconds`, for a day, and never makes anybody wait but the first.
async fn a_day(kind: Kind, every: Duration, times: usize) -> (usize, usize) {
    let bench = Bench::new(|_| Reply::Silence).await;
    let mint = Mint::default();
    bench.wechat.now(mint.script(&bench.clock));
    let name = if kind == Kind::AccessToken { "token" } else { "jsapi" };
    bench.get(kind).await;
    for second in 0..DAY {
        if second.is_multiple_of(every.as_secs()) {
            for _ in 0..times {
                let value = bench.cached(kind).unwrap_or_else(|| panic!("none at hand after {second} s"));
                assert!(mint.is_alive(name, &value, bench.clock.now().0), "{value} after {second} s");
            }
        }
        if second.is_multiple_of(20) {
            bench.platform.look_after();
        }
        bench.settled().await;
        bench.advance(1);
    }
    bench.calls()
}

#[tokio::test]
async fn a_day_of_ten_requests_a_second_costs_the_fewest_calls_there_can_be() {
    // A ticket's successor can be had in its last five minutes: 13 of them cover a day without a gap, 12 would have to
    // be replaced at the very second they end. Every token serves two tickets.
    let (tokens, tickets) = a_day(Kind::JsapiTicket, Duration::from_secs(1), 10).await;
    assert_eq!((tokens, tickets), (7, 13));
    assert_eq!(a_day(Kind::AccessToken, Duration::from_secs(1), 1).await, (13, 0));
}

#[tokio::test]
async fn a_request_every_hour_and_a_half_never_waits() {
    assert_eq!(a_day(Kind::JsapiTicket, Duration::from_mins(90), 1).await, (7, 13));
}
