//! Opens connections to one upstream address.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

use super::Error;
use crate::config::UpstreamAddress;

/// Resolves, connects, gives up in time.
#[derive(Debug)]
pub(super) enum Dialler {
    /// hyper-util's connector resolves anew each time and races IPv6 against IPv4 (RFC 8305).
    Tcp {
        connector: HttpConnector,
        uri: Uri,
    },
    Unix {
        path: Box<Path>,
        timeout: Duration,
    },
}

impl Dialler {
    pub(super) fn new(address: &UpstreamAddress, timeout: Duration) -> Self {
        match address {
            UpstreamAddress::Unix(path) => Self::Unix { path: path.as_path().into(), timeout },
            UpstreamAddress::Http { host, port } => {
                let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
                let uri = format!("http://{authority}/").parse().expect("configuration checked host and port");
                let mut connector = HttpConnector::new();
                connector.set_nodelay(true);
                connector.set_connect_timeout(Some(timeout));
                connector.set_keepalive(Some(Duration::from_secs(60)));
                Self::Tcp { connector, uri }
            }
        }
    }

    pub(super) async fn dial(&self) -> Result<Stream, Error> {
        match self {
            Self::Tcp { connector, uri } => {
                let stream = connector.clone().call(uri.clone()).await;
                stream.map(|stream| Stream::Tcp(stream.into_inner())).map_err(|error| Error::Unreachable(error.into()))
            }
            Self::Unix { path, timeout } => match tokio::time::timeout(*timeout, UnixStream::connect(path)).await {
                Ok(stream) => stream.map(Stream::Unix).map_err(|error| Error::Unreachable(error.into())),
                Err(late) => Err(Error::Unreachable(late.into())),
            },
        }
    }
}

/// A connection of either kind.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
