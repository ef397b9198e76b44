//! What holds of every HTTP/2 connection, whatever comes on it.

use super::{Manner, converse, settings};
use crate::config;
use crate::listener::http2;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD: usize = 9;
const HEADERS: u8 = 1;

/// R15, R24: a connection ends when its client has finished, what comes back are whole frames, and no more requests are
/// handed on than heads were sent.
pub(crate) fn streams_are_answered_in_frames(frames: &[u8], manner: Manner, server: &config::Server) {
    let sent = [PREFACE, frames].concat();
    let (handed, answers) = converse(&sent, manner, |stream, watch, answerer| async move {
        http2::serve(stream, &settings(server), watch, answerer).await;
    });
    let heads = kinds(frames).filter(|kind| *kind == HEADERS).count();
    assert!(handed.len() <= heads, "{handed:#?} of {heads} heads");
    for asked in &handed {
        let names = asked.headers.iter().map(|(name, _)| name);
        assert!(names.clone().all(|name| !name.starts_with(':') && name.to_ascii_lowercase() == *name), "{asked:?}");
        let hop = |name: &str| {
            ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].contains(&name)
        };
        assert!(!names.clone().any(|name| hop(name)), "RFC 9113 section 8.2.2: {asked:?}");
    }
    let whole: usize = lengths(&answers).sum();
    assert_eq!(whole, answers.len(), "a frame is cut");
}

/// What each frame is, as far as they are whole.
fn kinds(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut at = 0;
    lengths(bytes).map(move |length| {
        at += length;
        bytes[at - length + 3]
    })
}

fn lengths(mut rest: &[u8]) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let [a, b, c, ..] = *rest.first_chunk::<HEAD>()?;
        let length = HEAD + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
        rest = rest.get(length..)?;
        Some(length)
    })
}
