//! How WeChat is asked: what the other replicas have first, a second try where one helps, and one line in the log when
//! things turn bad or good.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::desk::Outcome;
use super::setback::Setback;
use super::{Issued, Kind, Platform, Unavailable};
use crate::clock::{self, Timestamp};
use crate::secret::Secret;
use crate::wechat::error::{Error, Trouble};
use crate::wechat::wire::Granted;

/// In its last minutes WeChat gives a new token, while the old one lives on. Before, it would give the same one again.
const OVERLAP: Duration = Duration::from_mins(5);
/// We ask this long after that began, at least: clocks differ.
const MARGIN: u64 = 20;
/// And at most this much later, by chance, so that replicas do not come all at once.
const SPREAD: u64 = 100;
/// Between two questions about a value that WeChat gives again and again though its end is near.
const NEAR_THE_END: Duration = Duration::from_secs(10);

/// Why a try brought nothing.
enum Miss {
    WeChat(Error),
    /// There was no token to ask for a ticket with.
    NoToken(Unavailable),
}

impl Platform {
    /// One fetch for all who wait, with more tries where a blip may pass in time for them.
    pub(super) async fn campaign(&self, kind: Kind) -> Outcome {
        let begun = Instant::now();
        loop {
            let error = match self.fetch(kind).await {
                Ok(issued) => return Ok(self.landed(kind, issued)),
                Err(Miss::WeChat(error)) => error,
                Err(Miss::NoToken(unavailable)) => {
                    self.desk(kind).give_up(self.0.clock.now().after(unavailable.retry_after), false);
                    return Err(unavailable);
                }
            };
            let setback = self.failed(kind, error);
            if setback.is_refusal() || begun.elapsed() + setback.rest >= self.0.pace.budget {
                self.desk(kind).give_up(setback.until, setback.is_refusal());
                return Err(setback.unavailable(self.0.clock.now()));
            }
            sleep(setback.rest).await;
        }
    }

    fn landed(&self, kind: Kind, issued: Issued) -> Issued {
        let now = self.0.clock.now();
        if let Some(setback) = self.desk(kind).landed(due(now, issued.expires_at)) {
            tracing::info!(%kind, failures = setback.failures, "WeChat gives platform tokens again");
        }
        issued
    }

    fn failed(&self, kind: Kind, error: Error) -> Setback {
        let now = self.0.clock.now();
        let setback = self.desk(kind).failed(|before| Setback::after(before, error, now, self.0.pace.pause));
        if setback.is_news() {
            log(kind, &setback);
        }
        setback
    }

    /// One try: a value that is at hand when this returns.
    async fn fetch(&self, kind: Kind) -> Result<Issued, Miss> {
        if let Some(issued) = self.0.kept.shared(kind).await {
            return Ok(issued);
        }
        // Before the call, so that we never think it lives longer than WeChat does.
        let asked_at = self.0.clock.now();
        let granted = if kind.is_ticket() {
            self.ticket(kind).await?
        } else {
            self.0.source.token().await.map_err(Miss::WeChat)?
        };
        let issued = Issued { value: granted.value, expires_at: asked_at.after(granted.expires_in) };
        self.0.kept.put(kind, &issued).await;
        Ok(issued)
    }

    /// A ticket; a token that turns out dead is replaced once.
    async fn ticket(&self, kind: Kind) -> Result<Granted, Miss> {
        let token = self.token().await?;
        let dead = match self.0.source.ticket(&token, kind).await {
            Err(error) if error.trouble == Trouble::TokenDead => error,
            answered => return answered.map_err(Miss::WeChat),
        };
        self.expire(self.token_kind(), &token).await;
        let another = self.token().await?;
        if another.expose() == token.expose() {
            return Err(Miss::WeChat(dead));
        }
        self.0.source.ticket(&another, kind).await.map_err(Miss::WeChat)
    }

    /// The token at hand as long as it lives, even when its renewal is due: nobody but us has asked for it.
    async fn token(&self) -> Result<Secret<String>, Miss> {
        let issued = match self.0.kept.at_hand(self.token_kind()) {
            Some(issued) => issued,
            // In a box: the fetch of a ticket contains that of a token, which is the same code.
            None => Box::pin(self.join(self.token_kind())).await.map_err(Miss::NoToken)?,
        };
        Ok(issued.value)
    }
}

/// When to renew a value: in its last five minutes, or halfway through what is left of them.
fn due(now: Timestamp, expires_at: Timestamp) -> Timestamp {
    let left = expires_at.since(now);
    if left > OVERLAP {
        let [chance] = clock::random();
        let spread = u64::from(chance) * SPREAD / u64::from(u8::MAX);
        let ahead = OVERLAP.as_secs() - MARGIN - spread;
        Timestamp(expires_at.0 - ahead)
    } else {
        now.after((left / 2).max(NEAR_THE_END))
    }
}

/// Once per change, with what to do about it.
fn log(kind: Kind, setback: &Setback) {
    let Setback { error, rest, .. } = setback;
    let retry_in = rest.as_secs().max(1);
    let advice = error.advice();
    if setback.is_refusal() {
        tracing::error!(%kind, %error, retry_in, %advice, "WeChat refuses this account a platform token");
    } else {
        tracing::warn!(%kind, %error, retry_in, %advice, "WeChat gives no platform token");
    }
}
