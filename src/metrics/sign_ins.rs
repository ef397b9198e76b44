//! How sign-ins ended. Rare beside requests, so one set of counters serves all threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::types::Account;

/// How a sign-in ended. A closed set; the words are those of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum SignIn {
    SignedIn,
    /// A virtual visitor of a snapshot page, and those are not let in.
    Snapshot,
    /// WeChat refused the code.
    CodeRefused,
    /// WeChat will not let this user in.
    UserRefused,
    /// WeChat refused the gate's credentials.
    Misconfigured,
    /// WeChat was slow, down, busy, or beside itself.
    Failed,
    /// The visitor said no.
    Declined,
    /// Sign-in after sign-in without a session.
    Loop,
}

/// The counters of all accounts. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub struct SignIns(Arc<[[AtomicU64; SignIn::ALL.len()]; Account::ALL.len()]>);

impl SignIn {
    pub const ALL: [Self; 8] = [
        Self::SignedIn,
        Self::Snapshot,
        Self::CodeRefused,
        Self::UserRefused,
        Self::Misconfigured,
        Self::Failed,
        Self::Declined,
        Self::Loop,
    ];

    /// The word of the label, and of the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::Snapshot => "snapshot",
            Self::CodeRefused => "code-refused",
            Self::UserRefused => "user-refused",
            Self::Misconfigured => "misconfigured",
            Self::Failed => "failed",
            Self::Declined => "declined",
            Self::Loop => "loop",
        }
    }
}

impl SignIns {
    /// Counts one.
    pub fn count(&self, account: Account, result: SignIn) {
        self.0[usize::from(account.to_byte())][result as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were of each kind; kinds there were none of are left out.
    pub fn counted(&self) -> impl Iterator<Item = (Account, SignIn, u64)> {
        let rows = Account::ALL.into_iter().zip(self.0.iter());
        rows.flat_map(|(account, row)| {
            let read =
                move |(result, counter): (SignIn, &AtomicU64)| (account, result, counter.load(Ordering::Relaxed));
            SignIn::ALL.into_iter().zip(row).map(read)
        })
        .filter(|(.., count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_what_never_happened_is_left_out() {
        let sign_ins = SignIns::default();
        let twin = sign_ins.clone();
        twin.count(Account::OfficialAccount, SignIn::SignedIn);
        sign_ins.count(Account::OfficialAccount, SignIn::SignedIn);
        sign_ins.count(Account::WeCom, SignIn::Loop);
        let counted: Vec<_> = sign_ins.counted().collect();
        assert_eq!(counted, [(Account::OfficialAccount, SignIn::SignedIn, 2), (Account::WeCom, SignIn::Loop, 1)]);
    }

    #[test]
    fn words_and_places_go_together() {
        for (place, account) in Account::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(account.to_byte()), place, "{}", account.as_str());
        }
        for (place, result) in SignIn::ALL.into_iter().enumerate() {
            assert_eq!(result as usize, place, "{}", result.as_str());
        }
    }
}
