//! Whether WeChat refuses this gate itself. The log hears of it when it begins, changes and ends, not for each visitor.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::outcome::Outcome;
use crate::clock::{Clock, Timestamp};
use crate::types::Account;
use crate::wechat::Error;

/// A refusal speaks for now this long after it was last met: while nobody signs in, nobody can tell that it is over.
const SPEAKS_FOR: Duration = Duration::from_mins(5);

/// WeChat refuses this gate at sign-in, whoever the visitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub account: Account,
    pub errcode: i64,
    pub since: Timestamp,
}

/// How one account of this gate stands with WeChat, judged by the sign-ins it spends codes for.
#[derive(Debug)]
pub(super) struct Standing {
    account: Account,
    clock: Clock,
    refused: Mutex<Option<Refused>>,
}

#[derive(Debug, Clone, Copy)]
struct Refused {
    refusal: Refusal,
    last: Timestamp,
}

impl Standing {
    pub(super) const fn new(account: Account, clock: Clock) -> Self {
        Self { account, clock, refused: Mutex::new(None) }
    }

    /// The refusal that stands, as far as is known.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let refused = (*self.refused.lock().unwrap_or_else(PoisonError::into_inner))?;
        (self.clock.now().since(refused.last) < SPEAKS_FOR).then_some(refused.refusal)
    }

    /// Whatever stood, stands no more.
    pub(super) fn forget(&self) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes note of how a code that was sent to WeChat ended.
    pub(super) fn note(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Misconfigured(error) => self.refused(error),
            // WeChat tells who it is only to those it accepts.
            Outcome::SignedIn { .. } | Outcome::Snapshot => self.accepted(),
            Outcome::Refused(_) | Outcome::UserRefused(_) | Outcome::Failed(_) => {}
        }
    }

    fn refused(&self, error: &Error) {
        let Some(errcode) = error.errcode else { return };
        let now = self.clock.now();
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let known = refused.map(|refused| refused.refusal).filter(|refusal| refusal.errcode == errcode);
        *refused = Some(Refused {
            refusal: known.unwrap_or(Refusal { account: self.account, errcode, since: now }),
            last: now,
        });
        drop(refused);
        if known.is_none() {
            let account = self.account.as_str();
            tracing::error!(account, errcode, advice = %error.advice(), "WeChat refuses this gate: nobody can sign in");
        }
    }

    fn accepted(&self) {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Refused { refusal, .. }) = refused {
            let seconds = self.clock.now().since(refusal.since).as_secs();
            tracing::info!(
                account = self.account.as_str(),
                errcode = refusal.errcode,
                seconds,
                "WeChat accepts this gate again"
            );
        }
    }
}
