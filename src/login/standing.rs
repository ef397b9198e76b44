//! How sign-ins have been going: counted by result, and whether WeChat takes this gate's credentials.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::outcome::Outcome;
use crate::clock::{Clock, Timestamp};
use crate::metrics::{SignIn, SignIns};
use crate::types::Account;

/// A refusal speaks for this long, unless another repeats it. A gate that is not ready is sent nobody, so no sign-in
/// would ever prove it healed; the platform token's own alarm lasts as long as the trouble does.
const EVIDENCE: Duration = Duration::from_mins(5);

/// What is known from sign-ins.
#[derive(Debug)]
pub struct Standing {
    counts: SignIns,
    refusal: Mutex<Option<Evidence>>,
    clock: Clock,
}

/// WeChat refuses this gate's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialsRefused {
    pub errcode: Option<i64>,
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Evidence {
    refused: CredentialsRefused,
    last: Timestamp,
}

impl Standing {
    pub(super) fn new(clock: Clock) -> Self {
        Self { counts: SignIns::default(), refusal: Mutex::default(), clock }
    }

    /// Takes in what spending a code came to.
    pub(super) fn note(&self, outcome: &Outcome) {
        self.count(outcome.result());
        let now = self.clock.now();
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Outcome::Misconfigured(error) => {
                let since = refusal.filter(|known| is_fresh(known, now)).map_or(now, |known| known.refused.since);
                let refused = CredentialsRefused { errcode: error.errcode, since };
                *refusal = Some(Evidence { refused, last: now });
            }
            // Whoever judges a code has taken the credentials that came with it.
            Outcome::SignedIn { .. } | Outcome::Snapshot | Outcome::Refused(_) | Outcome::UserRefused(_) => {
                *refusal = None;
            }
            Outcome::Failed(_) => {}
        }
    }

    pub(super) fn count(&self, result: SignIn) {
        self.counts.count(Account::OfficialAccount, result);
    }

    /// Whether WeChat has lately refused the gate's credentials in a sign-in, and in none since.
    #[must_use]
    pub fn credentials_refused(&self) -> Option<CredentialsRefused> {
        let refusal = *self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.filter(|evidence| is_fresh(evidence, self.clock.now())).map(|evidence| evidence.refused)
    }

    /// How sign-ins have ended.
    #[must_use]
    pub const fn counts(&self) -> &SignIns {
        &self.counts
    }
}

fn is_fresh(evidence: &Evidence, now: Timestamp) -> bool {
    now.since(evidence.last) < EVIDENCE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::wechat::{Api, Error};

    #[test]
    fn a_refusal_stands_until_disproved_or_forgotten() {
        let clock = Clock::fixed(Timestamp(1_000_000));
        let standing = Standing::new(clock.clone());
        let refused = |errcode| Outcome::Misconfigured(Error::refused(Api::UserToken, errcode));
        let known = |errcode, since| Some(CredentialsRefused { errcode: Some(errcode), since: Timestamp(since) });
        assert_eq!(standing.credentials_refused(), None);

        standing.note(&refused(40125));
        clock.advance(Duration::from_secs(200));
        standing.note(&refused(40164));
        assert_eq!(standing.credentials_refused(), known(40164, 1_000_000), "since the first");
        standing.note(&Outcome::Failed(Error::unreachable(Api::UserToken, "x")));
        assert_eq!(standing.credentials_refused(), known(40164, 1_000_000), "no answer proves nothing");
        clock.advance(EVIDENCE - Duration::from_secs(1));
        assert_eq!(standing.credentials_refused(), known(40164, 1_000_000));
        clock.advance(Duration::from_secs(1));
        assert_eq!(standing.credentials_refused(), None);

        standing.note(&refused(40125));
        assert_eq!(standing.credentials_refused(), known(40125, 1_000_500), "a new story");
        standing.note(&Outcome::Refused(Some(40029)));
        assert_eq!(standing.credentials_refused(), None, "a code that was judged came with good credentials");
        let counted: Vec<_> = standing.counts().counted().map(|(_, result, count)| (result.as_str(), count)).collect();
        assert_eq!(counted, [("code-refused", 1), ("misconfigured", 3), ("failed", 1)]);
    }
}
