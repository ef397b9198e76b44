//! Everything that can go wrong with a request, for two audiences: a slug and status for strangers, a cause for the log.
//!
//! The only place that maps errors to statuses (contract section 10).

use std::error::Error;
use std::fmt::{self, Write as _};
use std::time::Duration;

use http::{HeaderValue, StatusCode};

use crate::local::{NotReadable, jsconfig};
use crate::login;
use crate::request::{Oversize, Refusal, RequestId};
use crate::types::{Instead, Outside, Scope};
use crate::upstream;
use crate::wechat::Trouble;

/// The private side of a fault: for the log alone.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A request that ends in an error answer.
#[derive(Debug)]
pub struct Fault {
    reason: Reason,
    cause: Option<Cause>,
    cookies: Vec<HeaderValue>,
}

/// What a stranger may know of a fault: one variant per slug of contract section 10.
///
/// Every `target` is a path of this site that has been judged as a return target.
/// Every `detail` is a sentence of ours, in English: it can hold nothing that a request said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    BadRequest {
        detail: &'static str,
    },
    /// The client began a request and did not go on with it.
    TooSlow,
    AmbiguousPath {
        /// As a noun: `a dot segment`.
        found: &'static str,
    },
    HeaderTooLarge(Oversize),
    /// Nobody is signed in, and the request is not one to redirect.
    LoginRequired {
        target: String,
        /// What a visitor who is signed in still has to agree to; nothing special for anybody else.
        scope: Option<Scope>,
    },
    /// The visitor said no at WeChat.
    LoginDeclined {
        target: String,
        /// What they were asked for, as in [`Reason::LoginRequired`].
        scope: Option<Scope>,
    },
    /// A sign-in that took longer than its state lives, where it cannot simply begin again.
    LoginExpired {
        target: String,
    },
    /// The phone said no to a desktop.
    HandoffRefused {
        target: String,
        /// What the desktop asked for, as in [`Reason::LoginRequired`].
        scope: Option<Scope>,
    },
    /// To a phone: the desktop's code is no longer good.
    HandoffExpired,
    /// To a phone: the number is not the desktop's.
    HandoffMismatched,
    /// Sign-in after sign-in without a session.
    LoginLoop,
    Forbidden(Barrier),
    /// A virtual visitor of WeChat's snapshot page.
    Snapshot,
    /// No way to sign in from where the visitor stands.
    NotInWechat {
        outside: Outside,
        instead: Instead,
        target: String,
    },
    RateLimited {
        retry_after: Duration,
    },
    /// A signature for a page that nobody named.
    JsconfigUrlMissing,
    /// A signature for another site's page.
    JsconfigUrlNotAllowed,
    /// No ticket to sign with.
    NoTicket {
        /// Whether it will take the operator to get one.
        misconfigured: bool,
        retry_after: Duration,
    },
    /// WeChat is slow or down.
    WechatUnavailable {
        target: String,
        /// What the visitor was asked for, as in [`Reason::LoginRequired`].
        scope: Option<Scope>,
    },
    /// WeChat refuses the operator's credentials.
    WechatMisconfigured,
    UpstreamUnreachable,
    UpstreamBroken,
    UpstreamTimeout,
    Overloaded,
}

/// What stands between a visitor and a forbidden page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barrier {
    /// The route's `allow` names other people.
    AllowList,
    /// `snapshot = "deny"`.
    Snapshot,
    /// A form that was not sent from this site.
    ForeignOrigin,
}

/// WeChat's outages are either blinks or long; ten seconds serve the blinks.
const WECHAT_PAUSE: Duration = Duration::from_secs(10);
/// Somebody has to mend the configuration first.
const REPAIR_PAUSE: Duration = Duration::from_mins(5);
/// Load that sheds requests passes quickly or not at all.
const OVERLOAD_PAUSE: Duration = Duration::from_secs(5);

impl Reason {
    /// This reason, with the error behind it for the log.
    #[must_use]
    pub fn because(self, cause: impl Into<Cause>) -> Fault {
        Fault { cause: Some(cause.into()), ..Fault::from(self) }
    }

