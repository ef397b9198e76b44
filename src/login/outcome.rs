//! What became of a code, as it is remembered for those who bring it again.

use bytes::Bytes;
use http::HeaderValue;

use super::flow::State;
use crate::metrics::SignIn;
use crate::request::RequestId;
use crate::types::{Account, SessionId};
use crate::wechat::{self, Api, Trouble};

/// How spending a code ended.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// With the `Set-Cookie` line of the session; everybody who shares the outcome shares the session.
    SignedIn {
        id: SessionId,
        cookie: HeaderValue,
        /// It was so before this callback began.
        remembered: bool,
    },
    /// It was a virtual user's, and those are not let in.
    Snapshot,
    /// It was no good (WeChat's errcode), or it was brought with another state.
    Refused(Option<i64>),
    /// WeChat will not let this user in.
    UserRefused(Option<i64>),
    /// The operator has to act.
    Misconfigured(wechat::Error),
    /// WeChat was slow, down, busy, or beside itself.
    Failed(wechat::Error),
}

/// An outcome and the only state it answers to; no outcome as long as somebody is at it.
#[derive(Debug, Clone)]
pub(super) struct Memo {
    pub state: State,
    pub outcome: Option<Outcome>,
}

impl Outcome {
    /// What a call that brought nothing means for the visitor.
    pub(super) fn of(error: wechat::Error) -> Self {
        match error.trouble {
            Trouble::CodeRefused => Self::Refused(error.errcode),
            Trouble::UserRefused => Self::UserRefused(error.errcode),
            Trouble::Misconfigured => Self::Misconfigured(error),
            Trouble::Busy
            | Trouble::TokenDead
            | Trouble::NoPermission
            | Trouble::Unreachable
            | Trouble::Nonsense
            | Trouble::Unknown => Self::Failed(error),
        }
    }

    /// Its word in log and metrics.
    pub(super) const fn result(&self) -> SignIn {
        match self {
            Self::SignedIn { .. } => SignIn::SignedIn,
            Self::Snapshot => SignIn::Snapshot,
            Self::Refused(_) => SignIn::CodeRefused,
            Self::UserRefused(_) => SignIn::UserRefused,
            Self::Misconfigured(_) => SignIn::Misconfigured,
            Self::Failed(_) => SignIn::Failed,
        }
    }

    /// The one line of a callback that brought a code, and the only one that says why it failed. It names nobody, and
    /// holds neither code nor token (R28). `repeated`: the code had been brought before.
    pub(super) fn log(&self, account: Account, request: &RequestId, repeated: bool) {
        let (account, repeated) = (account.as_str(), repeated.then_some(true));
        let result = self.result().as_str();
        let (errcode, cause) = match self {
            Self::SignedIn { .. } | Self::Snapshot => (None, None),
            Self::Refused(errcode) | Self::UserRefused(errcode) => (*errcode, None),
            Self::Misconfigured(error) | Self::Failed(error) => (error.errcode, Some(error)),
        };
        match cause {
            None => tracing::info!(request_id = %request, account, result, errcode, repeated, "sign-in"),
            Some(error) => tracing::warn!(request_id = %request, account, result, errcode, repeated, %error, "sign-in"),
        }
    }
}

impl Memo {
    /// What this memo says to whoever brings its code with `state`.
    pub(super) fn outcome_for(self, state: State) -> Outcome {
        self.outcome.filter(|_| self.state == state).unwrap_or(Outcome::Refused(None))
    }

    /// `state 16 | kind | session id 16, cookie`, or `… | errcode i64` where there is one.
    pub(super) fn encode(&self) -> Bytes {
        let (kind, errcode) = match &self.outcome {
            None => (0, None),
            Some(Outcome::SignedIn { .. }) => (1, None),
            Some(Outcome::Snapshot) => (2, None),
            Some(Outcome::Refused(errcode)) => (3, *errcode),
            Some(Outcome::UserRefused(errcode)) => (4, *errcode),
            Some(Outcome::Misconfigured(error)) => (5, error.errcode),
            Some(Outcome::Failed(error)) => (6, error.errcode),
        };
        let mut bytes = self.state.bytes().to_vec();
        bytes.push(kind);
        if let Some(Outcome::SignedIn { id, cookie, .. }) = &self.outcome {
            bytes.extend_from_slice(&id.0);
            bytes.extend_from_slice(cookie.as_bytes());
        }
        if let Some(errcode) = errcode {
            bytes.extend_from_slice(&errcode.to_be_bytes());
        }
        bytes.into()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (state, rest) = bytes.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let errcode = rest.try_into().ok().map(i64::from_be_bytes);
        let outcome = match kind {
            0 => None,
            1 => {
                let (id, cookie) = rest.split_first_chunk()?;
                let cookie = HeaderValue::from_bytes(cookie).ok()?;
                Some(Outcome::SignedIn { id: SessionId(*id), cookie, remembered: true })
            }
            2 => Some(Outcome::Snapshot),
            3 => Some(Outcome::Refused(errcode)),
            4 => Some(Outcome::UserRefused(errcode)),
            5 => Some(Outcome::Misconfigured(error_of(errcode))),
            6 => Some(Outcome::Failed(error_of(errcode))),
            _ => return None,
        };
        Some(Self { state: State::restore(*state), outcome })
    }
}

fn error_of(errcode: Option<i64>) -> wechat::Error {
    errcode.map_or_else(
        || wechat::Error::unreachable(Api::UserToken, "as before"),
        |errcode| wechat::Error::refused(Api::UserToken, errcode),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: State = State::restore([7; 16]);

    #[test]
    fn every_outcome_survives_the_store() {
        let cookie = HeaderValue::from_static("__Host-wxgate=x; Path=/");
        for outcome in [
            None,
            Some(Outcome::SignedIn { id: SessionId([9; 16]), cookie, remembered: true }),
            Some(Outcome::Snapshot),
            Some(Outcome::Refused(Some(40029))),
            Some(Outcome::Refused(None)),
            Some(Outcome::UserRefused(Some(-1))),
            Some(Outcome::Misconfigured(error_of(Some(40125)))),
            Some(Outcome::Failed(error_of(Some(45011)))),
            Some(Outcome::Failed(error_of(None))),
        ] {
            let memo = Memo { state: STATE, outcome };
            let read = Memo::decode(&memo.encode()).expect("what was encoded");
            assert_eq!(format!("{read:?}"), format!("{memo:?}"));
        }
    }

    #[test]
    fn a_code_answers_to_its_own_state_only() {
        let memo = Memo { state: STATE, outcome: Some(Outcome::Snapshot) };
        assert!(matches!(memo.clone().outcome_for(STATE), Outcome::Snapshot));
        assert!(matches!(memo.outcome_for(State::restore([8; 16])), Outcome::Refused(None)));
    }

    #[test]
    fn r15_torn_records_are_none() {
        let whole = Memo { state: STATE, outcome: Some(Outcome::Snapshot) }.encode();
        for length in 0..whole.len() {
            assert!(Memo::decode(&whole[..length]).is_none());
        }
        assert!(Memo::decode(&[1; 20]).is_none());
        assert!(Memo::decode(&[9; 20]).is_none());
    }
}
