//! Where one request ends and the next begins, so that hyper is handed one at a time; and what hyper lets pass in a
//! head although another reader may take it otherwise (R6, R44).
//!
//! Nothing is decided here: what must be refused is made into something that hyper or `request` refuses.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

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
    /// Whether the request's target holds what hyper would not show: a `#`, which it cuts off, or a control character.
    pub(super) ambiguous: AtomicBool,
    /// The length of the request's first line, once that is over.
    pub(super) request_line: AtomicUsize,
    /// Whether everything asked has been answered and sent, and no byte of a next request has come.
    pub(super) at_rest: AtomicBool,
}

impl Turn {
    const UNKNOWN: u64 = u64::MAX;
    const CHUNKED: u64 = u64::MAX - 1;
    const TUNNEL: u64 = u64::MAX - 2;

    pub(super) const fn new() -> Self {
        Self {
            verdict: AtomicU64::new(Self::UNKNOWN),
            waiting: AtomicBool::new(false),
            at_rest: AtomicBool::new(false),
            ambiguous: AtomicBool::new(false),
            request_line: AtomicUsize::new(0),
        }
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
                turn.ambiguous.store(false, Ordering::Relaxed);
                *self = Self::new();
            }
            Self::Head(_) | Self::Exact(_) | Self::Chunked(_) | Self::Done | Self::Tunnel => {}
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Whether some of the current request's body has not been handed on.
    pub(super) fn expects_body(&self, turn: &Turn) -> bool {
        match self {
            Self::Asked => !matches!(turn.verdict.load(Ordering::Relaxed), 0 | Turn::UNKNOWN | Turn::TUNNEL),
            Self::Exact(_) | Self::Chunked(_) => true,
            Self::Head(_) | Self::Done | Self::Tunnel => false,
        }
    }

    /// Whether not a byte of the next request has been handed on.
    pub(super) const fn is_fresh(&self) -> bool {
        matches!(self, Self::Head(Head { line: Line::Before, length: 0, .. }))
    }

    pub(super) const fn in_head(&self) -> bool {
        matches!(self, Self::Head(_))
    }

    /// Whether the end of the request's first line has not been seen.
    pub(super) const fn in_request_line(&self) -> bool {
        matches!(self, Self::Head(Head { line: Line::Before | Line::Request, .. }))
    }

