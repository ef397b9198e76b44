//! One worker's requests: how they ended, how long they took. Touched with every request, so it must cost next to nothing.

use std::time::Duration;

use http::StatusCode;

use super::{Counter, Histogram};

/// How a request ended, as far as an operator looks at numbers. A closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Outcome {
    /// The upstream's answer was passed on, whatever its status.
    Proxied,
    /// The visitor was sent on their way: to WeChat, back from there, or out.
    SignIn,
    /// The gate answered itself: an endpoint or page of its own.
    Own,
    /// The gate refused, by a status below 500.
    Refused,
    /// The gate could not do its part, or the upstream or WeChat theirs: a status from 500.
    Failed,
    /// Refused before there was a request: no HTTP, or one connection too many.
    Unread,
}

/// Why there was no answer from the upstream, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum UpstreamTrouble {
    Unreachable,
    Broken,
    Timeout,
    /// It broke off after its answer had begun.
    Cut,
}

impl Outcome {
    pub const ALL: [Self; 6] = [Self::Proxied, Self::SignIn, Self::Own, Self::Refused, Self::Failed, Self::Unread];

    /// The word of the label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proxied => "proxied",
            Self::SignIn => "sign_in",
            Self::Own => "own",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unread => "unread",
        }
    }
}

impl UpstreamTrouble {
    pub const ALL: [Self; 4] = [Self::Unreachable, Self::Broken, Self::Timeout, Self::Cut];

    /// The word of the label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Timeout => "timeout",
            Self::Cut => "cut",
        }
    }
}

/// The first status that is counted on its own, and how many are; an upstream may invent others, counted as one.
const FIRST: u16 = 100;
const STATUSES: usize = 500;

/// One worker's counters. Only that worker's thread may write.
#[derive(Debug)]
// Two cache lines: processors fetch them in pairs, and a neighbour's writes must not take ours away.
#[repr(align(128))]
pub struct Traffic {
    /// By outcome, then by status; the last of each is for statuses beyond 599.
    requests: Box<[[Counter; STATUSES + 1]]>,
    seconds: Histogram,
    upstream_seconds: Histogram,
    upstream_errors: [Counter; UpstreamTrouble::ALL.len()],
}

impl Default for Traffic {
    fn default() -> Self {
        let row = || std::array::from_fn(|_| Counter::default());
        Self {
            requests: Outcome::ALL.iter().map(|_| row()).collect(),
            seconds: Histogram::default(),
            upstream_seconds: Histogram::default(),
            upstream_errors: Default::default(),
        }
    }
}

impl Traffic {
    /// Counts a request, from its head to the head of its answer.
    pub fn answered(&self, outcome: Outcome, status: StatusCode, took: Duration) {
        self.requests[outcome as usize][place(status)].add(1);
        self.seconds.observe(took);
    }

    /// Counts what was turned away before it was a request.
    pub fn unread(&self, status: StatusCode) {
        self.requests[Outcome::Unread as usize][place(status)].add(1);
    }

    /// Counts a request that went to the upstream, and how long until the head of its answer, or until it failed.
    pub fn asked_upstream(&self, took: Duration) {
        self.upstream_seconds.observe(took);
    }

    /// Counts an upstream that did not do its part.
    pub fn upstream_failed(&self, trouble: UpstreamTrouble) {
        self.upstream_errors[trouble as usize].add(1);
    }

    /// How many requests ended so, by status; `None` is a status that is none of HTTP's. Those there were, no others.
    pub fn requests(&self, outcome: Outcome) -> impl Iterator<Item = (Option<u16>, u64)> {
        let statuses = (FIRST..).map(Some).take(STATUSES).chain([None]);
        let counts = self.requests[outcome as usize].iter().map(Counter::read);
        statuses.zip(counts).filter(|(_, count)| *count > 0)
    }

    /// How long requests took.
    #[must_use]
    pub const fn seconds(&self) -> &Histogram {
        &self.seconds
    }

    /// How long the upstream took.
    #[must_use]
    pub const fn upstream_seconds(&self) -> &Histogram {
        &self.upstream_seconds
    }

    /// How often the upstream failed so.
    #[must_use]
    pub fn upstream_errors(&self, trouble: UpstreamTrouble) -> u64 {
        self.upstream_errors[trouble as usize].read()
    }
}

fn place(status: StatusCode) -> usize {
    usize::from(status.as_u16().saturating_sub(FIRST)).min(STATUSES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> StatusCode {
        StatusCode::from_u16(code).expect("a status")
    }

    #[test]
    fn every_status_has_a_place_and_strange_ones_share_one() {
        let traffic = Traffic::default();
        for code in [100, 200, 200, 599, 600, 999] {
            traffic.answered(Outcome::Proxied, status(code), Duration::from_millis(3));
        }
        traffic.unread(status(400));
        let counted: Vec<_> = traffic.requests(Outcome::Proxied).collect();
        assert_eq!(counted, [(Some(100), 1), (Some(200), 2), (Some(599), 1), (None, 2)]);
        assert_eq!(traffic.requests(Outcome::Unread).collect::<Vec<_>>(), [(Some(400), 1)]);
        assert_eq!(traffic.requests(Outcome::Failed).count(), 0);
    }

    #[test]
    fn words_and_places_go_together() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place, "{}", outcome.as_str());
        }
        for (place, trouble) in UpstreamTrouble::ALL.into_iter().enumerate() {
            assert_eq!(trouble as usize, place, "{}", trouble.as_str());
        }
    }

    #[test]
    fn no_two_workers_write_the_same_cache_line() {
        assert_eq!(align_of::<Traffic>(), 128);
        assert_eq!(size_of::<Traffic>() % 128, 0);
    }
}
