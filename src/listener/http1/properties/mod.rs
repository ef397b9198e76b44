//! What holds of every client's connection: never two requests where a strict reader sees one, never a standstill.

mod framing;
mod reference;

use super::serve;
use crate::config;
use crate::listener::properties::{Asked, Manner, converse, refuse, settings};
pub(crate) use framing::pieces_make_no_difference;

/// R44: what is handed on are the requests that a strict reader finds in the stream, from the first on, byte for byte,
/// and a connection whose client has finished comes to its end.
pub(crate) fn requests_are_those_of_a_strict_reader(stream: &[u8], manner: Manner, server: &config::Server) {
    let (handed, answers) = converse(stream, manner, |stream, watch, answerer| async move {
        let settings = settings(server);
        let slot = settings.slots.take().expect("the only connection");
        serve((stream, slot), &settings, &watch, answerer, refuse()).await;
    });
    assert!(answers.is_empty() || answers.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answers));
    let expected = reference::requests(stream);
    assert!(handed.len() <= expected.len(), "{handed:#?}\nwhere a strict reader finds\n{expected:#?}");
    for (handed, expected) in handed.iter().zip(&expected) {
        is_the_same(handed, expected, manner);
    }
}

fn is_the_same(handed: &Asked, expected: &Asked, manner: Manner) {
    let said = |asked: &Asked| (asked.method.clone(), grouped(&asked.headers));
    assert_eq!(said(handed), said(expected));
    let target = String::from_utf8_lossy(&handed.target).into_owned();
    if expected.hides {
        assert!(target.ends_with('\\'), "{target:?} hides {:?}", String::from_utf8_lossy(&expected.target));
    } else {
        let sent = String::from_utf8_lossy(&expected.target).into_owned();
        // A target that is a whole URL may lack its path.
        let same = target == sent || target.trim_end_matches('/').eq_ignore_ascii_case(sent.trim_end_matches('/'));
        assert!(same || (!sent.starts_with('/') && target.len() <= sent.len() + 1), "{target:?} for {sent:?}");
    }
    if handed.whole {
        assert!(expected.whole, "the body {:?} ended too early", handed.body);
        assert_eq!(handed.body, expected.body);
    } else {
        assert!(expected.body.starts_with(&handed.body) || manner.early);
    }
}

/// By name: what else is between two lines of one name means nothing.
fn grouped(headers: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut headers = headers.to_vec();
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    headers
}
