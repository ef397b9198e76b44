//! Everything that can go wrong with a request, for two audiences: a slug and status for strangers, a cause for the log.
//!
//! The only place that maps errors to statuses (contract section 10).

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::{HeaderValue, StatusCode};

use crate::request::{Refusal, RequestId};
use crate::types::{Outside, Scope};

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
/// Every `detail` is a sentence of ours: it can hold nothing that a request said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    BadRequest {
        detail: &'static str,
    },
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
    },
    /// A sign-in that took longer than its state lives, where it cannot simply begin again.
    LoginExpired {
        target: String,
    },
    /// Sign-in after sign-in without a session.
    LoginLoop,
    Forbidden(Barrier),
    /// A virtual visitor of WeChat's snapshot page.
    Snapshot,
    /// No way to sign in from where the visitor stands.
    NotInWechat {
        outside: Outside,
        target: String,
    },
    RateLimited {
        retry_after: Duration,
    },
    /// WeChat is slow or down.
    WechatUnavailable {
        target: String,
    },
    /// WeChat refuses the operator's credentials.
    WechatMisconfigured,
    UpstreamUnreachable,
    UpstreamBroken,
    UpstreamTimeout,
    Overloaded,
}

/// Which part of a request's head outgrew its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oversize {
    RequestLine,
    Headers,
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
            Self::BadRequest { .. } => "bad-request",
            Self::AmbiguousPath { .. } => "ambiguous-path",
            Self::HeaderTooLarge(_) => "header-too-large",
            Self::LoginRequired { .. } => "login-required",
            Self::LoginDeclined { .. } => "login-declined",
            Self::LoginExpired { .. } => "login-expired",
            Self::LoginLoop => "login-loop",
            Self::Forbidden(_) => "forbidden",
            Self::Snapshot => "snapshot",
            Self::NotInWechat { .. } => "not-in-wechat",
            Self::RateLimited { .. } => "rate-limited",
            Self::WechatUnavailable { .. } => "wechat-unavailable",
            Self::WechatMisconfigured => "wechat-misconfigured",
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
            Self::BadRequest { .. } | Self::AmbiguousPath { .. } => StatusCode::BAD_REQUEST,
            Self::HeaderTooLarge(Oversize::RequestLine) => StatusCode::URI_TOO_LONG,
            Self::HeaderTooLarge(Oversize::Headers) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::LoginRequired { .. } | Self::NotInWechat { .. } => StatusCode::UNAUTHORIZED,
            Self::LoginDeclined { .. }
            | Self::LoginExpired { .. }
            | Self::LoginLoop
            | Self::Forbidden(_)
            | Self::Snapshot => StatusCode::FORBIDDEN,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::WechatUnavailable { .. } | Self::WechatMisconfigured | Self::Overloaded => {
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
            Self::RateLimited { retry_after } => *retry_after,
            Self::WechatUnavailable { .. } => WECHAT_PAUSE,
            Self::WechatMisconfigured => REPAIR_PAUSE,
            Self::Overloaded => OVERLOAD_PAUSE,
            Self::BadRequest { .. }
            | Self::AmbiguousPath { .. }
            | Self::HeaderTooLarge(_)
            | Self::LoginRequired { .. }
            | Self::LoginDeclined { .. }
            | Self::LoginExpired { .. }
            | Self::LoginLoop
            | Self::Forbidden(_)
            | Self::Snapshot
            | Self::NotInWechat { .. }
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
            | Self::UpstreamUnreachable
            | Self::UpstreamBroken
            | Self::UpstreamTimeout
            | Self::Overloaded => Level::Warn,
            Self::BadRequest { .. }
            | Self::AmbiguousPath { .. }
            | Self::HeaderTooLarge(_)
            | Self::LoginRequired { .. }
            | Self::LoginDeclined { .. }
            | Self::LoginExpired { .. }
            | Self::LoginLoop
            | Self::Forbidden(_)
            | Self::Snapshot
            | Self::NotInWechat { .. }
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
        })
    }
}

