//! `sign_in.keep_fragment` with the hash routers of Vue and React. The steps are in `fragment.js`.

use crate::town::{Account, Town};

#[test]
fn a_hash_route_survives_the_sign_in_in_a_real_browser() {
    Town::start(&[Account::Official("base")], "[sign_in]\nkeep_fragment = true\n").perform("fragment.js", &[]);
}