    /// How many of these bytes belong to the current request: all, unless it ends among them.
    pub(super) fn advance(&mut self, bytes: &mut [u8], turn: &Turn) -> usize {
        match self {
            Self::Head(head) => {
                let end = head.advance(bytes, turn);
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
    start: [u8; Self::START],
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
    /// `transfer-encoding: chunked`, its line's end, and some blanks nobody needs.
    const START: usize = 40;
    /// No head with one of these is a request.
    const POISON: u8 = 0;

    const fn new() -> Self {
        Self { line: Line::Before, start: [0; Self::START], length: 0, last: 0, framings: 0 }
    }

    /// Where the head ends, if it ends among these bytes.
    fn advance(&mut self, bytes: &mut [u8], turn: &Turn) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let newline = memchr::memchr(b'\n', &bytes[at..]);
            let end = newline.map_or(bytes.len(), |found| at + found + 1);
            let piece = &mut bytes[at..end];
            at = end;
            if self.line != Line::Header && hides_something(piece) {
                turn.ambiguous.store(true, Ordering::Relaxed);
            }
            self.note(piece);
            if newline.is_some() {
                if self.line == Line::Request {
                    turn.request_line.store(self.length, Ordering::Relaxed);
                }
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
        // A line feed alone ends a line for some readers and not for others.
        if self.last != b'\r' || self.length < 2 {
            return Over::Refused;
        }
        match (self.line, self.length) {
            (Line::Before, _) => Over::Next(Line::Before),
            (Line::Request, _) => Over::Next(Line::Header),
            (Line::Header, 2) => Over::Head,
            (Line::Header, _) if self.header_is_plain() => Over::Next(Line::Header),
            (Line::Header, _) => Over::Refused,
        }
    }

    /// Whether every reader takes this header alike, as far as framing goes.
    fn header_is_plain(&mut self) -> bool {
        let start = &self.start[..self.length.min(Self::START)];
        let value = |name: &[u8]| {
            let (start, value) = start.split_at_checked(name.len())?;
            start.eq_ignore_ascii_case(name).then_some(value)
        };
        if matches!(start[0], b' ' | b'\t') {
            // A line folded into the one before (RFC 9112 section 5.2).
            return false;
        }
        let coding = value(b"transfer-encoding:");
        if coding.is_some() || value(b"content-length:").is_some() {
            self.framings = self.framings.saturating_add(1);
        }
        // Any other coding would be lost on the way, and any list is one for somebody to read differently.
        self.framings < 2 && coding.is_none_or(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"))
    }
}

/// What the end of a line was.
enum Over {
    Next(Line),
    Refused,
    Head,
}

/// Whether a part of the first line holds what hyper cuts off or chokes on. Such a request goes on to be refused with a
/// word (R6, R25), so that a control character may become what hyper reads.
fn hides_something(line: &mut [u8]) -> bool {
    let mut found = memchr::memchr(b'#', line).is_some();
    for byte in line {
        if byte.is_ascii_control() && !matches!(byte, b'\r' | b'\n') {
            *byte = b'_';
            found = true;
        }
    }
    found
}

/// A chunked body so far (RFC 9112 section 7.1). hyper judges it; here only its end is found.
#[derive(Debug)]
pub(super) enum Chunk {
    Size(u64),
    Extension(u64),
    Data(u64),
    DataOver,
    /// Trailers: whether nothing of the current line has come but its CR, and whether that was the last byte.
    Trailers {
        empty: bool,
        cr: bool,
    },
}

impl Chunk {
    fn advance(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            *self = match *self {
                Self::Size(size) | Self::Extension(size) if byte == b'\n' => match size {
                    0 => Self::Trailers { empty: true, cr: false },
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
                Self::Trailers { empty: true, cr: true } if byte == b'\n' => return Some(at),
                Self::Trailers { cr: true, .. } if byte == b'\n' => Self::Trailers { empty: true, cr: false },
                Self::Trailers { empty, cr: false } if byte == b'\r' => Self::Trailers { empty, cr: true },
                Self::Trailers { .. } => {
                    if byte == b'\n' {
                        // hyper takes it for a part of the line until the trailers are over, and then for its end.
                        bytes[at - 1] = Head::POISON;
                    }
                    Self::Trailers { empty: false, cr: false }
                }
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is handed on when `bytes` come in pieces of `step`, how many belong to the request, whether it is ambiguous.
    fn head(bytes: &str, step: usize) -> (String, Option<usize>, bool) {
        let (mut head, turn) = (Head::new(), Turn::new());
        let mut shown = bytes.as_bytes().to_vec();
        let (mut before, mut end) = (0, None);
        for piece in shown.chunks_mut(step) {
            end = head.advance(piece, &turn).map(|end| before + end);
            if end.is_some() {
                break;
            }
            before += piece.len();
        }
        (String::from_utf8(shown).unwrap(), end, turn.ambiguous.into_inner())
    }

    #[test]
    fn r6_what_hyper_would_not_show_of_the_first_line_is_noticed() {
        for (read, ambiguous) in [
            ("GET /a#b HTTP/1.1\r\nx: y\r\n", true),
            ("\r\n\r\nGET /?#", true),
            ("GET /\u{1} ", true),
            ("#", true),
            ("GET /%23 HTTP/1.1\r\nx: #\t\r\n", false),
        ] {
            for step in 1..=read.len() {
                assert_eq!(head(read, step).2, ambiguous, "{read:?} by {step}");
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
            "GET / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            "GET / HTTP/1.1\r\ntransfer-encoding: chunkedx\r\n\r\n",
            "GET / HTTP/1.1\r\ntransfer-encoding:                     chunked, identity\r\n\r\n",
        ] {
            for step in 1..=bad.len() {
                assert!(head(bad, step).0.contains('\0'), "{bad:?} by {step}");
            }
        }
        let good =
            "\r\nGET / HTTP/1.1\r\ncontent-length: 5\r\ncontent-lengthy: 5\r\nx: transfer-encoding: gzip\r\n\r\nmore\n";
        for step in 1..=good.len() {
            assert_eq!(head(good, step), (good.to_owned(), Some(good.len() - 5), false), "by {step}");
        }
    }

    #[test]
    fn the_end_of_a_chunked_body_is_found() {
        for body in ["0\r\n\r\n", "5\r\nab\r\nc\r\n0\r\n\r\n", "A;x=\"y\"\r\n0123456789\r\n000;e\r\nt: 0\r\nu:\r\n\r\n"]
        {
            let all = format!("{body}GET / HTTP/1.1\r\n");
            for step in 1..=all.len() {
                let (mut framing, turn) = (Framing::Chunked(Chunk::Size(0)), Turn::new());
                let mut taken = 0;
                for piece in all.as_bytes().to_vec().chunks_mut(step) {
                    if !framing.is_done() {
                        taken += framing.advance(piece, &turn);
                    }
                }
                assert!(framing.is_done());
                assert_eq!(taken, body.len(), "{body:?} by {step}");
            }
        }
    }

    #[test]
    fn r44_a_line_feed_alone_ends_no_trailer() {
        for (trailers, poisoned) in
            [("a: b\n\r\n\r\n", true), ("\n\r\n\r\n", true), ("a: b\nc: d\r\n\r\n", true), ("a: b\r\n\r\n", false)]
        {
            let body = format!("0\r\n{trailers}");
            for step in 1..=body.len() {
                let (mut framing, mut bytes) = (Framing::Chunked(Chunk::Size(0)), body.clone().into_bytes());
                let taken: usize = bytes.chunks_mut(step).map(|piece| framing.advance(piece, &Turn::new())).sum();
                assert!(framing.is_done() && taken == body.len(), "{body:?} by {step}");
                assert_eq!(bytes.contains(&0), poisoned, "{body:?} by {step}");
            }
        }
    }

    #[test]
    fn each_request_waits_for_the_answer_to_the_one_before() {
        let (mut framing, turn) = (Framing::new(), Turn::new());
        let mut bytes = b"POST / HTTP/1.1\r\n\r\nbodyGET ".to_vec();
        assert_eq!(framing.advance(&mut bytes, &turn), 19);
        turn.request_began(Some(4));
        framing.proceed(&turn, false);
        assert_eq!(framing.advance(&mut bytes[19..], &turn), 4);
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
                    let taken = framing.advance(piece, &Turn::new());
                    prop_assert!(taken > 0 && taken <= piece.len());
                    if framing.is_done() { break; }
                }
            }
        }
    }
}
