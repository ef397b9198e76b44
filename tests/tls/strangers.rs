//! Whatever else can come to a port of TLS gets nothing, soon, and harms nobody.

use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::gate::{Authority, Gate, ask};

/// What a gate says until it closes the connection.
async fn said(gate: &Gate, sent: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(gate.address).await.expect("a connection");
    stream.write_all(sent).await.expect("sent");
    let mut said = Vec::new();
    // A reset is as good as a close.
    let _ = stream.read_to_end(&mut said).await;
    said
}

#[tokio::test]
async fn http_in_the_clear_is_told_that_tls_is_spoken_here() {
    let gate = Gate::start().await;
    for request in
        ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "x"]
    {
        let said = String::from_utf8(said(&gate, request.as_bytes()).await).expect("text");
        assert!(said.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{said}");
        assert!(said.contains("urn:wxgate:bad-request") && said.contains("https://"), "{said}");
    }
    assert_eq!(gate.world.site.requests(), 0);
}

#[tokio::test]
async fn r15_garbage_is_met_with_an_alert_at_most() {
    let gate = Gate::start().await;
    for garbage in [
        &b"\x00"[..],
        &[0xff; 4096],
        b"\x16\x03\x01\xff\xff\x01\x00\x00\x00",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x17\x03\x03\x00\x05hello",
        b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a",
    ] {
        let mut stream = TcpStream::connect(gate.address).await.expect("a connection");
        stream.write_all(garbage).await.expect("sent");
        stream.shutdown().await.expect("that was all");
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        // An alert is seven bytes.
        assert!(said.is_empty() || said[0] == 0x15 && said.len() == 7, "{garbage:?}: {said:?}");
    }
    let mut stream = gate.connect(&gate.authority.stranger(), "localhost").await.expect("a handshake");
    assert_eq!(ask(&mut stream).await.expect("an answer"), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn r24_a_handshake_that_stands_still_is_cut() {
    let gate = Gate::with("header_timeout = '1h'", "", "").await;
    // The same patience for a first request after the handshake.
    let mut stream = gate.connect(&gate.authority.stranger(), "localhost").await.expect("a handshake");
    stream.write_all(b"GET / HT").await.expect("sent");
    gate.reload("header_timeout = '1h'", "header_timeout = '200ms'");
    let in_time = async {
        // Nothing; the beginning of a record; a whole record of a hello that goes on in another.
        for sent in [&b""[..], b"\x16\x03\x01", b"\x16\x03\x01\x00\x05\x01\x00\x02\x00\x03"] {
            assert_eq!(said(&gate, sent).await, b"", "{sent:?}");
        }
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        assert!(said.starts_with(b"HTTP/1.1 408 "), "{said:?}");
    };
    tokio::time::timeout(Duration::from_secs(60), in_time).await.expect("none of them is waited for");
}

#[test]
fn a_certificate_that_is_wrong_stops_the_start_with_its_line() {
    let authority = Authority::new();
    let texts = authority.sign("m.example.com");
    authority.put("cert", &texts.cert);
    authority.put("key", &texts.key.replace("-----END PRIVATE KEY-----", ""));
    authority.put(
        "config.toml",
        "public_url = 'https://m.example.com'\nupstream = 'http://127.0.0.1:1'\n\
         [official_account]\napp_id = 'wx0123456789abcdef'\napp_secret = 'none-that-WeChat-knows'\n\
         [server.tls]\nlisten = '127.0.0.1:0'\ncert = 'cert'\nkey = 'key'\n",
    );
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wxgate"));
        let folder = authority.path("");
        for name in
            std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("WXGATE_"))
        {
            command.env_remove(name);
        }
        command.arg("run").current_dir(folder).output().expect("it runs")
    };
    let output = run();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("config.toml:9: server.tls.key: the file key, line 1: begins something that never ends."),
        "{said}"
    );
}
