//! Sites that speak TLS: trusted by the operator's authority, known by their name, and otherwise like any other.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use rcgen::{CertifiedKey, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey as ServerKey;
use tempfile::NamedTempFile;

use super::gate::{Wants, before_url};
use super::origin::{OK, Origin};
use super::wire::{Wire, ask, get};
use crate::support::{World, eventually};

/// A site with a certificate for `name`, which is its own authority, and the names it was asked for.
struct Site {
    origin: Origin,
    authority: NamedTempFile,
    asked_for: Arc<Mutex<Vec<Option<String>>>>,
}

#[derive(Debug)]
struct Resolver {
    key: Arc<ServerKey>,
    asked_for: Arc<Mutex<Vec<Option<String>>>>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<ServerKey>> {
        self.asked_for.lock().expect("whole").push(hello.server_name().map(str::to_owned));
        Some(self.key.clone())
    }
}

fn server(name: &str, asked_for: &Arc<Mutex<Vec<Option<String>>>>) -> (Arc<ServerConfig>, NamedTempFile) {
    let certified: CertifiedKey<KeyPair> =
        rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let authority = NamedTempFile::new().expect("a temporary file");
    std::fs::write(&authority, certified.cert.pem()).expect("written");
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = ServerKey::from_der(vec![certified.cert.der().clone()], key, &provider).expect("they match");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Resolver { key: Arc::new(key), asked_for: asked_for.clone() }));
    (Arc::new(config), authority)
}

impl Site {
    async fn named(name: &str) -> Self {
        let asked_for = Arc::default();
        let (config, authority) = server(name, &asked_for);
        let origin = Origin::tls(config, |conversation| conversation.always(OK)).await;
        Self { origin, authority, asked_for }
    }

    async fn trusted(&self) -> World {
        let upstream = format!("ca_file = '{}'", self.authority.path().display());
        before_url(&self.url("localhost"), Wants { upstream: &upstream, ..Wants::default() }).await
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.origin.address.port())
    }
}

#[tokio::test]
async fn a_site_with_a_certificate_of_the_operators_own_is_spoken_to_by_tls() {
    let site = Site::named("localhost").await;
    let world = site.trusted().await;
    let mut wire = Wire::connect(world.gate).await;
    let began = Instant::now();
    for target in ["/open/a", "/open/b?c=d"] {
        assert_eq!(wire.ask(get(target, "")).await.text(), "ok");
        let seen = site.origin.last();
        assert_eq!((seen.target(), seen.header("host")), (target, Some("m.example.com")));
        assert_eq!(seen.header("x-forwarded-proto"), Some("http"), "of the visitor's way, not of this one");
    }
    // A handshake is dear: the connection is used again.
    site.origin.had_connections(1, began);
    assert!(site.asked_for.lock().expect("whole").iter().all(|name| name.as_deref() == Some("localhost")));
}

#[tokio::test]
async fn a_site_nobody_vouches_for_gets_no_request() {
    let site = Site::named("localhost").await;
    let world = before_url(&site.url("localhost"), Wants::default()).await;
    assert_eq!(ask(world.gate, get("/open/", "")).await.problem(), (502, "upstream-unreachable".to_owned()));
    assert!(site.origin.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_none() {
    let site = Site::named("other.test").await;
    let world = site.trusted().await;
    assert_eq!(ask(world.gate, get("/open/", "")).await.problem(), (502, "upstream-unreachable".to_owned()));
    assert!(site.origin.requests().is_empty());
}

#[tokio::test]
async fn large_bodies_pass_through_tls_both_ways() {
    const SIZE: usize = 8 << 20;
    let (asked_for, answer) = (Arc::default(), "x".repeat(SIZE));
    let (config, authority) = server("localhost", &asked_for);
    let origin = Origin::tls(config, move |mut conversation| {
        let answer = answer.clone();
        async move {
            while conversation.request().await.is_some() {
                conversation.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n{answer}")).await;
            }
        }
    })
    .await;
    let upstream = format!("ca_file = '{}'", authority.path().display());
    let url = format!("https://localhost:{}", origin.address.port());
    let world = before_url(&url, Wants { upstream: &upstream, ..Wants::default() }).await;
    let sent = "y".repeat(SIZE);
    let request = format!("POST /open/ HTTP/1.1\r\nHost: m.example.com\r\nContent-Length: {SIZE}\r\n\r\n{sent}");
    let answer = ask(world.gate, request).await;
    assert!(answer.body.len() == SIZE && answer.body.iter().all(|byte| *byte == b'x'));
    assert!(origin.last().body == sent.as_bytes());
}

#[tokio::test]
async fn a_tls_connection_the_site_has_closed_is_replaced_unseen() {
    let asked_for = Arc::default();
    let (config, authority) = server("localhost", &asked_for);
    // The second request of each connection is read and met with silence and a close.
    let origin = Origin::tls(config, async |mut conversation| {
        conversation.request().await;
        conversation.say(OK).await;
        conversation.request().await;
    })
    .await;
    let upstream = format!("ca_file = '{}'", authority.path().display());
    let url = format!("https://localhost:{}", origin.address.port());
    let world = before_url(&url, Wants { upstream: &upstream, ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    for _ in 0..4 {
        assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
    }
    drop(origin);
    eventually("the gate notices", async || wire.ask(get("/open/", "")).await.status() == 502).await;
}
