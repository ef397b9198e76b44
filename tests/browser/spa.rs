//! The course page and `wx.js` in WeChat's webviews. The steps are in `spa.js`, for Playwright drives the browser.

use std::process::Command;

use crate::children::{self, in_repository};
use crate::walk::Gate;

#[test]
fn the_course_page_and_the_helper_are_accepted_by_wechat_on_every_route() {
    let spa = children::spa();
    let (port, url) = Gate::address();
    let gate = Gate::start("examples/spa/config.toml", port, &spa, &in_repository("."));
    let mut node = Command::new("node");
    node.arg("spa.js").args([&url, &gate.wechat_url]).current_dir(in_repository("tests/browser"));
    let output = node.output().expect("node is installed: tests/run installs it");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("ok "), "{told}");
}

/// What is served is what becomes of what is read, and both parse as ES5.
#[test]
fn the_helper_is_the_one_in_its_source_and_es5() {
    let output = Command::new("node")
        .args(["minify.js", "--check"])
        .current_dir(in_repository("tests/browser"))
        .output()
        .expect("node is installed: tests/run installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
