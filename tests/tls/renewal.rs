//! Certificates that change under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustls::pki_types::CertificateDer;

use super::gate::{Gate, ask, connect, shown};
use crate::support::{eventually, log};

async fn certificate(gate: &Gate) -> CertificateDer<'static> {
    shown(&gate.connect(&gate.authority.stranger(), "localhost").await.expect("a handshake"))
}

#[tokio::test]
async fn certificates_are_renewed_under_handshakes_and_none_of_them_fails() {
    let gate = Gate::start().await;
    let mut kept = gate.connect(&gate.authority.stranger(), "localhost").await.expect("a handshake");
    let (over, shaken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (over, shaken) = (over.clone(), shaken.clone());
            let (address, config) = (gate.address, gate.authority.stranger());
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let mut stream = connect(address, &config, "localhost").await.expect("every handshake succeeds");
                    assert_eq!(ask(&mut stream).await.expect("an answer"), "HTTP/1.1 200 OK");
                    shaken.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..2 {
        let before = certificate(&gate).await;
        let texts = gate.authority.sign("localhost");
        gate.authority.put("localhost.cert", &texts.cert);
        gate.authority.put("localhost.key", &texts.key);
        eventually("the new certificate is shown", async || certificate(&gate).await != before).await;
        let so_far = shaken.load(Ordering::Relaxed);
        eventually("everybody goes on", async || shaken.load(Ordering::Relaxed) > so_far + 8).await;
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no handshake failed");
    }
    assert_eq!(ask(&mut kept).await.expect("a connection lives on"), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_pair_that_does_not_fit_together_is_told_to_the_log_and_not_shown() {
    let gate = Gate::start().await;
    let before = certificate(&gate).await;
    let texts = gate.authority.sign("localhost");
    gate.authority.put("localhost.cert", &texts.cert);
    let line = format!(
        "{}, line 1: is the private key of another certificate",
        gate.authority.path("localhost.key").display()
    );
    eventually("the log says so", async || log::everything().contains(&line)).await;
    assert_eq!(certificate(&gate).await, before);
    gate.authority.put("localhost.key", &texts.key);
    eventually("the pair is whole", async || certificate(&gate).await != before).await;
    let key = texts.key.lines().nth(1).expect("a line of it");
    assert!(!log::everything().contains(key), "R28");
}
