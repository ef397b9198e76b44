//! A client's socket, with two things hyper does not do: it shows a raw `#` in the request target, which hyper would
//! cut off, and it gives a proper body to the answers hyper makes by itself to what is no request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Refuse;
use crate::patience::{Phase, Watch};

pub(super) struct Socket {
    stream: TcpStream,
    watch: Watch,
    refuse: Refuse,
    line: Line,
    /// What remains to be written in place of an answer of hyper's.
    instead: Option<Bytes>,
}

/// Where in a request's first line the bytes just read begin.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    Start,
    Within,
    Over,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, watch: Watch, refuse: Refuse) -> Self {
        Self { stream, watch, refuse, line: Line::Start, instead: None }
    }

    fn note_read(&mut self, bytes: &mut [u8]) {
        match self.watch.phase() {
            Phase::Idle => {
                self.watch.enter(Phase::Head);
                self.line = Line::Start;
            }
            Phase::Head => {}
            _ => return,
        }
        if self.line != Line::Over {
            self.line = show_number_sign(self.line, bytes);
        }
    }

    /// While no request has been handed on, what hyper writes is an answer of its own to a malformed one.
    fn own_answer(&self, buf: &[u8]) -> Option<Bytes> {
        if self.watch.phase() != Phase::Head || !buf.ends_with(b"\r\n\r\n") {
            return None;
        }
        let code = buf.strip_prefix(b"HTTP/1.1 ").or_else(|| buf.strip_prefix(b"HTTP/1.0 "))?.first_chunk::<3>()?;
        let status = StatusCode::from_bytes(code).ok()?;
        let status = match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if self.line != Line::Over => StatusCode::URI_TOO_LONG,
            status => status,
        };
        status.is_client_error().then(|| (self.refuse)(status))
    }

    fn poll_instead(&mut self, cx: &mut Context<'_>, replaced: usize) -> Poll<io::Result<usize>> {
        while let Some(rest) = &mut self.instead {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(written)) => rest.advance(written),
                other => return other,
            }
            if rest.is_empty() {
                self.instead = None;
            }
        }
        Poll::Ready(Ok(replaced))
    }
}

/// hyper drops a fragment without a word; as a backslash it is refused with the other ambiguous paths (R6).
fn show_number_sign(mut line: Line, bytes: &mut [u8]) -> Line {
    for byte in bytes {
        match (line, *byte) {
            (_, b'\n') if line == Line::Within => return Line::Over,
            // Empty lines before a request are allowed (RFC 9112 section 2.2).
            (Line::Start, b'\r' | b'\n') => {}
            (_, b'#') => *byte = b'\\',
            (Line::Start, _) => line = Line::Within,
            _ => {}
        }
    }
    line
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_ready() && buf.filled().len() > before {
            self.note_read(&mut buf.filled_mut()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_none() {
            self.instead = self.own_answer(buf);
        }
        if self.instead.is_some() {
            return self.poll_instead(cx, buf.len());
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.watch.phase() == Phase::Head {
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            return self.poll_write(cx, first);
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_a_raw_number_sign_in_the_first_line_becomes_visible() {
        for (read, shown, after) in [
            ("GET /a#b HTTP/1.1\r\nx: #\r\n", "GET /a\\b HTTP/1.1\r\nx: #\r\n", Line::Over),
            ("\r\n\r\nGET /#", "\r\n\r\nGET /\\", Line::Within),
            ("\r\n", "\r\n", Line::Start),
        ] {
            let mut bytes = read.as_bytes().to_vec();
            assert!(show_number_sign(Line::Start, &mut bytes) == after, "{read:?}");
            assert_eq!(String::from_utf8(bytes).unwrap(), shown);
        }
    }
}
