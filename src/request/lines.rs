//! Header lines of the gate's own, as they go over the wire.

use http::{HeaderName, HeaderValue};

/// Lines that go to the upstream with a request's head. What is only passed on needs no place in a map, where it would
/// be hashed, looked for, and copied out again.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// With room for what most requests are given.
    #[must_use]
    pub(super) fn with_room() -> Self {
        Self(Vec::with_capacity(1024))
    }

    /// Nothing but a header gets in, so that no line can be two.
    pub fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.0.reserve(name.as_str().len() + value.len() + 4);
        self.0.extend_from_slice(name.as_str().as_bytes());
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value.as_bytes());
        self.0.extend_from_slice(b"\r\n");
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let lines = self.0.split(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\r"));
        lines.filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            Some((&line[..colon], line.get(colon + 2..)?))
        })
    }

    /// Adds what another has.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// They say who somebody is, and may hold a token: not for a log.
impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lines({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_out_as_headers_do_and_are_not_shown() {
        let mut lines = Lines::default();
        lines.add(
            &HeaderName::from_static("x-wechat-openid"),
            &HeaderValue::from_static("o6_bmjrPTlm6_2sgVt7hMZOPfL2M"),
        );
        let mut all = Lines::default();
        all.add(&http::header::HOST, &HeaderValue::from_static("m.example.com"));
        all.extend(&lines);
        assert_eq!(format!("{all:?}"), "Lines(68 bytes)");
        let read: Vec<_> = all.iter().map(|(name, value)| (name.escape_ascii().to_string(), value.len())).collect();
        assert_eq!(read, [("host".to_owned(), 13), ("x-wechat-openid".to_owned(), 28)]);
        assert_eq!(
            all.as_bytes(),
            "host: m.example.com\r\nx-wechat-openid: o6_bmjrPTlm6_2sgVt7hMZOPfL2M\r\n".as_bytes()
        );
    }
}