/// An error and what it came from, on one line.
struct Chain<'a>(&'a (dyn Error + Send + Sync));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::types::SessionId;

    /// Every reason there is, each target the given one.
    pub(in crate::edge) fn one_of_each(target: &str) -> Vec<Reason> {
        let target = || target.to_owned();
        let mut all = vec![
            Reason::BadRequest { detail: "the parameter state is repeated" },
            Reason::AmbiguousPath { found: "a dot segment" },
            Reason::LoginRequired { target: target() },
            Reason::LoginDeclined { target: target() },
            Reason::LoginExpired { target: target() },
            Reason::LoginLoop,
            Reason::Snapshot,
            Reason::RateLimited { retry_after: Duration::from_millis(11_001) },
            Reason::WechatUnavailable { target: target() },
            Reason::WechatMisconfigured,
            Reason::UpstreamUnreachable,
            Reason::UpstreamBroken,
            Reason::UpstreamTimeout,
            Reason::Overloaded,
        ];
        all.extend([Oversize::RequestLine, Oversize::Headers].map(Reason::HeaderTooLarge));
        all.extend([Barrier::AllowList, Barrier::Snapshot, Barrier::ForeignOrigin].map(Reason::Forbidden));
        let outsides = [Outside::Desktop, Outside::Phone, Outside::WeCom];
        all.extend(outsides.map(|outside| Reason::NotInWechat { outside, target: target() }));
        all
    }

    #[test]
    fn slugs_and_statuses_are_those_of_the_contract() {
        let table = [
            ("bad-request", 400),
            ("ambiguous-path", 400),
            ("login-required", 401),
            ("login-declined", 403),
            ("login-expired", 403),
            ("login-loop", 403),
            ("snapshot", 403),
            ("rate-limited", 429),
            ("wechat-unavailable", 503),
            ("wechat-misconfigured", 503),
            ("upstream-unreachable", 502),
            ("upstream-broken", 502),
            ("upstream-timeout", 504),
            ("overloaded", 503),
            ("header-too-large", 414),
            ("header-too-large", 431),
            ("forbidden", 403),
            ("forbidden", 403),
            ("forbidden", 403),
            ("not-in-wechat", 401),
            ("not-in-wechat", 401),
            ("not-in-wechat", 401),
        ];
        let answers: Vec<_> =
            one_of_each("/").into_iter().map(Fault::from).map(|f| (f.slug(), f.status().as_u16())).collect();
        assert_eq!(answers, table);
    }

    #[test]
    fn a_pause_is_rounded_up_to_whole_seconds() {
        for (pause, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (60_000, 60)] {
            let reason = Reason::RateLimited { retry_after: Duration::from_millis(pause) };
            assert_eq!(reason.retry_after_seconds(), Some(seconds), "{pause} ms");
        }
    }

    #[test]
    fn refusals_of_requests_are_bad_requests() {
        assert_eq!(Fault::from(Refusal::BadRequest("no Host")).slug(), "bad-request");
        let ambiguous = Fault::from(Refusal::AmbiguousPath("an encoded NUL"));
        assert_eq!(ambiguous.reason(), &Reason::AmbiguousPath { found: "an encoded NUL" });
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panics").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Written {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// What `fault` writes to the log.
    fn logged(fault: &Fault) -> String {
        let written = Written::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(written.clone()).finish();
        let id = RequestId::Fresh(SessionId([7; 16]));
        tracing::subscriber::with_default(subscriber, || fault.log(&id));
        let bytes = written.0.lock().expect("no writer panics").clone();
        String::from_utf8(bytes).expect("log lines are text")
    }

    #[test]
    fn a_cause_is_logged_in_one_line_with_the_request_id_and_its_own_sources() {
        #[derive(Debug, thiserror::Error)]
        #[error("the token call failed")]
        struct Outer(#[source] io::Error);

        let line = logged(&Reason::WechatMisconfigured.because(Outer(io::Error::other("errcode 40125"))));
        assert_eq!(line.lines().count(), 1, "{line}");
        for part in ["ERROR", "07070707070707070707070707070707", "the token call failed: errcode 40125", "503"] {
            assert!(line.contains(part), "{part} is missing: {line}");
        }
        assert!(logged(&Reason::UpstreamTimeout.because("silent")).contains("WARN"));
        assert!(logged(&Reason::LoginLoop.because("round 4")).contains("INFO"));
    }

    #[test]
    fn a_fault_without_a_cause_is_left_to_the_access_log() {
        assert_eq!(logged(&Reason::Forbidden(Barrier::AllowList).into()), "");
    }
}
