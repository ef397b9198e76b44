//! Calls to WeChat: which, how they were answered, how long they took.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Histogram, Sum};

/// How WeChat answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answered {
    /// What was asked for.
    Well,
    /// By an errcode that somebody has told us about, so that there are only so many of them.
    Errcode(i64),
    /// By any other errcode.
    OtherErrcode,
    /// By something that makes no sense.
    Nonsense,
    /// Not at all.
    Nothing,
}

impl Answered {
    /// The value of the label `errcode`.
    #[must_use]
    pub fn label(self) -> Cow<'static, str> {
        match self {
            Self::Well => Cow::Borrowed("0"),
            Self::Errcode(errcode) => Cow::Owned(errcode.to_string()),
            Self::OtherErrcode => Cow::Borrowed("other"),
            Self::Nonsense => Cow::Borrowed("nonsense"),
            Self::Nothing => Cow::Borrowed("none"),
        }
    }
}

/// Counts calls. Cheap to clone; clones count together.
///
/// A lock is good enough: every entry stands for a call over a network.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<BTreeMap<&'static str, Api>>>);

#[derive(Debug, Default)]
struct Api {
    answers: BTreeMap<Answered, u64>,
    seconds: Histogram,
}

/// What became of the calls to one endpoint so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub api: &'static str,
    pub answers: Vec<(Answered, u64)>,
    pub seconds: Sum,
}

impl Calls {
    /// Counts one call. `api` is a name from the code, never from outside.
    pub fn record(&self, api: &'static str, answered: Answered, took: Duration) {
        let mut apis = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let api = apis.entry(api).or_default();
        *api.answers.entry(answered).or_default() += 1;
        api.seconds.observe(took);
    }

    /// All there were, by endpoint.
    #[must_use]
    pub fn counted(&self) -> Vec<Counted> {
        let apis = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |(name, api): (&&'static str, &Api)| {
            let mut seconds = Sum::default();
            seconds.add(&api.seconds);
            Counted { api: name, answers: api.answers.iter().map(|(how, count)| (*how, *count)).collect(), seconds }
        };
        apis.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_by_endpoint_and_answer() {
        let calls = Calls::default();
        let twin = calls.clone();
        let second = Duration::from_secs(1);
        calls.record("b", Answered::Errcode(40029), second);
        twin.record("b", Answered::Errcode(40029), second);
        calls.record("b", Answered::Nothing, second * 8);
        calls.record("a", Answered::Well, second);
        let counted = calls.counted();
        assert_eq!(counted.iter().map(|counted| counted.api).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(counted[1].answers, [(Answered::Errcode(40029), 2), (Answered::Nothing, 1)]);
        assert_eq!((counted[1].seconds.count(), counted[1].seconds.total()), (3, second * 10));
    }
}
