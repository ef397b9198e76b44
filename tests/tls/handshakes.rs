//! Handshakes that succeed: versions, protocols, names, and shorter ones the second time.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use rustls::client::{Resumption, Tls12Resumption};
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, HandshakeKind, ProtocolVersion, SupportedProtocolVersion};

use super::gate::{Gate, ask, shown};

const BOTH: [(&SupportedProtocolVersion, ProtocolVersion); 2] =
    [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)];

#[tokio::test]
async fn either_version_speaks_either_protocol() {
    let gate = Gate::start().await;
    for (only, version) in BOTH {
        for (offered, agreed) in [
            (&["http/1.1"][..], Some("http/1.1")),
            (&["h2"], Some("h2")),
            (&["http/1.1", "h2"], Some("h2")),
            (&["spdy/3", "http/1.1"], Some("http/1.1")),
            (&[], None),
        ] {
            let config = Arc::new(gate.authority.client(&[only], offered));
            let mut stream = gate.connect(&config, "localhost").await.expect("a handshake");
            let session = stream.get_ref().1;
            assert_eq!(session.protocol_version(), Some(version));
            assert_eq!(session.alpn_protocol(), agreed.map(str::as_bytes), "{offered:?}");
            if agreed == Some("h2") {
                assert_eq!(asked_by_http2(stream).await, StatusCode::OK);
            } else {
                assert_eq!(ask(&mut stream).await.expect("an answer"), "HTTP/1.1 200 OK");
            }
        }
    }
}

#[derive(Clone)]
struct Spawn;

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Spawn {
    fn execute(&self, task: F) {
        tokio::spawn(task);
    }
}

async fn asked_by_http2(stream: tokio_rustls::client::TlsStream<tokio::net::TcpStream>) -> StatusCode {
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(Spawn, TokioIo::new(stream)).await.expect("HTTP/2");
    let driven = tokio::spawn(connection);
    let request = Request::get("https://localhost/open/").body(Empty::<Bytes>::new()).expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    let status = answer.status();
    assert!(!answer.into_body().collect().await.expect("a whole body").to_bytes().is_empty());
    driven.abort();
    status
}

#[tokio::test]
async fn a_client_that_speaks_no_protocol_of_ours_is_told() {
    let gate = Gate::start().await;
    let config = Arc::new(gate.authority.client(ALL_VERSIONS, &["spdy/3"]));
    let error = gate.connect(&config, "localhost").await.expect_err("nothing in common").to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn each_name_gets_its_certificate_and_everybody_else_the_first() {
    let gate = Gate::start().await;
    let config = gate.authority.stranger();
    let first = shown(&gate.connect(&config, "localhost").await.expect("a handshake"));
    let other = shown(&gate.connect(&config, "other.test").await.expect("a handshake"));
    assert_ne!(first, other);
    for name in ["unknown.test", "127.0.0.1"] {
        let error = gate.connect(&config, name).await.expect_err("the first one has another name").to_string();
        assert!(error.contains("localhost") && !error.contains("other.test"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_client_that_comes_back_makes_a_short_handshake() {
    let gate = Gate::start().await;
    for (what, only, known_by) in [
        ("1.3 by ticket", &TLS13, Tls12Resumption::SessionIdOrTickets),
        ("1.2 by ticket", &TLS12, Tls12Resumption::SessionIdOrTickets),
        ("1.2 by id", &TLS12, Tls12Resumption::SessionIdOnly),
    ] {
        let mut config = gate.authority.client(&[only], &["http/1.1"]);
        config.resumption = Resumption::in_memory_sessions(8).tls12_resumption(known_by);
        config.enable_early_data = true;
        let config = Arc::new(config);
        // One per worker at least: what one of them knows the other knows too.
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let mut stream = gate.connect(&config, "localhost").await.expect("a handshake");
            assert_eq!(ask(&mut stream).await.expect("an answer"), "HTTP/1.1 200 OK");
            let session = stream.get_ref().1;
            assert_eq!(session.handshake_kind(), Some(kind), "{what}");
            assert!(!session.is_early_data_accepted(), "{what}: early data can be sent again by anybody");
        }
    }
}

#[tokio::test]
async fn of_the_suites_a_client_knows_the_gate_chooses() {
    let gate = Gate::start().await;
    for (only, _) in BOTH {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites.reverse();
        let config = gate.authority.client_with(provider, &[only], &["http/1.1"]);
        let stream = gate.connect(&Arc::new(config), "localhost").await.expect("a handshake");
        let suite = stream.get_ref().1.negotiated_cipher_suite().expect("one").suite();
        assert!(format!("{suite:?}").ends_with("AES_256_GCM_SHA384"), "{suite:?}");
    }
}
