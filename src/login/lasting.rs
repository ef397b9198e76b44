//! What signing in remembers of all visitors together, whatever becomes of its configuration.

use std::sync::Arc;

use super::exchange::Flights;
use super::handoff::Bells;
use super::standing::Standing;
use crate::attempts::Used;
use crate::clock::Clock;
use crate::metrics::SignIns;
use crate::types::Account;

/// Passed on from one [`super::Login`] to the one that takes its place. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Lasting {
    pub(super) used: Used,
    pub(super) sign_ins: SignIns,
    pub(super) standings: Arc<[Standing; Account::ALL.len()]>,
    pub(super) flights: Flights,
    pub(super) bells: Arc<Bells>,
}

impl Lasting {
    /// Of nobody so far.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self {
            used: Used::default(),
            sign_ins: SignIns::default(),
            standings: Arc::new(Account::ALL.map(|account| Standing::new(account, clock.clone()))),
            flights: Flights::default(),
            bells: Arc::default(),
        }
    }

    /// An account has other credentials now: what WeChat thought of those before says nothing any more.
    pub fn begin_anew(&self, account: Account) {
        self.standings[usize::from(account.to_byte())].forget();
    }
}
