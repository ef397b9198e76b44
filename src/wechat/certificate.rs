//! Certificates toward WeChat are always checked (R47).

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Instant;

use data_encoding::BASE64;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio::runtime::Handle;

use super::scripted::{OPENID, account, nowhere, token};
use super::*;
use crate::config::Endpoints;

/// For 127.0.0.1 and localhost, valid for a century, vouched for by nobody. Used nowhere else.
const CERTIFICATE: &str = "MIIBmjCCAUGgAwIBAgIULbK7LHAh0CmCZs3mrnWKgTJ4q2AwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE3MDEw\
M1oYDzIxMjYxMDI5MTcwMTAzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATSt9syKUmJMdzbjRqOgK66\
2pfJtx+c/MfeQ+SKOYiZaS8po+oEZmtcAkpwy6XTdw1YQRE9yOjyzpuJ7R+fcBG/o28wbTAdBgNVHQ4EFgQUw6/vYvk3LNsTvpNZ5GqgEdKFxWUw\
HwYDVR0jBBgwFoAUw6/vYvk3LNsTvpNZ5GqgEdKFxWUwDwYDVR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI\
zj0EAwIDRwAwRAIgF463GrtFEctPDK08NyJBhPKULYTXXx3ULrei0YyhFR0CIAKNKFprqJPm8ShPPA0jw+BHekFvcZm3PGUq4GdGroYt";
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6LUU0/D/qi2Vu1NFes30kkPXOUnWRwUJuGEgOyOJ94qhRANCAATSt9syKUmJMdzb\
jRqOgK662pfJtx+c/MfeQ+SKOYiZaS8po+oEZmtcAkpwy6XTdw1YQRE9yOjyzpuJ7R+fcBG/";

/// Answers one connection with a perfectly good token, if its client gets that far.
fn serve(listener: &TcpListener) -> Result<(), std::io::Error> {
    let decode = |text: &str| BASE64.decode(text.as_bytes()).expect("base64");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(decode(CERTIFICATE))], PrivatePkcs8KeyDer::from(decode(KEY)).into())
        .expect("a certificate and its key");
    let connection = ServerConnection::new(Arc::new(config)).expect("a complete configuration");
    let mut stream = StreamOwned::new(connection, listener.accept()?.0);
    let mut request = [0; 4096];
    let length = stream.read(&mut request)?;
    assert!(request[..length].starts_with(b"GET "));
    let body = token(OPENID, "snsapi_base");
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    stream.flush()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn r47_a_certificate_that_nobody_vouches_for_is_refused() {
    for host in ["localhost", "127.0.0.1"] {
        while !is_refused(host).await {}
    }
}

/// `false` where the machine stood still for so long that the client had given up before it saw a certificate.
async fn is_refused(host: &str) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let api = format!("https://{host}:{}", listener.local_addr().expect("a bound socket").port());
    let server = std::thread::spawn(move || serve(&listener));
    let endpoints = Endpoints { api, ..nowhere() };
    let client = Client::new(&account(), &endpoints, Handle::current()).expect("TLS can be set up");
    let began = Instant::now();
    let error = client.user_token("CODE").await.expect_err("nobody vouches for it");
    assert_eq!(error.trouble, Trouble::Unreachable);
    assert!(server.join().expect("no panic").is_err(), "the request was never sent");
    if began.elapsed() >= http::CONNECT_TIMEOUT {
        return false;
    }
    assert!(error.to_string().contains("certificate"), "{error}");
    true
}
