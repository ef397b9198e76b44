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
/// 89503 and its like: the account's administrator is being asked by WeChat. A permission takes no less.
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
    /// Of these, how many in a row were the same as the last.
    alike: u32,
    /// WeChat's last word on the account, if it was a refusal: an outage after it takes nothing back.
    pub alarm: Option<Alarm>,
    /// How long to pause after the last.
    pub rest: Duration,
    pub until: Timestamp,
}

impl Setback {
    /// One more failure, after `before`.
    pub(super) fn after(before: Option<&Self>, error: Error, now: Timestamp, pause: Duration) -> Self {
        let failures = before.map_or(0, |before| before.failures).saturating_add(1);
        let same = before.filter(|before| is_like(&before.error, &error));
        let alike = same.map_or(0, |before| before.alike).saturating_add(1);
        let rest = rest(&error, failures, alike, pause);
        let alarm = match error.errcode.filter(|_| is_refusal(&error)) {
            Some(errcode) if same.is_none() => Some(Alarm { errcode, api: error.api, since: now }),
            _ => before.and_then(|before| before.alarm),
        };
        Self { error: Arc::new(error), failures, alike, alarm, rest, until: now.after(rest) }
    }

    /// Whether the log has to say it: the last failure was another.
    pub(super) const fn is_news(&self) -> bool {
        self.alike == 1
    }

    /// Whether WeChat has said no to the account, rather than "later".
    pub(super) fn is_refusal(&self) -> bool {
        is_refusal(&self.error)
    }

    pub(super) fn unavailable(&self, now: Timestamp) -> Unavailable {
        let retry_after = self.until.since(now).max(Duration::from_secs(1));
        Unavailable { retry_after, error: self.error.clone() }
    }
}

const fn is_refusal(error: &Error) -> bool {
    matches!(error.trouble, Trouble::Misconfigured | Trouble::NoPermission)
}

fn is_like(one: &Error, other: &Error) -> bool {
    let what = |error: &Error| (error.trouble, error.errcode, error.ip);
    what(one) == what(other)
}

fn rest(error: &Error, failures: u32, alike: u32, pause: Duration) -> Duration {
    match error.errcode {
        Some(89506) => Duration::from_hours(24),
        Some(89507) => Duration::from_hours(1),
        Some(89501..=89505) => CONFIRMATION,
        // Never less than a minute, and replicas apart.
        Some(45011) => MINUTE_QUOTA + jittered(MINUTE_QUOTA / 4),
        Some(45009) => jittered(doubled(DAY_QUOTA, alike).min(DAY_QUOTA_AT_MOST)),
        _ if error.trouble == Trouble::NoPermission => CONFIRMATION,
        _ if error.trouble == Trouble::Misconfigured => REFUSED,
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
