//! A connection that replaces itself: when a used one turns out closed before a byte of the answer came, what was
//! written of the request is written once more, on a new connection, and nobody notices.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::dial::Dialler;
use super::prelude::Prelude;
use crate::stream::Stream;

/// What the sender of a request and its connection tell each other.
#[derive(Debug, Default)]
pub(super) struct Errand {
    /// The request under way may be written twice.
    repeatable: AtomicBool,
    /// It has been.
    replaced: AtomicBool,
    /// What the next head to be written lacks; taken when that comes.
    lines: Mutex<Vec<u8>>,
    lacking: AtomicBool,
    prelude: Prelude,
}

impl Errand {
    pub(super) fn begin(&self, repeatable: bool, lines: &[u8]) {
        self.prelude.begin();
        self.repeatable.store(repeatable, Ordering::Relaxed);
        self.lacking.store(!lines.is_empty(), Ordering::Relaxed);
        let mut lacking = self.lines();
        lacking.clear();
        lacking.extend_from_slice(lines);
    }

    /// The answer is there.
    pub(super) fn answered(&self) {
        self.prelude.end();
    }

    /// Whether the connection was closed and replaced since this was last asked.
    pub(super) fn was_replaced(&self) -> bool {
        self.replaced.load(Ordering::Relaxed) && self.replaced.swap(false, Ordering::Relaxed)
    }

    fn is_repeatable(&self) -> bool {
        self.repeatable.load(Ordering::Relaxed)
    }

    /// Both sides keep a buffer, and exchange them.
    fn take_lines(&self, lines: &mut Lines) {
        if self.lacking.load(Ordering::Relaxed) {
            self.lacking.store(false, Ordering::Relaxed);
            std::mem::swap(&mut lines.bytes, &mut *self.lines());
            lines.written = 0;
        }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<u8>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a head lacks, and how much of that has been written.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    written: usize,
}

impl Lines {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }
}

pub(super) struct Replaying {
    stream: Stream,
    dialler: Arc<Dialler>,
    errand: Arc<Errand>,
    /// What remains to be added to the head that is being written.
    lines: Lines,
    /// Of a request that may be written twice, what has been written so far.
    written: Vec<u8>,
    successor: Option<Successor>,
}

type Successor = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

impl Replaying {
    /// A head in two pieces, its lines between them, and what there is of a body.
    const PIECES: usize = 8;

    pub(super) fn new(stream: Stream, dialler: Arc<Dialler>, errand: Arc<Errand>) -> Self {
        Self { stream, dialler, errand, lines: Lines::default(), written: Vec::new(), successor: None }
    }

    /// Begins anew where that is allowed, once.
    fn begin_again(&mut self) -> bool {
        if !self.errand.is_repeatable() {
            return false;
        }
        self.errand.repeatable.store(false, Ordering::Relaxed);
        self.errand.replaced.store(true, Ordering::Relaxed);
        let (dialler, written) = (self.dialler.clone(), std::mem::take(&mut self.written));
        self.successor = Some(Box::pin(async move {
            let mut stream = dialler.dial().await.map_err(|error| io::Error::other(NoSuccessor(error)))?;
            stream.write_all(&written).await?;
            stream.flush().await?;
            Ok(stream)
        }));
        true
    }

    fn poll_successor(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(successor) = &mut self.successor {
            let stream = ready!(successor.as_mut().poll(cx));
            self.successor = None;
            self.stream = stream?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_written(&mut self, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_successor(cx))?;
            match ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)) {
                Ok(count) => {
                    if self.errand.is_repeatable() {
                        self.note(bufs, count);
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if is_gone(&error) && self.begin_again() => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Writes a head with the lines it lacks before the empty one at its end. What is counted is what hyper knows of.
    fn poll_completed(&mut self, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let lines = std::mem::take(&mut self.lines);
            let (head, more) = bufs.split_first().map_or((&[][..], &[][..]), |(head, more)| (&**head, more));
            let end = if lines.written == 0 { end_of_lines(head)? } else { 0 };
            let mut pieces = [io::IoSlice::new(&[]); Self::PIECES];
            pieces[0] = io::IoSlice::new(&head[..end]);
            pieces[1] = io::IoSlice::new(lines.rest());
            pieces[2] = io::IoSlice::new(&head[end..]);
            let taken = more.len().min(Self::PIECES - 3);
            pieces[3..3 + taken].copy_from_slice(&more[..taken]);

            let polled = self.poll_written(cx, &pieces[..3 + taken]);
            self.lines = lines;
            let count = ready!(polled)?;
            let ours = count.saturating_sub(end).min(self.lines.rest().len());
            self.lines.written += ours;
            // Of lines alone hyper knows nothing, and it would take nothing for the end.
            if count > ours || count == 0 {
                return Poll::Ready(Ok(count - ours));
            }
        }
    }

    fn note(&mut self, bufs: &[io::IoSlice<'_>], mut count: usize) {
        for buf in bufs {
            let taken = &buf[..count.min(buf.len())];
            self.written.extend_from_slice(taken);
            count -= taken.len();
        }
    }
}

/// The upstream closed the connection and takes no other.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NoSuccessor(super::Error);

/// Where in a head, or in what remains of it to be written, there is room for lines: before the empty one at its end.
fn end_of_lines(head: &[u8]) -> io::Result<usize> {
    // hyper hands over the whole of a head at once. Were that to change, no request would go out incomplete.
    match head.strip_suffix(b"\r\n") {
        Some(lines) if lines.is_empty() || lines.ends_with(b"\n") => Ok(lines.len()),
        _ => Err(io::Error::other("a request's head does not end where it should")),
    }
}

/// How a connection fails whose other end had closed it.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

impl AsyncRead for Replaying {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            ready!(this.poll_successor(cx))?;
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, buf));
            let over = match &read {
                Ok(()) => buf.filled().len() == before,
                Err(error) => is_gone(error),
            };
            // A connection that ends before anything was written is hyper's to report: it gives the request back.
            if over && !this.written.is_empty() && this.begin_again() {
                continue;
            }
            // An answer has begun, and no other will.
            if !this.written.is_empty() {
                this.written.clear();
                this.errand.repeatable.store(false, Ordering::Relaxed);
            }
            return Poll::Ready(read.and_then(|()| this.errand.prelude.take(buf.filled().len() - before)));
        }
    }
}

