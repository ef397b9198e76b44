//! Where one request ends and the next begins, so that hyper is handed one at a time; and what hyper lets pass in a
//! head although another reader may take it otherwise (R6, R44).
//!
//! Nothing is decided here: what must be refused is made into something that hyper or `request` refuses.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far the current request has been handed on.
#[derive(Debug)]
pub(super) enum Framing {
    Head(Head),
    /// The head is over; how the body is framed is hyper's to say.
    Asked,
    /// This many bytes are still to come.
    Exact(u64),
    Chunked(Chunk),
    /// What comes now is the next request's.
    Done,
    /// Another protocol's bytes, none of our business.
    Tunnel,
}

/// What the connection's other half tells this one.
#[derive(Debug)]
pub(super) struct Turn {
    verdict: AtomicU64,
    /// Whether bytes of a next request lie waiting.
    pub(super) waiting: AtomicBool,
}

impl Turn {
    const UNKNOWN: u64 = u64::MAX;
    const CHUNKED: u64 = u64::MAX - 1;
    const TUNNEL: u64 = u64::MAX - 2;

    pub(super) const fn new() -> Self {
        Self { verdict: AtomicU64::new(Self::UNKNOWN), waiting: AtomicBool::new(false) }
    }

    /// hyper has read a head: a body of `length` bytes follows it, or chunks.
    pub(super) fn request_began(&self, length: Option<u64>) {
        self.verdict.store(length.map_or(Self::CHUNKED, |length| length.min(Self::TUNNEL - 1)), Ordering::Relaxed);
    }

    /// Both sides speak another protocol from here on.
    pub(super) fn tunnel_began(&self) {
        self.verdict.store(Self::TUNNEL, Ordering::Relaxed);
    }
}

impl Framing {
    pub(super) const fn new() -> Self {
        Self::Head(Head::new())
    }

