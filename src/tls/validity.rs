//! Reads from when until when a certificate is valid (RFC 5280 section 4.1.2.5), which no crate in the tree tells.
//!
//! Only for a word to the operator: whether a certificate is trusted is for the other side to judge.

use crate::clock::Timestamp;

/// From and until, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub from: Timestamp,
    pub until: Timestamp,
}

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

impl Validity {
    /// Of a certificate in DER; `None` where it does not look as it should.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate, _) = element(certificate)?;
        let (_, signed, _) = element(certificate)?;
        let rest = match element(signed)? {
            (VERSION, _, rest) => rest,
            _ => signed,
        };
        let rest = skip(rest, INTEGER)?;
        let rest = skip(skip(rest, SEQUENCE)?, SEQUENCE)?;
        let (_, validity, _) = element(rest)?;
        let (from_tag, from, rest) = element(validity)?;
        let (until_tag, until, _) = element(rest)?;
        Some(Self { from: time(from_tag, from)?, until: time(until_tag, until)? })
    }
}

fn skip(input: &[u8], expected: u8) -> Option<&[u8]> {
    let (tag, _, rest) = element(input)?;
    (tag == expected).then_some(rest)
}

/// The first element: its tag, its content, and what follows it.
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = input.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let digits = text.strip_suffix(b"Z")?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = (number(digits.get(..2)?)?, &digits[2..]);
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => (number(digits.get(..4)?)?, &digits[4..]),
        _ => return None,
    };
    let pairs: [[u8; 2]; 5] = rest.as_chunks().0.try_into().ok().filter(|_| rest.len() == 10)?;
    let [month, day, hour, minute, second] = pairs.map(|pair| number(&pair));
    let (month, day) = (month.filter(|month| (1..=12).contains(month))?, day?);
    let seconds = hour? * 3600 + minute? * 60 + second?;
    Some(Timestamp((days(year, month, day) * 86_400 + seconds).try_into().unwrap_or(0)))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// Days since the epoch (Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>).
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_dates_of_a_certificate_are_read() {
        for ((from, from_seconds), (until, until_seconds)) in [
            (((1970, 1, 1), 0), ((2049, 12, 31), 2_524_521_600)),
            (((2024, 2, 29), 1_709_164_800), ((2050, 1, 1), 2_524_608_000)),
            (((2026, 11, 22), 1_795_305_600), ((4096, 1, 1), 67_090_118_400)),
        ] {
            let mut params = CertificateParams::new(["m.example.com".to_owned()]).expect("a name");
            let date = |(year, month, day): (i32, u8, u8)| date_time_ymd(year, month, day);
            (params.not_before, params.not_after) = (date(from), date(until));
            let certificate = params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate");
            let expected = Validity { from: Timestamp(from_seconds), until: Timestamp(until_seconds) };
            assert_eq!(Validity::of(certificate.der()), Some(expected));
        }
    }

    #[test]
    fn odd_times_are_none() {
        let day = Timestamp(1_795_305_600);
        assert_eq!(time(UTC_TIME, b"261122000000Z"), Some(day));
        assert_eq!(time(GENERALIZED_TIME, b"20261122000000Z"), Some(day));
        for odd in ["", "Z", "2611220000Z", "261122000000", "261322000000Z", "26112200000xZ", "20261122000000Z"] {
            assert_eq!(time(UTC_TIME, odd.as_bytes()), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn r15_no_bytes_make_the_reader_panic(bytes in prop::collection::vec(prop_oneof![Just(SEQUENCE), Just(2), Just(UTC_TIME), Just(0x84), any::<u8>()], 0..60)) {
            let _ = Validity::of(&bytes);
        }
    }
}
