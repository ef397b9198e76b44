//! How often one client may ask for what costs more than a page: sign-ins, callbacks, signatures (R39).
//!
//! The generic cell rate algorithm: one number per client, the time at which its allowance is whole again.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::clock::Clock;
use crate::request::Client;
use crate::store::memory::Tallies;

/// Clients counted at once; a flood from more addresses pushes out the longest unseen.
const MOST_CLIENTS: u64 = 50_000;
const SECOND_US: u64 = 1_000_000;
const MINUTE_US: u64 = 60 * SECOND_US;

/// What is counted, each on its own: a whole sign-in takes one of each of the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Begin,
    Callback,
    /// A phone that takes up a hand-off, or says yes or no to it.
    Handoff,
    /// A desktop that asks how its hand-off stands: every few seconds, where it cannot listen.
    HandoffWait,
    /// Asked for anew on every page and every change of route, where a sign-in lasts for days.
    JsConfig,
    /// A request of another program's to the admin listener.
    Admin,
}

impl Step {
    /// How many times the configured number are allowed.
    const fn factor(self) -> u64 {
        match self {
            Self::Begin | Self::Callback | Self::Handoff | Self::Admin => 1,
            Self::JsConfig => 10,
            Self::HandoffWait => 60,
        }
    }
}

/// What clients have used of their allowances. Cheap to clone; clones count together.
#[derive(Debug, Clone)]
pub struct Used(Arc<Tallies<(Step, IpAddr)>>);

impl Default for Used {
    /// Nothing so far.
    fn default() -> Self {
        Self(Arc::new(Tallies::new(MOST_CLIENTS, Duration::from_micros(2 * MINUTE_US))))
    }
}

/// Counts attempts by client.
#[derive(Debug)]
pub struct Attempts {
    per_minute: u64,
    used: Used,
    clock: Clock,
}

impl Attempts {
    /// `sign_in.attempts_per_minute`; `0` is off.
    #[must_use]
    pub fn new(per_minute: u32, clock: Clock) -> Self {
        Self::after(Used::default(), per_minute, clock)
    }

    /// Goes on counting where somebody else has begun, perhaps with another allowance.
    #[must_use]
    pub fn after(used: Used, per_minute: u32, clock: Clock) -> Self {
        Self { per_minute: per_minute.into(), used, clock }
    }

    /// Counts one attempt.
    ///
    /// # Errors
    /// How long to wait, when there have been too many.
    pub fn count(&self, step: Step, client: &Client) -> Result<(), Duration> {
        if self.per_minute == 0 || is_somebodys_proxy(client) {
            return Ok(());
        }
        let now = self.clock.now().0.saturating_mul(SECOND_US);
        let allowance = self.per_minute * step.factor();
        let cost = (MINUTE_US / allowance).max(1);
        let tally = self.used.0.of((step, subnet(client.ip)));
        let spend = |whole_at: u64| {
            let later = whole_at.max(now) + cost;
            (later - now <= cost * allowance).then_some(later)
        };
        tally.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).map(drop).map_err(|whole_at| {
            let wait = (whole_at.max(now) + cost - now).saturating_sub(cost * allowance);
            Duration::from_secs(wait.div_ceil(SECOND_US).max(1))
        })
    }
}

/// Whether an address says nothing of its client: a peer on a private network that no trusted proxy told us of is a
/// proxy nobody configured, and behind it is everybody.
#[must_use]
pub fn is_somebodys_proxy(client: &Client) -> bool {
    !client.told
        && match client.ip.to_canonical() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        }
}

/// IPv4 whole, IPv6 by /64, mapped addresses as what they map (R31).
#[must_use]
pub fn subnet(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn client(ip: &str, told: bool) -> Client {
        Client { ip: ip.parse().expect("an address"), told }
    }

    fn allowed(attempts: &Attempts, client: &Client) -> usize {
        (0..100).take_while(|_| attempts.count(Step::Begin, client).is_ok()).count()
    }

    #[test]
    fn r39_a_client_has_its_allowance_and_gets_it_back_with_time() {
        let clock = Clock::fixed(Timestamp(1000));
        let attempts = Attempts::new(6, clock.clone());
        let visitor = client("203.0.113.7", false);
        assert_eq!(allowed(&attempts, &visitor), 6);
        assert_eq!(attempts.count(Step::Begin, &visitor), Err(Duration::from_secs(10)));
        assert_eq!(attempts.count(Step::Callback, &visitor), Ok(()), "callbacks are counted on their own");
        clock.advance(Duration::from_secs(9));
        assert_eq!(attempts.count(Step::Begin, &visitor), Err(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(allowed(&attempts, &visitor), 1);
        clock.advance(Duration::from_mins(5));
        assert_eq!(allowed(&attempts, &visitor), 6);
    }

    #[test]
    fn r39_signatures_have_ten_times_the_allowance_and_one_of_their_own() {
        let attempts = Attempts::new(6, Clock::fixed(Timestamp(1000)));
        let visitor = client("203.0.113.7", false);
        assert_eq!(allowed(&attempts, &visitor), 6);
        let signatures = (0..100).take_while(|_| attempts.count(Step::JsConfig, &visitor).is_ok()).count();
        assert_eq!(signatures, 60);
        assert_eq!(attempts.count(Step::JsConfig, &visitor), Err(Duration::from_secs(1)));
    }

    #[test]
    fn r39_another_allowance_forgives_nothing() {
        let (used, clock) = (Used::default(), Clock::fixed(Timestamp(1000)));
        let visitor = client("203.0.113.7", false);
        assert_eq!(allowed(&Attempts::after(used.clone(), 6, clock.clone()), &visitor), 6);
        assert_eq!(allowed(&Attempts::after(used.clone(), 6, clock.clone()), &visitor), 0);
        assert_eq!(allowed(&Attempts::after(used.clone(), 60, clock.clone()), &visitor), 0);
        clock.advance(Duration::from_secs(10));
        assert_eq!(allowed(&Attempts::after(used, 60, clock), &visitor), 10);
    }

    #[test]
    fn r39_the_largest_allowance_is_one_too() {
        let attempts = Attempts::new(1_000_000, Clock::fixed(Timestamp(1_800_000_000)));
        assert_eq!(attempts.count(Step::JsConfig, &client("203.0.113.7", false)), Ok(()));
    }

    #[test]
    fn r31_neighbours_share_and_strangers_do_not() {
        let attempts = Attempts::new(2, Clock::fixed(Timestamp(1000)));
        assert_eq!(allowed(&attempts, &client("2001:db8:1:2::1", false)), 2);
        assert_eq!(allowed(&attempts, &client("2001:db8:1:2:ffff::9", true)), 0);
        assert_eq!(allowed(&attempts, &client("2001:db8:1:3::1", false)), 2);
        assert_eq!(allowed(&attempts, &client("203.0.113.7", false)), 2);
        assert_eq!(allowed(&attempts, &client("::ffff:203.0.113.7", false)), 0);
        assert_eq!(allowed(&attempts, &client("203.0.113.8", false)), 2);
    }

    #[test]
    fn private_peers_are_proxies_unless_told_of() {
        let attempts = Attempts::new(2, Clock::fixed(Timestamp(1000)));
        for ip in ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "fd00::1", "::ffff:10.0.0.1"] {
            assert_eq!(allowed(&attempts, &client(ip, false)), 100, "{ip}");
            assert_eq!(allowed(&attempts, &client(ip, true)), 2, "{ip}");
        }
        assert_eq!(allowed(&Attempts::new(0, Clock::system()), &client("203.0.113.7", false)), 100);
    }
}