    /// The last part of `urn:wxgate:…`.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::BadRequest { .. } | Self::TooSlow => "bad-request",
            Self::AmbiguousPath { .. } => "ambiguous-path",
            Self::HeaderTooLarge(_) => "header-too-large",
            Self::LoginRequired { .. } => "login-required",
            Self::LoginDeclined { .. } | Self::HandoffRefused { .. } | Self::HandoffMismatched => "login-declined",
            Self::LoginExpired { .. } | Self::HandoffExpired => "login-expired",
            Self::LoginLoop => "login-loop",
            Self::Forbidden(_) => "forbidden",
            Self::Snapshot => "snapshot",
            Self::NotInWechat { .. } => "not-in-wechat",
            Self::RateLimited { .. } => "rate-limited",
            Self::JsconfigUrlMissing => "jsconfig-url-missing",
            Self::JsconfigUrlNotAllowed => "jsconfig-url-not-allowed",
            Self::WechatUnavailable { .. } | Self::NoTicket { misconfigured: false, .. } => "wechat-unavailable",
            Self::WechatMisconfigured | Self::NoTicket { misconfigured: true, .. } => "wechat-misconfigured",
            Self::UpstreamUnreachable => "upstream-unreachable",
            Self::UpstreamBroken => "upstream-broken",
            Self::UpstreamTimeout => "upstream-timeout",
            Self::Overloaded => "overloaded",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest { .. } | Self::AmbiguousPath { .. } | Self::JsconfigUrlMissing => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::HeaderTooLarge(Oversize::RequestLine) => StatusCode::URI_TOO_LONG,
            Self::HeaderTooLarge(Oversize::Headers) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::LoginRequired { .. } | Self::NotInWechat { .. } => StatusCode::UNAUTHORIZED,
            Self::LoginDeclined { .. }
            | Self::LoginExpired { .. }
            | Self::HandoffRefused { .. }
            | Self::HandoffExpired
            | Self::HandoffMismatched
            | Self::LoginLoop
            | Self::Forbidden(_)
            | Self::JsconfigUrlNotAllowed
            | Self::Snapshot => StatusCode::FORBIDDEN,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::WechatUnavailable { .. } | Self::NoTicket { .. } | Self::WechatMisconfigured | Self::Overloaded => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UpstreamUnreachable | Self::UpstreamBroken => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// When to come back, for `Retry-After`: whole seconds, at least one.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let pause = match self {
            Self::RateLimited { retry_after } | Self::NoTicket { retry_after, .. } => *retry_after,
            Self::WechatUnavailable { .. } => WECHAT_PAUSE,
            Self::WechatMisconfigured => REPAIR_PAUSE,
            Self::Overloaded => OVERLOAD_PAUSE,
            Self::BadRequest { .. }
            | Self::TooSlow
            | Self::AmbiguousPath { .. }
            | Self::HeaderTooLarge(_)
            | Self::LoginRequired { .. }
            | Self::LoginDeclined { .. }
            | Self::LoginExpired { .. }
            | Self::HandoffRefused { .. }
            | Self::HandoffExpired
            | Self::HandoffMismatched
            | Self::LoginLoop
            | Self::Forbidden(_)
            | Self::Snapshot
            | Self::NotInWechat { .. }
            | Self::JsconfigUrlMissing
            | Self::JsconfigUrlNotAllowed
            | Self::UpstreamUnreachable
            | Self::UpstreamBroken
            | Self::UpstreamTimeout => return None,
        };
        let started = u64::from(pause.subsec_nanos() > 0);
        Some(pause.as_secs().saturating_add(started).max(1))
    }

    /// Whom the log should wake: the operator's own mistake, a neighbour's trouble, or a visitor's affair.
    const fn level(&self) -> Level {
        match self {
            Self::WechatMisconfigured => Level::Error,
            Self::WechatUnavailable { .. }
            | Self::NoTicket { .. }
            | Self::UpstreamUnreachable
            | Self::UpstreamBroken
            | Self::UpstreamTimeout
            | Self::Overloaded => Level::Warn,
            Self::BadRequest { .. }
            | Self::TooSlow
            | Self::AmbiguousPath { .. }
            | Self::HeaderTooLarge(_)
            | Self::LoginRequired { .. }
            | Self::LoginDeclined { .. }
            | Self::LoginExpired { .. }
            | Self::HandoffRefused { .. }
            | Self::HandoffExpired
            | Self::HandoffMismatched
            | Self::LoginLoop
            | Self::Forbidden(_)
            | Self::Snapshot
            | Self::NotInWechat { .. }
            | Self::JsconfigUrlMissing
            | Self::JsconfigUrlNotAllowed
            | Self::RateLimited { .. } => Level::Info,
        }
    }
}

enum Level {
    Error,
    Warn,
    Info,
}

