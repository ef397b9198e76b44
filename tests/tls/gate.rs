//! A gate that speaks TLS, an authority that vouches for it, and clients that trust that authority.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite;
use wxgate::simulator::Settings;

use crate::support::{World, free_port};

/// Signs what it is asked to, and has a folder for it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate chain and its key.
pub struct Texts {
    pub cert: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, "an authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        Self { issuer, folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn sign(&self, name: &str) -> Texts {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let own = params.signed_by(&key, &self.issuer).expect("signed");
        Texts { cert: own.pem() + &self.issuer.pem(), key: key.serialize_pem() }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Puts a file there in one piece, as certbot does.
    pub fn put(&self, file: &str, text: &str) {
        std::fs::write(self.path("new"), text).expect("written");
        std::fs::rename(self.path("new"), self.path(file)).expect("renamed");
    }

    /// Whoever trusts this authority and offers these protocols.
    pub fn client(&self, versions: &[&'static SupportedProtocolVersion], protocols: &[&str]) -> ClientConfig {
        self.client_with(default_provider(), versions, protocols)
    }

    pub fn client_with(
        &self,
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("an authority");
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .expect("versions that go with the provider")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }

    /// Somebody who comes for the first time, every time.
    pub fn stranger(&self) -> Arc<ClientConfig> {
        let mut config = self.client(ALL_VERSIONS, &["http/1.1"]);
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }
}

/// The world with TLS beside the plain listener.
pub struct Gate {
    pub world: World,
    pub address: SocketAddr,
    pub authority: Authority,
}

impl Gate {
    pub async fn start() -> Self {
        Self::with("", "", "").await
    }

    /// With more lines of `[server]`, of `[server.tls]`, and of the rest of the file.
    pub async fn with(server: &str, tls: &str, rest: &str) -> Self {
        let authority = Authority::new();
        for name in ["localhost", "other.test"] {
            let texts = authority.sign(name);
            authority.put(&format!("{name}.cert"), &texts.cert);
            authority.put(&format!("{name}.key"), &texts.key);
        }
        let address = free_port();
        let shown = |path: &Path| path.display().to_string();
        let pair = |name: &str| {
            let [cert, key] = ["cert", "key"].map(|kind| shown(&authority.path(&format!("{name}.{kind}"))));
            format!("cert = '{cert}'\nkey = '{key}'\n")
        };
        let section = format!(
            "[server.tls]\nlisten = '{address}'\n{tls}\n{}[[server.tls.more]]\n{}",
            pair("localhost"),
            pair("other.test")
        );
        let edit = |text: String| {
            let line = text.lines().next().expect("public_url").to_owned();
            let text = text.replace(&line, &format!("public_url = 'https://localhost:{}'", address.port()));
            let text = text.replace("workers = 2\n", &format!("workers = 2\n{server}\n"));
            format!("{text}[[route]]\npath = '/open/**'\nauth = 'none'\n{rest}\n{section}")
        };
        let world = World::with(edit, Settings::default()).await;
        Self { world, address, authority }
    }

    /// Has `new` in place of `old` in its configuration: limits that would otherwise hold while a client gets ready.
    pub fn reload(&self, old: &str, new: &str) {
        assert!(self.world.text.contains(old), "{old}");
        self.world.reload(&self.world.text.replace(old, new)).expect("it is taken");
    }

    /// The address of a path, by TLS.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    pub async fn connect(&self, config: &Arc<ClientConfig>, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        connect(self.address, config, name).await
    }
}

pub async fn connect(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    TlsConnector::from(config.clone()).connect(name, TcpStream::connect(address).await?).await
}

/// Asks for a page of the site's that is open to everybody, and gives the first line of the answer.
pub async fn ask(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(b"GET /open/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let mut answer = Vec::new();
    // The site answers in JSON, whose last bytes are these.
    while !answer.ends_with(b"}") {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

/// The certificate that was shown.
pub fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().expect("a server has one")[0].clone().into_owned()
}

/// A site that speaks WebSocket and says everything back, until its visitor leaves: the library's own, so that every frame
/// is judged by somebody else.
pub fn echoing() -> (SocketAddr, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let echo = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut socket = tungstenite::accept(stream).expect("a handshake");
        while let Ok(message) = socket.read() {
            if !message.is_close() {
                socket.send(message).expect("sent");
            }
        }
    });
    (address, echo)
}
