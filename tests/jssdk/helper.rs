//! `P/wx.js` as it is served. What it does is for `tests/browser`.

use bytes::Bytes;
use http::Method;

use crate::support::{CHROME, World};
use crate::world;

#[tokio::test]
async fn the_helper_is_a_small_script_that_knows_this_sites_paths() {
    let world = world("[paths]\nlogin = '/wxAuthorize'\nme = '/getUser'\n").await;
    let answer = world.browser(CHROME).fetch(&world.url("/_wechat/wx.js")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.content_type(), "text/javascript; charset=utf-8");
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    assert!(answer.body.len() < 3 << 10, "{} bytes", answer.body.len());
    for path in ["\"/_wechat/jsconfig\"", "\"/getUser\"", "\"/wxAuthorize?rd=\"", "\"/_wechat/logout\""] {
        assert!(answer.text().contains(path), "{path}");
    }
    let post = world.browser(CHROME).send(Method::POST, &world.url("/_wechat/wx.js"), &[], Bytes::new()).await;
    assert_eq!(post.status, 400);
}

#[tokio::test]
async fn the_helper_is_there_without_signing() {
    let world = World::start("[jssdk]\npath = ''\n").await;
    let answer = world.browser(CHROME).fetch(&world.url("/_wechat/wx.js")).await;
    assert_eq!(answer.status, 200, "it also tells who is there, and signs in and out");
}
