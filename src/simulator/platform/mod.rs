//! What an account has beyond its visitors: platform tokens, tickets, quotas, and who may ask for them.
//!
//! Pure: the time is handed in, and nothing here knows of requests.

pub(super) mod doorman;
pub(super) mod mint;
pub(super) mod quotas;

use doorman::{Doorman, TrustedIps};
use mint::Mint;
use quotas::Quotas;

/// Keeps the platform's chance apart from the sign-ins', so that neither disturbs the other's run of a seed.
const OWN_SEED: u64 = 0x91a7_f0a3_5eed_0001;

/// The platform side of the simulated WeChat.
#[derive(Debug)]
pub(super) struct Platform {
    pub(super) mint: Mint,
    pub(super) quotas: Quotas,
    pub(super) doorman: Doorman,
    pub(super) trusted: TrustedIps,
}

impl Platform {
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self {
            mint: Mint::new(seed.map(|seed| seed ^ OWN_SEED)),
            quotas: Quotas::default(),
            doorman: Doorman::default(),
            trusted: TrustedIps::default(),
        }
    }
}
