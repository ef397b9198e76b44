//! A desktop's ticket: its id, the number that goes with it, and what the desktop said of itself.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::place::Place;
use crate::clock::{Timestamp, random};
use crate::types::Scope;

/// From the code on the screen to the word from the phone. Cookie and records all live as long (R13).
pub(super) const LIFE: Duration = Duration::from_mins(2);
const VERSION: u8 = 1;

/// Names a ticket: 128 bits (R37), known to whoever sees the code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TicketId(pub [u8; 16]);

impl TicketId {
    pub(super) fn fresh() -> Self {
        Self(random())
    }

    /// 32 lower-case hex digits, and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    pub(super) fn to_hex(self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

// Whoever has it can stand in the phone's place (R28).
impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketId(…)")
    }
}

/// Two digits that a desktop shows and a phone's owner types. With one try at ninety, a guess is not worth a deceit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Number(u8);

impl Number {
    const FIRST: u8 = 10;
    const MANY: u8 = 90;

    pub(super) fn fresh() -> Self {
        // What is above two whole rounds of them would make some numbers likelier than others.
        let [drawn] = std::iter::repeat_with(random::<1>)
            .find(|[byte]| *byte < 2 * Self::MANY)
            .expect("the generator gives every byte sooner or later");
        Self(Self::FIRST + drawn % Self::MANY)
    }

    /// What was typed, in ASCII digits or in the wide ones of a Chinese keyboard. `None`: no such number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digit = |c: char| match c {
            '０'..='９' => Some(u32::from(c) - u32::from('０')),
            _ => c.to_digit(10),
        };
        let mut digits = text.trim().chars();
        let (tens, ones) = (digit(digits.next()?)?, digit(digits.next()?)?);
        let number = u8::try_from(10 * tens + ones).ok()?;
        (digits.next().is_none() && number >= Self::FIRST).then_some(Self(number))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

// It has to be seen on the desktop and nowhere else.
impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number(…)")
    }
}

/// What is known of a desktop that waits. Never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub number: Number,
    /// What the phone's session must cover.
    pub scope: Scope,
    pub expires_at: Timestamp,
    pub place: Place,
}

impl Ticket {
    /// `version | number | scope | expires u64 | place`
    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = vec![VERSION, self.number.0, self.scope.to_byte()];
        bytes.extend_from_slice(&self.expires_at.0.to_be_bytes());
        self.place.encode(&mut bytes);
        bytes.into()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION, number, scope], rest) = bytes.split_first_chunk()? else { return None };
        let (expires_at, place) = rest.split_first_chunk()?;
        let number = (Number::FIRST..Number::FIRST + Number::MANY).contains(&number).then_some(Number(number))?;
        let expires_at = Timestamp(u64::from_be_bytes(*expires_at));
        Some(Self { number, scope: Scope::of_byte(scope)?, expires_at, place: Place::decode(place)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r15_what_is_typed_is_two_digits_or_nothing() {
        for (text, expected) in [
            ("42", Some(42)),
            (" 42\n", Some(42)),
            ("４２", Some(42)),
            ("10", Some(10)),
            ("99", Some(99)),
            ("09", None),
            ("4", None),
            ("", None),
            ("421", None),
            ("4x", None),
            ("-4", None),
            ("四二", None),
        ] {
            assert_eq!(Number::parse(text), expected.map(Number), "{text}");
        }
    }

    #[test]
    fn r37_ids_and_numbers_are_drawn_anew() {
        assert_ne!(TicketId::fresh(), TicketId::fresh());
        let drawn: std::collections::HashSet<u8> = (0..20_000).map(|_| Number::fresh().0).collect();
        assert_eq!(drawn.len(), 90, "each of them, and no other");
    }

    #[test]
    fn tickets_survive_the_store_and_torn_ones_are_none() {
        let ticket = Ticket {
            number: Number(42),
            scope: Scope::UserInfo,
            expires_at: Timestamp(1_000_120),
            place: Place::of("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36", "203.0.113.7".parse().ok()),
        };
        let bytes = ticket.encode();
        assert_eq!(Ticket::decode(&bytes), Some(ticket));
        for length in 0..bytes.len() {
            assert_eq!(Ticket::decode(&bytes[..length]), None);
        }
        assert_eq!(Ticket::decode(&[1; 30]), None);
    }
}
