//! Session cookies opened a moment ago: what one says never changes, so it need not be deciphered for every picture on
//! a page. Whether the session still counts is asked each time.

use std::sync::{Mutex, PoisonError};

use super::record::Session;

/// One worker's last cookies, each in the one place that its text leads to. To be dropped with the keys that opened them.
pub struct Recent(Mutex<Box<[Option<Opened>]>>);

struct Opened {
    sealed: Box<[u8]>,
    session: Session,
}

impl Recent {
    /// Some 1 KiB each.
    const PLACES: usize = 1024;

    /// What the same text said before, or else what it says to `open`.
    pub(super) fn find(&self, sealed: &[u8], open: impl FnOnce() -> Option<Session>) -> Option<Session> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = &mut places[place_of(sealed)];
        match place {
            // The whole of it, tag and all: nothing is known of a text that differs in one letter.
            Some(opened) if *opened.sealed == *sealed => Some(opened.session.clone()),
            _ => {
                let session = open()?;
                *place = Some(Opened { sealed: sealed.into(), session: session.clone() });
                Some(session)
            }
        }
    }
}

/// Letters of the nonce, which is random; whatever a forger writes there leads to a place and no further.
fn place_of(sealed: &[u8]) -> usize {
    let letters = sealed.get(8..16).and_then(|letters| letters.try_into().ok()).map_or(0, u64::from_le_bytes);
    let mixed = letters.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    usize::try_from(mixed).unwrap_or_default() % Recent::PLACES
}

impl Default for Recent {
    fn default() -> Self {
        Self(Mutex::new((0..Self::PLACES).map(|_| None).collect()))
    }
}

/// Cookies are as good as passwords: not for a log.
impl std::fmt::Debug for Recent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recent(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::record::Times;
    use super::*;
    use crate::clock::Timestamp;
    use crate::types::{Account, AppId, Identity, OpenId, Scope, SessionId};

    fn session(number: u8) -> Session {
        let identity = Identity {
            account: Account::OfficialAccount,
            appid: AppId::parse("wx0123456789abcdef").expect("an appid"),
            scope: Scope::Base,
            openid: OpenId::parse("o6_bmjrPTlm6_2sgVt7hMZOPfL2M").ok(),
            unionid: None,
            userid: None,
            nickname: None,
            avatar: None,
            snapshot: false,
        };
        let times = Times { issued_at: Timestamp(1), expires_at: Timestamp(2), last_seen: Timestamp(1) };
        Session::new(SessionId([number; 16]), times, &identity)
    }

    #[test]
    fn a_cookie_is_opened_once_and_none_is_taken_for_another() {
        let (recent, opened) = (Recent::default(), Cell::new(0));
        let find = |sealed: &str, number: Option<u8>| {
            let open = || {
                opened.set(opened.get() + 1);
                number.map(session)
            };
            recent.find(sealed.as_bytes(), open).map(|session| session.id.0[0])
        };
        // All of these lead to one place.
        assert_eq!(find("AQxxxxxxNONCENONsealed", Some(1)), Some(1));
        assert_eq!((find("AQxxxxxxNONCENONsealed", Some(9)), opened.get()), (Some(1), 1));
        assert_eq!((find("AQxxxxxxNONCENONsealeD", None), opened.get()), (None, 2), "what does not open is nobody's");
        assert_eq!((find("AQxxxxxxNONCENONsealed", Some(9)), opened.get()), (Some(1), 2));
        assert_eq!((find("AQxxxxxxNONCENONother", Some(3)), opened.get()), (Some(3), 3));
        assert_eq!((find("AQxxxxxxNONCENONsealed", Some(1)), opened.get()), (Some(1), 4));
        for short in ["", "AQ", "AQxxxxxxNONCENO"] {
            assert_eq!(find(short, None), None);
        }
    }
}
