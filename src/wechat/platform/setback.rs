//! What follows from a failure: how long WeChat is left alone, and whether the operator must act.

use std::sync::Arc;
use std::time::Duration;

use super::{Alarm, Unavailable};
use crate::clock::{self, Timestamp};
use crate::wechat::error::{Error, Trouble};

/// Failures in a row that are met by ever longer pauses; after that it is no blip.
const BLIPS: u32 = 5;
/// An outage is looked at this often.
const OUTAGE: Duration = Duration::from_mins(1);
/// As often as an operator who is putting things right would like.
const REFUSED: Duration = Duration::from_mins(1);
/// 89503 and its like: the account's administrator is being asked by WeChat.
const CONFIRMATION: Duration = Duration::from_mins(5);
/// 45011: "retry next minute".
const MINUTE_QUOTA: Duration = Duration::from_mins(1);
/// 45009, the day's quota: at first, doubled each time.
const DAY_QUOTA: Duration = Duration::from_mins(10);
const DAY_QUOTA_AT_MOST: Duration = Duration::from_hours(4);

/// Failures in a row that nothing good has followed yet.
#[derive(Debug, Clone)]
pub(super) struct Setback {
    pub error: Arc<Error>,
    pub failures: u32,
    /// When this error came first, of those in a row.
    pub since: Timestamp,
    /// How long to pause after the last.
    pub rest: Duration,
    pub until: Timestamp,
}

impl Setback {
    /// One more failure, after `before`.
    pub(super) fn after(before: Option<&Self>, error: Error, now: Timestamp, pause: Duration) -> Self {
        let failures = before.map_or(0, |before| before.failures).saturating_add(1);
        let rest = rest(&error, failures, pause);
        let mut setback = Self { error: Arc::new(error), failures, since: now, rest, until: now.after(rest) };
        if let Some(before) = before.filter(|before| before.is_like(&setback)) {
            setback.since = before.since;
        }
        setback
    }

    /// Whether the log need not say it again.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let what = |error: &Error| (error.trouble, error.errcode, error.ip);
        what(&self.error) == what(&other.error)
    }

    /// Whether WeChat has said no to the account, rather than "later".
    pub(super) fn is_refusal(&self) -> bool {
        is_refusal(&self.error)
    }

    pub(super) fn alarm(&self) -> Option<Alarm> {
        let errcode = self.error.errcode.filter(|_| self.is_refusal())?;
        Some(Alarm { errcode, api: self.error.api, since: self.since })
    }

    pub(super) fn unavailable(&self, now: Timestamp) -> Unavailable {
        let retry_after = self.until.since(now).max(Duration::from_secs(1));
        Unavailable { retry_after, error: self.error.clone() }
    }
}

const fn is_refusal(error: &Error) -> bool {
    matches!(error.trouble, Trouble::Misconfigured | Trouble::NoPermission)
}

fn rest(error: &Error, failures: u32, pause: Duration) -> Duration {
    match error.errcode {
        Some(89506) => Duration::from_hours(24),
        Some(89507) => Duration::from_hours(1),
        Some(89501..=89505) => CONFIRMATION,
        // Never less than a minute, and replicas apart.
        Some(45011) => MINUTE_QUOTA + jittered(MINUTE_QUOTA / 4),
        Some(45009) => jittered(doubled(DAY_QUOTA, failures).min(DAY_QUOTA_AT_MOST)),
        _ if is_refusal(error) => REFUSED,
        _ if failures <= BLIPS => jittered(doubled(pause, failures)),
        _ => jittered(OUTAGE),
    }
}

/// `first`, twice that the second time, and so on.
fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1 << (times - 1).min(16))
}

/// A quarter more or less, so that replicas do not come all at once.
pub(super) fn jittered(duration: Duration) -> Duration {
    let [chance] = clock::random();
    duration * (192 + u32::from(chance) / 2) / 256
}
