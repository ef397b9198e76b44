//! A hand-off where not everything works: no script, no stream, a wrong number, a screen somebody else has seen.

use crate::town::{Account, Town};

#[test]
fn a_hand_off_needs_neither_script_nor_stream_and_gives_nothing_to_onlookers() {
    Town::start(&[Account::Official("userinfo")], "[sign_in]\nhandoff = true\n").perform("handoff.js", &[]);
}
