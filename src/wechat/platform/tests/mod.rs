//! The token centre against a scripted WeChat.

mod day;
mod fetching;
mod logs;
mod renewing;
mod sharing;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;

use super::{Kind, PACE, Pace, Platform};
use crate::clock::{Clock, Timestamp};
use crate::config::TokenSource;
use crate::store::{Memory, Store};
use crate::wechat::Client;
use crate::wechat::scripted::{Reply, Scripted, account};

const STABLE: &str = "/cgi-bin/stable_token";
const CLASSIC: &str = "/cgi-bin/token";
const TICKET: &str = "/cgi-bin/ticket/getticket";

/// Blips are over at once; nothing else is any different.
const QUICK: Pace = Pace { pause: Duration::from_millis(1), ..PACE };

/// A token centre and its WeChat.
struct Bench {
    wechat: Scripted,
    platform: Platform,
    clock: Clock,
}

impl Bench {
    async fn new(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::paced(QUICK, script).await
    }

    async fn paced(pace: Pace, script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let clock = Clock::fixed(Timestamp(1_000_000));
        let wechat = Scripted::begin(script).await;
        let platform = centre(&wechat, Arc::new(Memory::new(clock.clone())), &clock, pace);
        Self { wechat, platform, clock }
    }

    /// What `kind` is now; it must be there or come.
    async fn get(&self, kind: Kind) -> String {
        self.platform.get(kind).await.unwrap_or_else(|none| panic!("{kind}: {none}")).value.expose().clone()
    }

    /// What is at hand.
    fn cached(&self, kind: Kind) -> Option<String> {
        self.platform.cached(kind).map(|issued| issued.value.expose().clone())
    }

    /// How often WeChat was asked for tokens and for tickets.
    fn calls(&self) -> (usize, usize) {
        (self.wechat.asked(STABLE).len(), self.wechat.asked(TICKET).len())
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Waits for all fetches under way.
    async fn settled(&self) {
        for kind in Kind::OFFICIAL_ACCOUNT {
            if let Some(mut running) = self.platform.desk(kind).under_way() {
                let _ = running.wait_for(Option::is_some).await;
            }
        }
    }
}

fn centre(wechat: &Scripted, store: Arc<dyn Store>, clock: &Clock, pace: Pace) -> Platform {
    centre_of(TokenSource::Stable, wechat, store, clock, pace)
}

fn centre_of(source: TokenSource, wechat: &Scripted, store: Arc<dyn Store>, clock: &Clock, pace: Pace) -> Platform {
    let account = crate::config::OfficialAccount { token: source, ..account() };
    let client = Client::new(&account, &wechat.endpoints(), Handle::current()).expect("TLS can be set up");
    Platform::paced(client, store, clock.clone(), Handle::current(), pace)
}

/// Every call brings something new: `TOKEN-1`, `TICKET-2`, …
fn well() -> impl Fn(&str) -> Reply + Send + Sync + 'static {
    let count = AtomicU64::new(0);
    move |target| {
        let n = count.fetch_add(1, Ordering::Relaxed) + 1;
        if target.starts_with(TICKET) { ticket(n, 7200) } else { token(n, 7200) }
    }
}

fn token(n: u64, expires_in: u64) -> Reply {
    Reply::json(&format!(r#"{{"access_token":"TOKEN-{n}","expires_in":{expires_in}}}"#))
}

fn ticket(n: u64, expires_in: u64) -> Reply {
    Reply::json(&format!(r#"{{"errcode":0,"errmsg":"ok","ticket":"TICKET-{n}","expires_in":{expires_in}}}"#))
}
