//! Which paths mean one thing only. Pure.

use std::borrow::Cow;

use super::Refusal;

/// Refuses what two programs may read as two paths (R6, R25): backslashes, control characters, encoded slashes,
/// backslashes and NULs, and dot segments however they are written. The path itself is never changed.
///
/// # Errors
/// [`Refusal::AmbiguousPath`] naming what was found.
pub(super) fn judge(path: &str) -> Result<(), Refusal> {
    let bytes = path.as_bytes();
    let mut segment = Segment::Start;
    let mut at = 0;
    while at < bytes.len() {
        let (byte, width) = match bytes[at] {
            b'%' => match encoded(bytes, at) {
                Some(b'/' | b'\\') => return Err(Refusal::AmbiguousPath("an encoded slash or backslash")),
                Some(0) => return Err(Refusal::AmbiguousPath("an encoded NUL")),
                // Only a dot changes what a segment is, and what cuts its parameters off; any other decoded byte is data.
                Some(byte @ (b'.' | b';')) => (byte, 3),
                Some(_) => (b'x', 3),
                None => (b'%', 1),
            },
            b'\\' | b'#' => return Err(Refusal::AmbiguousPath("a backslash or number sign")),
            byte if byte.is_ascii_control() => return Err(Refusal::AmbiguousPath("a control character")),
            byte => (byte, 1),
        };
        if matches!(byte, b'/' | b';') && segment.is_dots() {
            return Err(DOT_SEGMENT);
        }
        segment = segment.then(byte);
        at += width;
    }
    if segment.is_dots() { Err(DOT_SEGMENT) } else { Ok(()) }
}

const DOT_SEGMENT: Refusal = Refusal::AmbiguousPath("a dot segment");

/// What has been seen of the current segment. After `;` come parameters, which some servers cut off before they
/// resolve dots: `/a/..;x/b`.
#[derive(Clone, Copy, PartialEq)]
enum Segment {
    Start,
    Dot,
    DotDot,
    Other,
}

impl Segment {
    const fn is_dots(self) -> bool {
        matches!(self, Self::Dot | Self::DotDot)
    }

    const fn then(self, byte: u8) -> Self {
        match (self, byte) {
            (_, b'/') => Self::Start,
            (Self::Start, b'.') => Self::Dot,
            (Self::Dot, b'.') => Self::DotDot,
            _ => Self::Other,
        }
    }
}

/// The byte that `%XX` at `at` stands for, if it is that.
fn encoded(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

/// The path as a lenient upstream may read it: percent-encodings decoded, repeated slashes merged. Borrowed when
/// that is the path itself.
#[must_use]
pub fn decode(path: &str) -> Cow<'_, [u8]> {
    let bytes = path.as_bytes();
    if memchr::memchr(b'%', bytes).is_none() && memchr::memmem::find(bytes, b"//").is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    for byte in percent_encoding::percent_decode(bytes) {
        if byte != b'/' || decoded.last() != Some(&b'/') {
            decoded.push(byte);
        }
    }
    Cow::Owned(decoded)
}

/// A decoded path as an upstream may read it that cuts parameters off its segments (RFC 3986 section 3.3):
/// `/admin;v=1/x` is `/admin/x` there. `None` when there are no parameters.
#[must_use]
pub fn without_parameters(decoded: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b';', decoded)?;
    let mut bare = Vec::with_capacity(decoded.len());
    let mut in_parameters = false;
    for byte in decoded {
        in_parameters = *byte != b'/' && (in_parameters || *byte == b';');
        if !in_parameters && (*byte != b'/' || bare.last() != Some(&b'/')) {
            bare.push(*byte);
        }
    }
    Some(bare)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r25_ambiguous_paths_are_refused() {
        for bad in [
            "/a\\b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%5Cb",
            "/a%00b",
            "/.",
            "/..",
            "/./a",
            "/a/../b",
            "/a/..",
            "/a/.",
            "/%2e",
            "/%2E%2e/a",
            "/.%2e/",
            "/a/..;/b",
            "/a/.;x=1/b",
            "/a/%2e%2e;x",
            "/..;",
            "/a/..%3bx/b",
            "/a/.%3B",
            "/a\tb",
            "/a\u{7f}",
            "/a#b",
        ] {
            assert!(judge(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn r6_paths_with_one_meaning_pass() {
        for good in [
            "/",
            "/a",
            "/a/",
            "//a",
            "/a//b",
            "/.well-known/x",
            "/...",
            "/a..b",
            "/a/..b",
            "/a/b..",
            "/%23",
            "/a%20b",
            "/%zz",
            "/%",
            "/a%2",
            "/中文",
            "/a;b/c",
            "/a;../b",
            "/a%3b../b",
            "/.;a".replace(".;", ".a;").as_str(),
            "/%252f",
            "/%252e%252e/",
        ] {
            assert_eq!(judge(good), Ok(()), "{good:?} was refused");
        }
    }

    #[test]
    fn decoding_merges_slashes_and_resolves_escapes() {
        for (path, decoded) in
            [("/admin/", "/admin/"), ("/%61dmin/", "/admin/"), ("//admin///x", "/admin/x"), ("/%zz", "/%zz")]
        {
            assert_eq!(decode(path).as_ref(), decoded.as_bytes(), "{path}");
        }
    }

    #[test]
    fn parameters_are_cut_off_segment_by_segment() {
        for (path, bare) in [
            ("/admin", None),
            ("/admin;x", Some("/admin")),
            ("/admin;v=1;w=2/x;y/", Some("/admin/x/")),
            ("/;/admin", Some("/admin")),
            (";", Some("")),
        ] {
            assert_eq!(without_parameters(path.as_bytes()).as_deref(), bare.map(str::as_bytes), "{path}");
        }
    }

    proptest! {
        #[test]
        fn r15_no_path_panics_and_none_that_passes_has_a_dot_segment(path in "/[ -~]{0,40}") {
            let judged = judge(&path);
            let decoded = decode(&path);
            if judged.is_ok() {
                let hidden = decoded.split(|b| *b == b'/').any(|segment| {
                    matches!(segment.split(|b| *b == b';').next(), Some(b"." | b".."))
                });
                prop_assert!(!hidden, "{path} hides a dot segment");
            }
        }

        #[test]
        fn r15_any_text_is_judged_without_panic(path in ".{0,60}") {
            let _ = judge(&path);
            let _ = decode(&path);
        }
    }
}
