//! Every page of the gate's own, looked at in a real browser: both languages, phones and desktop, light and dark.

use std::process::Command;

use serde_json::json;

use crate::children::in_repository;
use crate::gallery;
use crate::town::{Account, Town};

#[test]
fn every_page_is_readable_on_every_screen() {
    let (url, names) = gallery::open();
    let mut node = Command::new("node");
    node.arg("gallery.js").arg(url).arg(json!(names).to_string()).current_dir(in_repository("tests/browser"));
    let output = node.output().expect("node is installed: tests/run installs it");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.matches("ok ").count() == 2 * names.len(), "{told}");
}

fn branded() -> String {
    let logo = in_repository("tests/config/logo.svg");
    format!("[pages]\nsite_name = '山风茶舍'\nlogo_file = '{}'\n", logo.display())
}

#[test]
fn what_goes_wrong_at_the_gate_is_shown_under_the_sites_name_and_logo() {
    let routes = "[[route]]\npath = '/vip'\nallow = ['oNobodyNobodyNobodyNobodyNobo']\n\
         [[route]]\npath = '/profile'\nscope = 'userinfo'\n\
         [[route]]\npath = '/gone'\nauth = 'none'\nupstream = 'http://127.0.0.1:1'\n";
    Town::start(&[Account::Official("base")], &(branded() + routes)).perform("gate.js", &["faults"]);
}

#[test]
fn the_ways_in_are_shown_under_the_sites_name_and_logo() {
    let sign_in = "[sign_in]\nhandoff = true\nkeep_fragment = true\n";
    Town::start(&[Account::Official("base"), Account::Website, Account::WeCom], &(branded() + sign_in))
        .perform("gate.js", &["doors"]);
}
