//! What holds of the framing alone: pieces make no difference.

use super::super::framing::{Framing, Turn};
use super::reference::{self, Body};

/// What was handed on of each request, and whether its first line hid something.
#[derive(Debug, Default, PartialEq)]
struct HandedOn {
    requests: Vec<(Vec<u8>, bool)>,
}

/// R44: a stream is cut into requests in one way, in whatever pieces it comes.
pub(crate) fn pieces_make_no_difference(stream: &[u8], sizes: &[usize]) {
    let whole = follow(stream, &[stream.len().max(1)]);
    assert_eq!(follow(stream, sizes), whole, "in pieces of {sizes:?}");
    assert_eq!(follow(stream, &[1]), whole, "byte by byte");
}

/// Goes through a stream as the socket does, with a reader that takes every head and answers at once.
fn follow(stream: &[u8], sizes: &[usize]) -> HandedOn {
    let (mut framing, turn) = (Framing::new(), Turn::new());
    let mut handed = HandedOn { requests: vec![(Vec::new(), false)] };
    let mut sizes = sizes.iter().copied().cycle();
    let mut rest = stream;
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(1).clamp(1, rest.len());
        let (piece, after) = rest.split_at(size);
        let mut piece = piece.to_vec();
        rest = after;
        let mut left = piece.as_mut_slice();
        while !left.is_empty() {
            let taken = framing.advance(left, &turn);
            assert!(taken > 0 && taken <= left.len());
            let (head, _) = handed.requests.last_mut().expect("one is always there");
            head.extend_from_slice(&left[..taken]);
            left = &mut left[taken..];
            answer(&mut framing, &turn, &mut handed);
        }
    }
    if let Some(last) = handed.requests.last_mut() {
        last.1 = turn.ambiguous.into_inner();
    }
    handed
}

/// What hyper and the service do of themselves: say how the body is framed, and answer once it is over.
fn answer(framing: &mut Framing, turn: &Turn, handed: &mut HandedOn) {
    if let Framing::Asked = framing {
        let head = handed.requests.last().map(|(head, _)| head.as_slice()).unwrap_or_default();
        turn.request_began(match reference::framing_of(head) {
            Some(Body::Chunked) => None,
            Some(Body::Exact(length)) => Some(length),
            // No reader goes on after such a head.
            None => Some(u64::MAX),
        });
        framing.proceed(turn, false);
    }
    if framing.is_done() {
        let hidden = turn.ambiguous.load(std::sync::atomic::Ordering::Relaxed);
        handed.requests.last_mut().expect("one is always there").1 = hidden;
        framing.proceed(turn, true);
        handed.requests.push((Vec::new(), false));
    }
}