    /// Follows what the other half said; `answered`: nothing is owed to the client any more.
    pub(super) fn proceed(&mut self, turn: &Turn, answered: bool) {
        let verdict = turn.verdict.load(Ordering::Relaxed);
        match self {
            Self::Asked | Self::Done if verdict == Turn::TUNNEL => *self = Self::Tunnel,
            Self::Asked => {
                *self = match verdict {
                    // hyper still waits for the head's end: it will tell what that means.
                    Turn::UNKNOWN => Self::new(),
                    Turn::CHUNKED => Self::Chunked(Chunk::Size(0)),
                    0 => Self::Done,
                    length => Self::Exact(length),
                };
                self.proceed(turn, answered);
            }
            Self::Done if answered => {
                turn.verdict.store(Turn::UNKNOWN, Ordering::Relaxed);
                *self = Self::new();
            }
            Self::Head(_) | Self::Exact(_) | Self::Chunked(_) | Self::Done | Self::Tunnel => {}
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    pub(super) const fn in_head(&self) -> bool {
        matches!(self, Self::Head(_))
    }

    /// Whether the end of the request's first line has not been seen.
    pub(super) const fn in_request_line(&self) -> bool {
        matches!(self, Self::Head(Head { line: Line::Before | Line::Request, .. }))
    }

    /// How many of these bytes belong to the current request: all, unless it ends among them.
    pub(super) fn advance(&mut self, bytes: &mut [u8]) -> usize {
        match self {
            Self::Head(head) => {
                let end = head.advance(bytes);
                if end.is_some() {
                    *self = Self::Asked;
                }
                end.unwrap_or(bytes.len())
            }
            Self::Exact(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
                taken
            }
            Self::Chunked(chunk) => {
                let end = chunk.advance(bytes);
                if end.is_some() {
                    *self = Self::Done;
                }
                end.unwrap_or(bytes.len())
            }
            Self::Asked | Self::Done | Self::Tunnel => bytes.len(),
        }
    }
}

/// A head's line so far.
#[derive(Debug)]
pub(super) struct Head {
    line: Line,
    /// As much of it as tells the headers that frame a body.
    start: [u8; Self::NAME],
    length: usize,
    last: u8,
    /// How many headers said how long the body is.
    framings: u8,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Line {
    /// Empty lines before a request are allowed (RFC 9112 section 2.2).
    Before,
    Request,
    Header,
}

impl Head {
    /// `transfer-encoding:`
    const NAME: usize = 18;
    /// No head with one of these is a request.
    const POISON: u8 = 0;

    const fn new() -> Self {
        Self { line: Line::Before, start: [0; Self::NAME], length: 0, last: 0, framings: 0 }
    }

    /// Where the head ends, if it ends among these bytes.
    fn advance(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let newline = memchr::memchr(b'\n', &bytes[at..]);
            let end = newline.map_or(bytes.len(), |found| at + found + 1);
            let piece = &mut bytes[at..end];
            at = end;
            if self.line != Line::Header {
                show_number_sign(piece);
            }
            self.note(piece);
            if newline.is_some() {
                match self.line_over() {
                    Over::Next(line) => self.line = line,
                    Over::Refused => piece[piece.len() - 1] = Self::POISON,
                    Over::Head => return Some(at),
                }
                self.length = 0;
                self.last = b'\n';
            }
        }
        None
    }

    fn note(&mut self, piece: &[u8]) {
        if let Some(room) = self.start.get_mut(self.length..) {
            let fits = room.len().min(piece.len());
            room[..fits].copy_from_slice(&piece[..fits]);
        }
        self.length = self.length.saturating_add(piece.len());
        let text = piece.strip_suffix(b"\n").unwrap_or(piece);
        self.last = text.last().copied().unwrap_or(self.last);
        if self.line == Line::Before && self.length > 2 {
            self.line = Line::Request;
        }
    }

    fn line_over(&mut self) -> Over {
        let start = &self.start[..self.length.min(Self::NAME)];
        let names = |name: &[u8]| start.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        // A line feed alone ends a line for some readers and not for others.
        if self.last != b'\r' || self.length < 2 {
            return Over::Refused;
        }
        match (self.line, self.length) {
            (Line::Before, _) => Over::Next(Line::Before),
            (Line::Request, _) => Over::Next(Line::Header),
            (Line::Header, 2) => Over::Head,
            // A line folded into the one before (RFC 9112 section 5.2).
            (Line::Header, _) if matches!(start[0], b' ' | b'\t') => Over::Refused,
            (Line::Header, _) if names(b"content-length:") || names(b"transfer-encoding:") => {
                self.framings += 1;
                if self.framings > 1 { Over::Refused } else { Over::Next(Line::Header) }
            }
            (Line::Header, _) => Over::Next(Line::Header),
        }
    }
}

/// What the end of a line was.
enum Over {
    Next(Line),
    Refused,
    Head,
}

/// hyper drops a fragment without a word; as a backslash it is refused with the other ambiguous paths (R6).
fn show_number_sign(mut line: &mut [u8]) {
    while let Some(found) = memchr::memchr(b'#', line) {
        line[found] = b'\\';
        line = &mut line[found + 1..];
    }
}

/// A chunked body so far (RFC 9112 section 7.1). hyper judges it; here only its end is found.
#[derive(Debug)]
pub(super) enum Chunk {
    Size(u64),
    Extension(u64),
    Data(u64),
    DataOver,
    /// Trailers, with the length of the current line.
    Trailers(usize),
}

impl Chunk {
    fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            *self = match *self {
                Self::Size(size) | Self::Extension(size) if byte == b'\n' => match size {
                    0 => Self::Trailers(0),
                    size => Self::Data(size),
                },
                Self::Size(size) => match char::from(byte).to_digit(16) {
                    Some(digit) => Self::Size(size.saturating_mul(16).saturating_add(u64::from(digit))),
                    None => Self::Extension(size),
                },
                Self::Extension(size) => Self::Extension(size),
                Self::Data(left) => {
                    let here = (bytes.len() - at + 1) as u64;
                    let taken = left.min(here);
                    at += usize::try_from(taken - 1).expect("no more than what is here");
                    if taken == left { Self::DataOver } else { Self::Data(left - taken) }
                }
                Self::DataOver if byte == b'\n' => Self::Size(0),
                Self::DataOver => Self::DataOver,
                Self::Trailers(0) if byte == b'\n' => return Some(at),
                Self::Trailers(_) if byte == b'\n' => Self::Trailers(0),
                Self::Trailers(length) if byte == b'\r' => Self::Trailers(length),
                Self::Trailers(length) => Self::Trailers(length.saturating_add(1)),
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is handed on when `bytes` come in pieces of `step`, and how many belong to the request.
    fn head(bytes: &str, step: usize) -> (String, Option<usize>) {
        let mut head = Head::new();
        let mut shown = bytes.as_bytes().to_vec();
        let mut before = 0;
        for piece in shown.chunks_mut(step) {
            if let Some(end) = head.advance(piece) {
                return (String::from_utf8(shown).unwrap(), Some(before + end));
            }
            before += piece.len();
        }
        (String::from_utf8(shown).unwrap(), None)
    }

    #[test]
    fn r6_a_raw_number_sign_in_the_first_line_becomes_visible() {
        for (read, shown) in [
            ("GET /a#b#c HTTP/1.1\r\nx: #\r\n", "GET /a\\b\\c HTTP/1.1\r\nx: #\r\n"),
            ("\r\n\r\nGET /#", "\r\n\r\nGET /\\"),
            ("#", "\\"),
        ] {
            for step in 1..=read.len() {
                assert_eq!(head(read, step).0, shown, "{read:?} by {step}");
            }
        }
    }

    #[test]
    fn r44_heads_of_two_readings_are_poisoned() {
        for bad in [
            "GET / HTTP/1.1\n\r\n",
            "GET / HTTP/1.1\r\na: b\nc: d\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\r\n\n",
            "\nGET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\r\n\tc\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 5\r\ntransfer-ENCODING: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n",
        ] {
            for step in 1..=bad.len() {
                assert!(head(bad, step).0.contains('\0'), "{bad:?} by {step}");
            }
        }
        let good = "\r\nGET / HTTP/1.1\r\ncontent-length: 5\r\ncontent-lengthy: 5\r\n: \r\n\r\nmore\n";
        for step in 1..=good.len() {
            assert_eq!(head(good, step), (good.to_owned(), Some(good.len() - 5)), "by {step}");
        }
    }

    #[test]
    fn the_end_of_a_chunked_body_is_found() {
        for body in ["0\r\n\r\n", "5\r\nab\r\nc\r\n0\r\n\r\n", "A;x=\"y\"\r\n0123456789\r\n000;e\r\nt: 0\r\nu:\r\n\r\n"]
        {
            let all = format!("{body}GET / HTTP/1.1\r\n");
            for step in 1..=all.len() {
                let mut framing = Framing::Chunked(Chunk::Size(0));
                let mut taken = 0;
                for piece in all.as_bytes().to_vec().chunks_mut(step) {
                    if !framing.is_done() {
                        taken += framing.advance(piece);
                    }
                }
                assert!(framing.is_done());
                assert_eq!(taken, body.len(), "{body:?} by {step}");
            }
        }
    }

    #[test]
    fn each_request_waits_for_the_answer_to_the_one_before() {
        let (mut framing, turn) = (Framing::new(), Turn::new());
        let mut bytes = b"POST / HTTP/1.1\r\n\r\nbodyGET ".to_vec();
        assert_eq!(framing.advance(&mut bytes), 19);
        turn.request_began(Some(4));
        framing.proceed(&turn, false);
        assert_eq!(framing.advance(&mut bytes[19..]), 4);
        framing.proceed(&turn, false);
        assert!(framing.is_done());
        framing.proceed(&turn, true);
        assert!(framing.in_head() && framing.in_request_line());
    }

    proptest! {
        #[test]
        fn r15_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), step in 1usize..20, exact in any::<u64>()) {
            for mut framing in [Framing::new(), Framing::Chunked(Chunk::Size(0)), Framing::Exact(exact.max(1))] {
                for piece in bytes.clone().chunks_mut(step) {
                    let taken = framing.advance(piece);
                    prop_assert!(taken > 0 && taken <= piece.len());
                    if framing.is_done() { break; }
                }
            }
        }
    }
}
