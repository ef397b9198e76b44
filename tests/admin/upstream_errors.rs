//! Sites that fail, counted by how.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wxgate::simulator::Settings;

use super::metrics::scrape;
use super::operator::section;
use crate::support::{World, eventually, free_port};

/// A site that answers every connection with these bytes, after having read a request, and closes.
async fn site(answer: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn each_failure_of_the_site_has_its_kind() {
    let (nonsense, cut) =
        (site("nonsense\r\n\r\n").await, site("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await);
    // It accepts nothing: the kernel does, and nobody reads.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let route = |path: &str, upstream: std::net::SocketAddr| {
        format!("[[route]]\npath = '{path}'\nauth = 'none'\n[route.upstream]\nurl = 'http://{upstream}'\n")
    };
    let routes = route("/nonsense", nonsense)
        + &route("/cut", cut)
        + &route("/closed", free_port())
        + &route("/silent", silent.local_addr().expect("an address"))
        + "response_timeout = '50ms'\n";
    let world = World::with(|text| text + &section() + &routes, Settings::default()).await;
    for (path, status) in [("/nonsense", 502), ("/silent", 504), ("/closed", 502), ("/closed", 502)] {
        assert_eq!(world.browser("curl").fetch(&world.url(path)).await.status, status, "{path}");
    }
    // Broken off in the middle, which a browser sees as a broken answer.
    let mut stream = tokio::net::TcpStream::connect(world.gate).await.expect("the gate listens");
    stream.write_all(format!("GET /cut HTTP/1.1\r\nhost: {}\r\n\r\n", world.gate).as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await.expect("an end");

    let errors = |kind: &str| format!("wxgate_upstream_errors_total{{kind=\"{kind}\"}}");
    eventually("the break is counted", async || scrape(&world).await.value(&errors("cut")) == 1.0).await;
    let numbers = scrape(&world).await;
    for (kind, count) in [("broken", 1.0), ("timeout", 1.0), ("unreachable", 2.0), ("cut", 1.0)] {
        assert_eq!(numbers.value(&errors(kind)), count, "{kind}");
    }
    for (labels, count) in [
        (r#"outcome="failed",status="502""#, 3.0),
        (r#"outcome="failed",status="504""#, 1.0),
        (r#"outcome="proxied",status="200""#, 1.0),
    ] {
        assert_eq!(numbers.value(&format!("wxgate_requests_total{{{labels}}}")), count, "{labels}");
    }
    assert_eq!(numbers.value("wxgate_upstream_seconds_count"), 5.0, "failures take their time, too");
}
