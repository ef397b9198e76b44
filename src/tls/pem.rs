//! Finds the sections of a PEM file (RFC 7468) and the line on which one is wrong. Whatever stands between sections is
//! somebody's note, as OpenSSL writes them.

use rustls_pki_types::pem::PemObject;

/// `-----BEGIN LABEL-----` to `-----END LABEL-----`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section<'a> {
    pub label: &'a [u8],
    /// Of its BEGIN, counted from 1.
    pub line: usize,
    /// All of it, both marks included.
    text: &'a [u8],
}

/// What is wrong, and on which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    pub line: usize,
    pub how: How,
}

/// What can be wrong with a PEM file, whatever it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A BEGIN that no END follows.
    BreaksOff,
    /// An END that ends nothing, or something else than what began.
    StrayEnd,
    /// A BEGIN or END that is not the whole of its line.
    OddMark,
    NotBase64,
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// Every section, in order.
pub(super) fn sections(text: &[u8]) -> Result<Vec<Section<'_>>, Broken> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize, &[u8])> = None;
    let mut at = 0;
    for (index, raw) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let (start, number) = (at, index + 1);
        at += raw.len();
        let broken = |how| Broken { line: number, how };
        // Windows editors put a byte order mark in front of the first line.
        let bare = raw.strip_prefix(b"\xef\xbb\xbf").filter(|_| index == 0).unwrap_or(raw);
        let line = bare.trim_ascii_end();
        let indented = line.trim_ascii_start().len() < line.len();
        match (mark(line.trim_ascii_start()), open) {
            (Mark::None, _) => {}
            (Mark::Odd, _) => return Err(broken(How::OddMark)),
            (Mark::Begin(_) | Mark::End(_), _) if indented => return Err(broken(How::OddMark)),
            (Mark::Begin(_), Some((_, line, _))) => return Err(Broken { line, how: How::BreaksOff }),
            (Mark::Begin(label), None) => open = Some((start + raw.len() - bare.len(), number, label)),
            (Mark::End(label), Some((from, line, began))) if label == began => {
                found.push(Section { label, line, text: &text[from..at] });
                open = None;
            }
            (Mark::End(_), _) => return Err(broken(How::StrayEnd)),
        }
    }
    match open {
        Some((_, line, _)) => Err(Broken { line, how: How::BreaksOff }),
        None => Ok(found),
    }
}

enum Mark<'a> {
    Begin(&'a [u8]),
    End(&'a [u8]),
    Odd,
    None,
}

fn mark(line: &[u8]) -> Mark<'_> {
    let label = |rest: &'_ [u8]| rest.strip_suffix(DASHES).filter(|label| !label.contains(&b'-')).map(<[u8]>::len);
    if let Some(rest) = line.strip_prefix(BEGIN) {
        label(rest).map_or(Mark::Odd, |length| Mark::Begin(&rest[..length]))
    } else if let Some(rest) = line.strip_prefix(END) {
        label(rest).map_or(Mark::Odd, |length| Mark::End(&rest[..length]))
    } else {
        Mark::None
    }
}

impl Section<'_> {
    /// What it holds, decoded.
    pub(super) fn decode<T: PemObject>(&self) -> Result<T, Broken> {
        let mut lines = self.text.split(|byte| *byte == b'\n').enumerate();
        let strange = lines.find(|(_, line)| !line.starts_with(DASHES) && !line.trim_ascii().iter().all(is_base64));
        if let Some((index, _)) = strange {
            return Err(Broken { line: self.line + index, how: How::NotBase64 });
        }
        // Each line may be good by itself, and one of them missing or cut.
        let whole = Broken { line: self.line, how: How::NotBase64 };
        let lines = self.text.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(DASHES));
        if !lines.map(|line| line.trim_ascii().len()).sum::<usize>().is_multiple_of(4) {
            return Err(whole);
        }
        T::from_pem_slice(self.text).map_err(|_| whole)
    }

    /// Whether it has the headers by which OpenSSL marked encrypted keys (RFC 1421).
    pub(super) fn has_headers(&self) -> bool {
        self.text.split(|byte| *byte == b'\n').nth(1).is_some_and(|line| line.contains(&b':'))
    }
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls_pki_types::CertificateDer;

    use super::*;

    #[test]
    fn sections_are_found_among_notes_with_the_line_they_begin_on() {
        let text = b"\xef\xbb\xbf-----BEGIN A-----\r\nAAAA\r\n-----END A-----\r\nsubject=CN\n\n-----BEGIN B C-----\n-----END B C-----";
        let found = sections(text).expect("whole");
        let seen: Vec<_> = found.iter().map(|section| (section.label, section.line)).collect();
        assert_eq!(seen, [(&b"A"[..], 1), (&b"B C"[..], 6)]);
        assert!(sections(b"no PEM at all\n").expect("nothing wrong").is_empty());
    }

    #[test]
    fn what_is_wrong_is_found_on_its_line() {
        use How::{BreaksOff, NotBase64, OddMark, StrayEnd};
        for (text, line, how) in [
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", 1, BreaksOff),
            ("note\n-----BEGIN CERTIFICATE-----\nAAAA\n-----BEGIN CERTIFICATE-----\n", 2, BreaksOff),
            ("\n-----END CERTIFICATE-----\n", 2, StrayEnd),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END KEY-----\n", 3, StrayEnd),
            ("-----BEGIN CERTIFICATE---\n", 1, OddMark),
            ("-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----\n", 1, OddMark),
            ("\n  -----BEGIN CERTIFICATE-----\n", 2, OddMark),
            ("-----BEGIN CERTIFICATE-----\nAAAA\nA*AA\n-----END CERTIFICATE-----\n", 3, NotBase64),
            ("-----BEGIN CERTIFICATE-----\nAAAA\nAAA\n-----END CERTIFICATE-----\n", 1, NotBase64),
        ] {
            let outcome = sections(text.as_bytes()).and_then(|found| found[0].decode::<CertificateDer<'_>>());
            assert_eq!(outcome.expect_err(text), Broken { line, how }, "{text}");
        }
    }

    proptest! {
        #[test]
        fn r15_no_file_makes_the_reader_panic(text in "(-----(BEGIN|END) [A-Z ]{0,12}-{3,6}|[\\PC]{0,12}|\r|\n){0,12}") {
            for section in sections(text.as_bytes()).unwrap_or_default() {
                let _ = (section.decode::<CertificateDer<'_>>(), section.has_headers());
            }
        }
    }
}
