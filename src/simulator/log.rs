//! The ordered log of what happened, so that a test can say "exchanged exactly once".

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

/// As many events as are kept; the oldest go first.
const KEPT: usize = 10_000;

/// Everything that happened, oldest first.
#[derive(Debug, Default)]
pub(super) struct Log {
    events: VecDeque<Event>,
    next: u64,
}

/// One thing that happened.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) seq: u64,
    at: u64,
    pub(super) kind: &'static str,
    details: Value,
}

impl Log {
    /// Notes an event; `details` is an object whose members stand beside `seq`, `at` and `kind`.
    pub(super) fn note(&mut self, at: u64, kind: &'static str, details: Value) {
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.next += 1;
        self.events.push_back(Event { seq: self.next, at, kind, details });
    }

    pub(super) fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter()
    }

    /// Forgets all events. Numbering goes on, so that a reader who asks for what came `after` misses nothing.
    pub(super) fn clear(&mut self) {
        self.events.clear();
    }
}

impl Event {
    /// What belongs to this kind of event.
    pub(super) const fn details(&self) -> &Value {
        &self.details
    }

    pub(super) fn to_json(&self) -> Value {
        let mut event = Map::from_iter([
            ("seq".to_owned(), json!(self.seq)),
            ("at".to_owned(), json!(self.at)),
            ("kind".to_owned(), json!(self.kind)),
        ]);
        if let Value::Object(details) = &self.details {
            event.extend(details.clone());
        }
        Value::Object(event)
    }
}
