//! Visitors of a moment ago: a page asks for many things in a row, and each time the same is to be said of its visitor.

use std::sync::{Mutex, PoisonError};

use crate::request::Lines;
use crate::session::Session;

/// A few visitors' lines, each in the one place that its session's id leads to.
///
/// Nothing is believed for being here: the session has been opened and judged anew with every request, and what is kept
/// is used only where all of it says the same.
pub(super) struct Known(Mutex<Box<[Option<Visitor>]>>);

struct Visitor {
    session: Session,
    lines: Lines,
}

impl Known {
    /// Some 1 KiB each, in every worker.
    const PLACES: usize = 1024;

    pub(super) fn new() -> Self {
        Self(Mutex::new((0..Self::PLACES).map(|_| None).collect()))
    }

    /// Adds a visitor's lines, made only if somebody else's are found in their place.
    pub(super) fn tell(&self, session: &Session, all: &mut Lines, make: impl FnOnce() -> Lines) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Ids are random.
        let [first, second, ..] = session.id.0;
        let place = &mut places[usize::from(u16::from_be_bytes([first, second])) % Self::PLACES];
        match place {
            Some(visitor) if visitor.session.tells_the_same_as(session) => all.extend(&visitor.lines),
            _ => {
                let lines = make();
                all.extend(&lines);
                *place = Some(Visitor { session: session.clone(), lines });
            }
        }
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known(…)")
    }
}
