//! The operator's connections: plain HTTP/1.1, few of them, none for ever.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Front;

/// Probes, a scraper or two, and the operator's own programs.
const MOST: usize = 256;
/// For a head to come; between requests as well.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// However busy, a connection is replaced now and then, so that none can be held for ever by a peer that has gone.
const LIFE: Duration = Duration::from_mins(30);
/// For what is in flight when a connection has lived long enough: longer than anybody waits for WeChat.
const FAREWELL: Duration = Duration::from_secs(10);
/// For what is in flight when the gate ends. Its visitors have had their time of grace; programs ask again.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// After a failed accept, which usually means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then lets what is in flight finish.
pub(super) async fn serve(listener: TcpListener, front: Front, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let (places, leaving) = (Arc::new(Semaphore::new(MOST)), watch::Sender::new(false));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // One too many is closed at once.
                    let Ok(place) = places.clone().try_acquire_owned() else { continue };
                    let (front, leaving) = (front.clone(), leaving.subscribe());
                    connections.spawn(async move {
                        converse(stream, peer, front, leaving).await;
                        drop(place);
                    });
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    leaving.send_replace(true);
    // What is still there after that is dropped with its task.
    let _ = timeout(LAST_WORDS, async { while connections.join_next().await.is_some() {} }).await;
}

async fn converse(stream: TcpStream, peer: SocketAddr, front: Front, mut leaving: watch::Receiver<bool>) {
    // Best effort: without it answers are only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let desk = front.desk();
        async move { Ok::<_, Infallible>(desk.answer(request, peer.ip()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let is_over = tokio::select! {
        _ = &mut connection => true,
        _ = leaving.wait_for(|leaving| *leaving) => false,
        () = sleep(LIFE) => false,
    };
    if !is_over {
        connection.as_mut().graceful_shutdown();
        // Whoever does not take the answer by then has gone.
        let _ = timeout(FAREWELL, connection).await;
    }
}