impl Fault {
    /// What a stranger may know.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// See [`Reason::slug`].
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        self.reason.slug()
    }

    /// See [`Reason::status`].
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.reason.status()
    }

    /// `Set-Cookie` lines to send along.
    #[must_use]
    pub fn cookies(&self) -> &[HeaderValue] {
        &self.cookies
    }

    /// Sends these `Set-Cookie` lines along, after those it has.
    #[must_use]
    pub fn with_cookies(mut self, cookies: impl IntoIterator<Item = HeaderValue>) -> Self {
        self.cookies.extend(cookies);
        self
    }

    /// Writes the cause to the log, where there is one. Called once, where the fault is answered.
    pub(super) fn log(&self, id: &RequestId) {
        let Some(cause) = &self.cause else { return };
        let (slug, status, cause) = (self.slug(), self.status().as_u16(), Chain(cause.as_ref()));
        match self.reason.level() {
            Level::Error => tracing::error!(request_id = %id, slug, status, %cause, "request failed"),
            Level::Warn => tracing::warn!(request_id = %id, slug, status, %cause, "request failed"),
            Level::Info => tracing::info!(request_id = %id, slug, status, %cause, "request refused"),
        }
    }
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self { reason, cause: None, cookies: Vec::new() }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::from(match refusal {
            Refusal::AmbiguousPath(found) => Reason::AmbiguousPath { found },
            Refusal::BadRequest(detail) => Reason::BadRequest { detail },
            Refusal::TooLong(part) => Reason::HeaderTooLarge(part),
        })
    }
}

impl From<NotReadable> for Fault {
    fn from(NotReadable: NotReadable) -> Self {
        Self::from(Reason::BadRequest { detail: "This address is for GET." })
    }
}

impl From<jsconfig::Error> for Fault {
    fn from(error: jsconfig::Error) -> Self {
        use jsconfig::{Error as E, Objection};
        Self::from(match error {
            E::NotReadable => return NotReadable.into(),
            E::RateLimited { retry_after } => Reason::RateLimited { retry_after },
            E::Objection(Objection::BadRequest(detail)) => Reason::BadRequest { detail },
            E::Objection(Objection::UrlMissing) => Reason::JsconfigUrlMissing,
            E::Objection(Objection::UrlNotAllowed) => Reason::JsconfigUrlNotAllowed,
            // Without a cause: whoever fetches tickets tells the log once, not with every request.
            E::NoTicket(unavailable) => Reason::NoTicket {
                misconfigured: unavailable.error.trouble == Trouble::Misconfigured,
                retry_after: unavailable.retry_after,
            },
        })
    }
}

impl From<login::Refused> for Fault {
    fn from(refused: login::Refused) -> Self {
        use login::Error as E;
        let place = |target: &login::ReturnTo| target.as_str().to_owned();
        let reason = match refused.error {
            E::BadRequest(detail) => Reason::BadRequest { detail },
            E::RepeatedParameter => Reason::BadRequest { detail: "A parameter is repeated." },
            E::NotSameOrigin => Reason::Forbidden(Barrier::ForeignOrigin),
            E::RateLimited { retry_after } => Reason::RateLimited { retry_after },
            E::NotInWechat { outside, instead, target } => {
                Reason::NotInWechat { outside, instead, target: place(&target) }
            }
            E::Loop => Reason::LoginLoop,
            E::Declined { retry, scope } => Reason::LoginDeclined { target: place(&retry), scope },
            E::Expired { retry } => Reason::LoginExpired { target: place(&retry) },
            E::HandoffRefused { retry, scope } => Reason::HandoffRefused { target: place(&retry), scope },
            E::CodeExpired => Reason::HandoffExpired,
            E::NumberWrong => Reason::HandoffMismatched,
            E::Snapshot => Reason::Snapshot,
            E::SnapshotDenied => Reason::Forbidden(Barrier::Snapshot),
            E::WechatUnavailable { retry, scope } => Reason::WechatUnavailable { target: place(&retry), scope },
            E::WechatMisconfigured => Reason::WechatMisconfigured,
            E::Overloaded => Reason::Overloaded,
        };
        Self::from(reason).with_cookies(refused.cookies)
    }
}

impl From<upstream::Error> for Fault {
    fn from(error: upstream::Error) -> Self {
        use upstream::Error as E;
        match error {
            E::Unreachable(_) => Reason::UpstreamUnreachable.because(error),
            E::Broken(_) => Reason::UpstreamBroken.because(error),
            E::Timeout => Reason::UpstreamTimeout.because(error),
            E::ClientTooSlow => Reason::TooSlow.because(error),
            // Mostly nobody is left to read this.
            E::ClientGone => Reason::BadRequest { detail: "The request's body broke off." }.because(error),
        }
    }
}

/// An error and what it came from, on one line: control characters are escaped, so that no cause can forge a line.
struct Chain<'a>(&'a (dyn Error + Send + Sync));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut source = self.0.source();
        while let Some(error) = source {
            text += &format!(": {error}");
            source = error.source();
        }
        text.chars()
            .try_for_each(|c| if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) })
    }
}

#[cfg(test)]
pub(super) mod tests;
