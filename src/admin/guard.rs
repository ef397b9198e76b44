//! Who may use the guarded endpoints: whoever brings the bearer token, not too often.

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::answer::Refusal;
use crate::attempts::{Attempts, Step};
use crate::clock::Clock;
use crate::request::Client;
use crate::secret::Secret;

/// A program that asks for a token with each of fifty requests a second still gets it; only a loop gone wild does not.
const CALLS_PER_MINUTE: u32 = 3000;
/// Wrong tokens, each of which is worth a line in the log.
const MISTAKES_PER_MINUTE: u32 = 60;

#[derive(Debug)]
pub(super) struct Guard {
    /// SHA-256 of the token, so that what is compared has one length. `None`: nobody may (R29).
    token: Option<Secret<Vec<u8>>>,
    calls: Attempts,
    mistakes: Attempts,
}

impl Guard {
    pub(super) fn new(token: Option<&Secret<Vec<u8>>>, clock: &Clock) -> Self {
        Self {
            token: token.map(|token| Secret::new(hash(token.expose()))),
            calls: Attempts::new(CALLS_PER_MINUTE, clock.clone()),
            mistakes: Attempts::new(MISTAKES_PER_MINUTE, clock.clone()),
        }
    }

    /// A right token is never held up by the wrong ones of a neighbour at the same address, so it is looked at first. To
    /// guess one of 128 bits is hopeless at any pace; what is limited is the work and the log.
    pub(super) fn admit(&self, headers: &HeaderMap, peer: IpAddr) -> Result<(), Refusal> {
        // Here everybody is on a private network, so nobody is excused for that.
        let client = Client { ip: peer, told: true };
        let (allowance, refusal) =
            if self.is_right(headers) { (&self.calls, None) } else { (&self.mistakes, Some(Refusal::Unauthorized)) };
        allowance.count(Step::Admin, &client).map_err(Refusal::TooOften)?;
        match refusal {
            None => Ok(()),
            Some(refusal) => {
                tracing::warn!(client = %peer, "admin: a request without the right token");
                Err(refusal)
            }
        }
    }

    fn is_right(&self, headers: &HeaderMap) -> bool {
        let (Some(token), Some(shown)) = (&self.token, bearer(headers)) else { return false };
        verify_slices_are_equal(token.expose(), &hash(shown)).is_ok()
    }
}

/// The token of the one `Authorization` line (RFC 6750 section 2.1). Nowhere else is one looked for (R48).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (scheme, token) = line.as_bytes().split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// What secrets are compared by.
pub(super) fn hash(token: &[u8]) -> Vec<u8> {
    digest(&SHA256, token).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    const TOKEN: &str = "an admin token of the tests";
    const PEER: &str = "127.0.0.1";

    fn guard(token: Option<&str>) -> Guard {
        let token = token.map(|token| Secret::new(token.as_bytes().to_vec()));
        Guard::new(token.as_ref(), &Clock::fixed(Timestamp(1_000_000)))
    }

    fn asked(guard: &Guard, lines: &[&str]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, line.parse().expect("a header"));
        }
        guard.admit(&headers, PEER.parse().expect("an address"))
    }

    #[test]
    fn r29_only_the_whole_token_opens() {
        let guard = guard(Some(TOKEN));
        for right in [format!("Bearer {TOKEN}"), format!("bearer {TOKEN}"), format!("BEARER   {TOKEN} ")] {
            assert_eq!(asked(&guard, &[&right]), Ok(()), "{right}");
        }
        let mut wrong: Vec<String> = (0..TOKEN.len()).map(|length| format!("Bearer {}", &TOKEN[..length])).collect();
        wrong.extend(["", "Bearer", "Bearer ", "B", TOKEN].map(str::to_owned));
        wrong.extend([format!("Bearer {TOKEN}x"), format!("Basic {TOKEN}"), format!("Bearer{TOKEN}")]);
        for wrong in wrong {
            assert_eq!(asked(&guard, &[&wrong]), Err(Refusal::Unauthorized), "{wrong}");
        }
        assert_eq!(asked(&guard, &[]), Err(Refusal::Unauthorized));
        let right = format!("Bearer {TOKEN}");
        assert_eq!(asked(&guard, &[&right, &right]), Err(Refusal::Unauthorized), "said twice");
    }

    #[test]
    fn r29_without_a_token_everything_is_closed() {
        let guard = guard(None);
        for line in ["Bearer ", "Bearer x", "Bearer None", ""] {
            assert_eq!(asked(&guard, &[line]), Err(Refusal::Unauthorized), "{line:?}");
        }
        assert_eq!(asked(&guard, &[]), Err(Refusal::Unauthorized));
    }

    #[test]
    fn r39_mistakes_and_calls_are_limited_each_on_its_own() {
        let guard = guard(Some(TOKEN));
        let right = format!("Bearer {TOKEN}");
        let refused = |line: &str| (0..).find(|_| matches!(asked(&guard, &[line]), Err(Refusal::TooOften(_))));
        assert_eq!(refused("Bearer wrong"), Some(MISTAKES_PER_MINUTE));
        assert_eq!(refused(&right), Some(CALLS_PER_MINUTE), "mistakes do not hold up who is right");
        assert_eq!(asked(&guard, &["Bearer wrong"]), Err(Refusal::TooOften(std::time::Duration::from_secs(1))));
    }
}
