//! Opens connections to one upstream address.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::Error;
use crate::config::{self, UpstreamAddress};
use crate::stream::{Plain, Stream};

/// Resolves, connects, shakes hands, gives up in time.
#[derive(Debug)]
pub(super) struct Dialler {
    way: Way,
    /// For all of it.
    timeout: Duration,
}

#[derive(Debug)]
enum Way {
    Tcp(Tcp),
    Tls { tcp: Tcp, name: ServerName<'static>, tls: Tls },
    Unix(Box<Path>),
}

/// hyper-util's connector resolves anew each time and races IPv6 against IPv4 (RFC 8305).
#[derive(Debug)]
struct Tcp<R = GaiResolver> {
    connector: HttpConnector<R>,
    uri: Uri,
}

/// Keeps sessions, so that the next connection shakes hands faster.
#[derive(Clone)]
struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(…)")
    }
}

impl Dialler {
    pub(super) fn new(upstream: &config::Upstream) -> Self {
        let timeout = upstream.connect_timeout;
        let way = match &upstream.address {
            UpstreamAddress::Unix(path) => Way::Unix(path.as_path().into()),
            UpstreamAddress::Http { host, port } => Way::Tcp(Tcp::new(host, *port, timeout)),
            UpstreamAddress::Https { host, port } => Way::Tls {
                tcp: Tcp::new(host, *port, timeout),
                name: ServerName::try_from(host.clone()).expect("configuration checked the name"),
                tls: Tls::trusting(&upstream.extra_roots),
            },
        };
        Self { way, timeout }
    }

    pub(super) async fn dial(&self) -> Result<Stream, Error> {
        match tokio::time::timeout(self.timeout, self.connect()).await {
            Ok(stream) => stream.map_err(Error::Unreachable),
            Err(late) => Err(Error::Unreachable(late.into())),
        }
    }

    async fn connect(&self) -> Result<Stream, Box<dyn std::error::Error + Send + Sync>> {
        Ok(match &self.way {
            Way::Tcp(tcp) => Stream::Plain(Plain::Tcp(tcp.connect().await?)),
            Way::Tls { tcp, name, tls } => {
                let stream = tls.0.connect(name.clone(), Plain::Tcp(tcp.connect().await?)).await?;
                Stream::Tls(Box::new(stream.into()))
            }
            Way::Unix(path) => Stream::Plain(Plain::Unix(UnixStream::connect(path).await?)),
        })
    }
}

impl Tcp {
    fn new(host: &str, port: u16, timeout: Duration) -> Self {
        Self::by(HttpConnector::new(), host, port, timeout)
    }
}

impl<R: Clone> Tcp<R>
where
    HttpConnector<R>: Service<Uri, Response = TokioIo<TcpStream>, Error: std::error::Error + Send + Sync + 'static>,
{
    fn by(mut connector: HttpConnector<R>, host: &str, port: u16, timeout: Duration) -> Self {
        let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let uri = format!("http://{authority}/").parse().expect("configuration checked host and port");
        connector.set_nodelay(true);
        // Shared among the addresses of a name, so that a dead one does not use up all of it.
        connector.set_connect_timeout(Some(timeout));
        connector.set_keepalive(Some(Duration::from_secs(60)));
        Self { connector, uri }
    }

    async fn connect(&self) -> Result<TcpStream, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.connector.clone().call(self.uri.clone()).await?.into_inner())
    }
}

impl Tls {
    fn trusting(extra: &[CertificateDer<'static>]) -> Self {
        let mut config = crate::tls::client(extra);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(TlsConnector::from(Arc::new(config)))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::task::{Context, Poll};

    use hyper_util::client::legacy::connect::dns::Name;
    use tokio::net::TcpListener;

    use super::*;

    /// A name that leads to 127.0.0.1, then to 127.0.0.2, then to 127.0.0.3.
    #[derive(Clone, Default)]
    struct Moving(Arc<AtomicU8>);

    impl Service<Name> for Moving {
        type Response = std::iter::Once<SocketAddr>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, name: Name) -> Self::Future {
            assert_eq!(name.as_str(), "site.example");
            let last = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            ready(Ok(std::iter::once((Ipv4Addr::new(127, 0, 0, last), 0).into())))
        }
    }

    #[tokio::test]
    async fn a_name_is_looked_up_for_every_connection() {
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let connector = HttpConnector::new_with_resolver(Moving::default());
        let tcp = Tcp::by(connector, "site.example", port, Duration::from_secs(20));
        for last in 1..=3 {
            let stream = tcp.connect().await.expect("somebody listens");
            assert_eq!(stream.peer_addr().expect("an address").ip(), Ipv4Addr::new(127, 0, 0, last));
        }
    }
}
