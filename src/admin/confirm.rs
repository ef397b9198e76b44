//! Whether WeChat still stands by the token that is to be handed out.
//!
//! A program elsewhere that has the same secret can kill the account's token, and the gate need not notice for hours: its
//! tickets go on. A program that asks here may well ask because WeChat has just refused the token it had. So WeChat is
//! asked again, which for the stable token changes nothing, and is what WeChat recommends; but not more than once a
//! minute, and nobody's token is lost when it does not answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::clock::Clock;
use crate::wechat::{Api, Client, Issued, Kind, Platform};

/// So long WeChat's word holds.
const HOLDS: Duration = Duration::from_mins(1);
/// So long WeChat is left alone after it gave none.
const PAUSE: Duration = Duration::from_mins(5);
/// In its last five minutes a token has a successor by right, for which the gate sees by itself.
const OVERLAP: Duration = Duration::from_mins(5);
/// An SDK waits some ten seconds, and has a good token to fall back on.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Confirmed {
    client: Client,
    platform: Platform,
    clock: Clock,
    /// When it is time to ask again, in Unix seconds.
    next: AtomicU64,
}

impl Confirmed {
    pub(super) fn new(client: Client, platform: Platform, clock: Clock) -> Self {
        Self { client, platform, clock, next: AtomicU64::new(0) }
    }

    /// WeChat has just given a token.
    pub(super) fn is_fresh(&self) {
        self.hold(HOLDS);
    }

    /// The token, or the one that has taken its place at WeChat.
    pub(super) async fn look(&self, issued: Issued) -> Issued {
        // Each classic token kills the one before: of those there is no second look.
        let left = issued.expires_at.since(self.clock.now());
        if self.client.token_api() != Api::StableToken || left <= OVERLAP || !self.is_time() {
            return issued;
        }
        match timeout(PATIENCE, self.client.stable_token()).await {
            Ok(Ok(granted)) if granted.value.expose() == issued.value.expose() => issued,
            Ok(Ok(_)) => {
                tracing::warn!("the platform token was replaced from elsewhere: another program has the AppSecret");
                self.platform.expire(Kind::AccessToken, &issued.value).await;
                self.platform.get(Kind::AccessToken).await.unwrap_or(issued)
            }
            Ok(Err(_)) | Err(_) => {
                self.hold(PAUSE);
                issued
            }
        }
    }

    /// For one of all who ask at once; and not while WeChat refuses the account.
    fn is_time(&self) -> bool {
        let (now, next) = (self.clock.now(), self.next.load(Ordering::Relaxed));
        let turn =
            || self.next.compare_exchange(next, now.after(HOLDS).0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        next <= now.0 && self.platform.state().alarm.is_none() && turn()
    }

    fn hold(&self, how_long: Duration) {
        self.next.store(self.clock.now().after(how_long).0, Ordering::Relaxed);
    }
}
