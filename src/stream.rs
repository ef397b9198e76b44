//! The bytes of a connection, a client's or the upstream's: over TCP or a unix socket, inside TLS or not.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

/// What HTTP is spoken over.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Plain),
    // What rustls keeps for it is over a kilobyte.
    Tls(Box<TlsStream<Plain>>),
}

/// A connection as it was accepted or opened.
#[derive(Debug)]
pub(crate) enum Plain {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Plain {
    /// Writes what fits at once.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    /// Reads what is there.
    pub(crate) fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(bytes),
            Self::Unix(stream) => stream.try_read(bytes),
        }
    }

    /// Looks at what is there, and leaves it there.
    pub(crate) fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        fn look(socket: impl AsFd, bytes: &mut [u8]) -> io::Result<usize> {
            Ok(recv(socket, bytes, RecvFlags::PEEK)?.0)
        }
        match self {
            Self::Tcp(stream) => stream.try_io(Interest::READABLE, || look(stream, bytes)),
            Self::Unix(stream) => stream.try_io(Interest::READABLE, || look(stream, bytes)),
        }
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
        }
    }

    fn try_read_buf(&self, held: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read_buf(held),
            Self::Unix(stream) => stream.try_read_buf(held),
        }
    }

    fn poll_held(&self, cx: &mut Context<'_>, held: &mut BytesMut, room: usize) -> Poll<io::Result<bool>> {
        // Mostly nothing is there, and then nothing must be prepared for it.
        ready!(self.poll_read_ready(cx))?;
        held.reserve(room);
        let read = self.try_read_buf(held);
        if held.is_empty() {
            *held = BytesMut::new();
        }
        match read {
            Ok(count) => Poll::Ready(Ok(count > 0)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Stream {
    /// Reads into `held`, which is empty and given room only once something is there. `false` at the end.
    pub(crate) fn poll_held(
        &mut self,
        cx: &mut Context<'_>,
        held: &mut BytesMut,
        room: usize,
    ) -> Poll<io::Result<bool>> {
        match self {
            Self::Plain(stream) => stream.poll_held(cx, held, room),
            Self::Tls(stream) => {
                let here = ready!(Pin::new(&mut *stream).poll_fill_buf(cx))?;
                let taken = here.len().min(room);
                held.extend_from_slice(&here[..taken]);
                Pin::new(stream).consume(taken);
                Poll::Ready(Ok(taken > 0))
            }
        }
    }

    /// Waits for the first bytes, which may come into `held`. `false` when there are none to wait for.
    pub(crate) fn poll_something(
        &mut self,
        cx: &mut Context<'_>,
        held: &mut BytesMut,
        room: usize,
    ) -> Poll<io::Result<bool>> {
        match self {
            // A look, not a read: who only says goodbye needs no reader made for it.
            Self::Plain(Plain::Tcp(stream)) => {
                stream.poll_peek(cx, &mut ReadBuf::new(&mut [0])).map_ok(|bytes| bytes > 0)
            }
            Self::Plain(Plain::Unix(_)) | Self::Tls(_) => self.poll_held(cx, held, room),
        }
    }
}

/// Reads and writes by whichever of these it is.
macro_rules! pass_on {
    ($name:ident: $($kind:ident),+) => {
        impl AsyncRead for $name {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$kind(stream) => Pin::new(stream).poll_read(cx, buf),)+
                }
            }
        }

        impl AsyncWrite for $name {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $(Self::$kind(stream) => Pin::new(stream).poll_write(cx, buf),)+
                }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $(Self::$kind(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),)+
                }
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$kind(stream) => Pin::new(stream).poll_flush(cx),)+
                }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$kind(stream) => Pin::new(stream).poll_shutdown(cx),)+
                }
            }
        }
    };
}

pass_on!(Plain: Tcp, Unix);
pass_on!(Stream: Plain, Tls);
