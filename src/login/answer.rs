//! What signing in says to a browser, for `edge` to put into HTTP.

use std::time::Duration;

use http::{HeaderValue, StatusCode};

use super::door::Choice;
use super::handoff;
use super::return_to::ReturnTo;
use crate::types::{Instead, Outside, Scope};

/// What a browser is to do next.
#[derive(Debug)]
pub enum Answer {
    Redirect(Redirect),
    /// A page that asks whether to sign out, with a button that posts to the logout endpoint.
    ConfirmLogout {
        rd: ReturnTo,
    },
    /// A page with a link for each of these doors: `P/login?rd=…&door=…`.
    Choose {
        choices: Vec<Choice>,
        rd: ReturnTo,
        /// What is asked for of visitors of the official account, where that is not what it asks anyway.
        scope: Option<Scope>,
    },
    Handoff(handoff::Page),
    /// A stream of events for a desktop that waits.
    Waiting(handoff::Waiting),
    /// How a hand-off stands, for a desktop that asks.
    Progress(handoff::Progress),
    /// A page that goes on to the login endpoint with what only the browser knows of its address. `scope` is what to ask
    /// for there, where that is not the account's own.
    Fragment {
        target: ReturnTo,
        scope: Option<Scope>,
    },
}

/// An answer with a `Location`.
#[derive(Debug)]
pub struct Redirect {
    /// 302 on the way to WeChat, 303 on the way back.
    pub status: StatusCode,
    /// Printable ASCII.
    pub location: String,
    /// `Set-Cookie` lines.
    pub cookies: Vec<HeaderValue>,
}

/// A sign-in that ends here, and the `Set-Cookie` lines that go with its page.
#[derive(Debug)]
pub struct Refused {
    pub error: Error,
    pub cookies: Vec<HeaderValue>,
}

/// Why no sign-in, in the order in which a visitor would meet it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    BadRequest(&'static str),
    /// R20
    #[error("a parameter is repeated")]
    RepeatedParameter,
    /// A sign-out that no page of this site asked for.
    #[error("the form was not sent from this site")]
    NotSameOrigin,
    #[error("too many sign-ins from this address")]
    RateLimited { retry_after: Duration },
    #[error("no way to sign in from this browser")]
    NotInWechat { outside: Outside, instead: Instead, target: ReturnTo },
    #[error("sign-in after sign-in without a session")]
    Loop,
    /// The visitor said no, or WeChat did on their behalf. `scope` is what they were asked for, where that is known.
    #[error("the sign-in was declined")]
    Declined { retry: ReturnTo, scope: Option<Scope> },
    /// A desktop waited for its phone in vain.
    #[error("nobody confirmed the hand-off in time")]
    Expired { retry: ReturnTo },
    /// A desktop whose phone said no, or typed another number.
    #[error("the hand-off was refused on the phone")]
    HandoffRefused { retry: ReturnTo, scope: Option<Scope> },
    /// A phone with a ticket that is over, or that it never had.
    #[error("the hand-off's code is no longer good")]
    CodeExpired,
    /// A phone whose owner does not see the desktop.
    #[error("the number is not the desktop's")]
    NumberWrong,
    #[error("a virtual visitor of a snapshot page, who is shown how to become a real one")]
    Snapshot,
    #[error("a virtual visitor of a snapshot page")]
    SnapshotDenied,
    /// Why is in the sign-in's own line of the log, as for the next.
    #[error("WeChat is slow or down")]
    WechatUnavailable { retry: ReturnTo, scope: Option<Scope> },
    #[error("WeChat refuses this gate")]
    WechatMisconfigured,
    /// Too many desktops wait at once.
    #[error("no room for another desktop that waits")]
    Overloaded,
}

impl Error {
    pub(super) fn with(self, cookies: Vec<HeaderValue>) -> Refused {
        Refused { error: self, cookies }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        error.with(Vec::new())
    }
}

impl Answer {
    pub(super) fn found(location: String, cookies: Vec<HeaderValue>) -> Self {
        Self::Redirect(Redirect { status: StatusCode::FOUND, location, cookies })
    }

    pub(super) fn see_other(location: String, cookies: Vec<HeaderValue>) -> Self {
        Self::Redirect(Redirect { status: StatusCode::SEE_OTHER, location, cookies })
    }
}
