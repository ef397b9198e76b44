//! How a request ended, in the words of the counters.

use std::time::Duration;

use http::{Response, StatusCode};

use super::body::Body;
use super::fault::{Fault, Reason};
use crate::metrics::{Outcome, Traffic, UpstreamTrouble};

/// What is counted of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    outcome: Outcome,
    status: StatusCode,
    /// What the upstream failed by, if it did.
    trouble: Option<UpstreamTrouble>,
}

impl Ended {
    pub(super) fn of(answered: &Result<Response<Body>, Fault>) -> Self {
        match answered {
            Ok(response) => Self { outcome: well(response), status: response.status(), trouble: None },
            Err(fault) => {
                let status = fault.status();
                let outcome = if status.is_server_error() { Outcome::Failed } else { Outcome::Refused };
                Self { outcome, status, trouble: trouble(fault.reason()) }
            }
        }
    }

    /// `took` is from the request's head to the answer's. It stands for the upstream's time as well: the gate's own part
    /// is some fifty microseconds, a tenth of the smallest bucket, and a third look at the clock would tell no more.
    pub(super) fn count(self, traffic: &Traffic, took: Duration) {
        traffic.answered(self.outcome, self.status, took);
        if self.outcome == Outcome::Proxied || self.trouble.is_some() {
            traffic.asked_upstream(took);
        }
        if let Some(trouble) = self.trouble {
            traffic.upstream_failed(trouble);
        }
    }
}

fn well(response: &Response<Body>) -> Outcome {
    match (response.body(), response.status()) {
        (Body::Upstream(_), _) => Outcome::Proxied,
        // The gate itself redirects nobody but to sign in, on the way back, or out.
        (Body::Own(_), StatusCode::FOUND | StatusCode::SEE_OTHER) => Outcome::SignIn,
        (Body::Own(_), _) => Outcome::Own,
    }
}

fn trouble(reason: &Reason) -> Option<UpstreamTrouble> {
    match reason {
        Reason::UpstreamUnreachable => Some(UpstreamTrouble::Unreachable),
        Reason::UpstreamBroken => Some(UpstreamTrouble::Broken),
        Reason::UpstreamTimeout => Some(UpstreamTrouble::Timeout),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(status: StatusCode) -> Result<Response<Body>, Fault> {
        Ok(Response::builder().status(status).body(Body::empty()).expect("an answer"))
    }

    #[test]
    fn every_ending_has_its_word() {
        for (answered, outcome, trouble) in [
            (own(StatusCode::OK), Outcome::Own, None),
            (own(StatusCode::NOT_MODIFIED), Outcome::Own, None),
            (own(StatusCode::FOUND), Outcome::SignIn, None),
            (own(StatusCode::SEE_OTHER), Outcome::SignIn, None),
            (Err(Reason::LoginLoop.into()), Outcome::Refused, None),
            (Err(Reason::BadRequest { detail: "x" }.into()), Outcome::Refused, None),
            (Err(Reason::WechatMisconfigured.into()), Outcome::Failed, None),
            (Err(Reason::UpstreamUnreachable.into()), Outcome::Failed, Some(UpstreamTrouble::Unreachable)),
            (Err(Reason::UpstreamBroken.into()), Outcome::Failed, Some(UpstreamTrouble::Broken)),
            (Err(Reason::UpstreamTimeout.into()), Outcome::Failed, Some(UpstreamTrouble::Timeout)),
        ] {
            let ended = Ended::of(&answered);
            assert_eq!((ended.outcome, ended.trouble), (outcome, trouble), "{answered:?}");
        }
    }
}
