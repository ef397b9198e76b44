//! Every client there is, each through its own door. The steps are in `matrix.js`.

use crate::town::{Account, Town};

#[test]
fn with_an_official_account_alone_every_client_finds_its_way() {
    Town::start(&[Account::Official("userinfo")], "").perform("matrix.js", &["official"]);
}

#[test]
fn with_a_website_app_beside_it_desktops_scan_at_wechat() {
    Town::start(&[Account::Official("userinfo"), Account::Website], "").perform("matrix.js", &["website"]);
}

#[test]
fn with_wecom_alone_members_come_in_and_wechat_is_shown_the_way() {
    Town::start(&[Account::WeCom], "").perform("matrix.js", &["wecom"]);
}

#[test]
fn with_a_hand_off_a_desktop_comes_in_by_the_phones_account() {
    Town::start(&[Account::Official("userinfo")], "[sign_in]\nhandoff = true\n").perform("matrix.js", &["handoff"]);
}

/// With `keep_fragment`, so that a route survives each of the doors.
#[test]
fn with_all_doors_open_a_desktop_chooses_and_everybody_else_is_sent_to_theirs() {
    let sign_in = "[sign_in]\nhandoff = true\nkeep_fragment = true\n";
    Town::start(&[Account::Official("userinfo"), Account::Website, Account::WeCom], sign_in)
        .perform("matrix.js", &["everything"]);
}