impl AsyncWrite for Replaying {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.errand.take_lines(&mut this.lines);
        if this.lines.rest().is_empty() { this.poll_written(cx, bufs) } else { this.poll_completed(cx, bufs) }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            ready!(this.poll_successor(cx))?;
            match ready!(Pin::new(&mut this.stream).poll_flush(cx)) {
                Err(error) if is_gone(&error) && this.begin_again() => {}
                flushed => return Poll::Ready(flushed),
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;

    use super::*;
    use crate::config::{Upstream, UpstreamAddress};
    use crate::stream::Plain;

    const HEAD: &str = "POST / HTTP/1.1\r\nhost: m.example.com\r\n\r\n";
    const BODY: &str = "a body";

    fn dialler() -> Arc<Dialler> {
        let timeout = Duration::from_secs(20);
        Arc::new(Dialler::new(&Upstream {
            address: UpstreamAddress::Unix("/nowhere".into()),
            connect_timeout: timeout,
            response_timeout: timeout,
            idle_timeout: timeout,
            preserve_host: true,
            extra_roots: Vec::new(),
        }))
    }

    /// What arrives of two requests, the first with these lines, when a reader takes `pace` bytes at a time.
    async fn sent(lines: &str, pace: usize) -> String {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let errand = Arc::<Errand>::default();
        let mut connection = Replaying::new(Stream::Plain(Plain::Unix(ours)), dialler(), errand.clone());
        let reading = tokio::spawn(async move {
            let (mut all, mut piece) = (Vec::new(), vec![0; pace]);
            while let Ok(count @ 1..) = theirs.read(&mut piece).await {
                all.extend_from_slice(&piece[..count]);
            }
            String::from_utf8(all).expect("text")
        });
        for lines in [lines, ""] {
            errand.begin(false, lines.as_bytes());
            let (mut head, mut body) = (HEAD.as_bytes(), BODY.as_bytes());
            while !body.is_empty() {
                let pieces = [io::IoSlice::new(head), io::IoSlice::new(body)];
                let count = connection.write_vectored(&pieces).await.expect("somebody reads");
                assert!((1..=head.len() + body.len()).contains(&count), "{count} of what it was given");
                let of_head = count.min(head.len());
                (head, body) = (&head[of_head..], &body[count - of_head..]);
            }
        }
        drop(connection);
        reading.await.expect("the reader reads")
    }

    #[tokio::test]
    async fn lines_are_added_to_one_head_however_it_is_written() {
        for (lines, pace) in
            [("x-wechat-openid: o1\r\n".to_owned(), 7), ("x-wechat-avatar: …\r\n".repeat(50_000), 4096)]
        {
            let head = HEAD.strip_suffix("\r\n").expect("it ends so");
            assert!(sent(&lines, pace).await == format!("{head}{lines}\r\n{BODY}{HEAD}{BODY}"), "by {pace}");
        }
    }

    #[test]
    fn no_head_goes_out_without_its_lines() {
        for (rest, room) in [
            (HEAD, Some(HEAD.len() - 2)),
            ("\n\r\n", Some(1)),
            ("\r\n", Some(0)),
            ("\n", None),
            ("", None),
            ("host: a\r\n", None),
            ("POST / HTTP/1.1\r\nhost: a\r\n\r\na body", None),
        ] {
            assert_eq!(end_of_lines(rest.as_bytes()).ok(), room, "{rest:?}");
        }
    }
}
