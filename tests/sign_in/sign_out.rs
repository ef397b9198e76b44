//! Signing out: asked for by this very site, final everywhere, and with nothing left behind.

use bytes::Bytes;
use http::Method;

use crate::support::visit::{SESSION, component};
use crate::support::{WECHAT, World};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn a_link_asks_first_and_changes_nothing() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    for method in [Method::GET, Method::HEAD] {
        let url = world.url("/_wechat/logout?rd=/bye");
        let page = browser.send(method, &url, &[("accept", "text/html")], Bytes::new()).await;
        assert_eq!(page.status, 200);
        assert!(page.set_cookies().is_empty());
    }
    let page = browser.get(&world.url("/_wechat/logout?rd=/bye")).await.shown();
    assert!(page.contains("method=\"post\"") && page.contains("action=\"/_wechat/logout\""), "{page}");
    assert!(page.contains("name=\"rd\" value=\"/bye\""), "{page}");
    assert_eq!(browser.get(&world.url("/")).await.status, 200);
    let other = browser.send(Method::PUT, &world.url("/_wechat/logout"), &[], Bytes::new()).await;
    assert_eq!(other.status, 400);
    assert_eq!(browser.get(&world.url("/")).await.status, 200);
}

#[tokio::test]
async fn only_a_page_of_this_site_signs_out() {
    let world = World::start("").await;
    let origin = format!("http://{}", world.gate);
    let page = world.url("/some/page?x");
    let other_port = format!("http://127.0.0.1:{}", world.simulator.port());
    let https = format!("https://{}", world.gate);
    let tail = format!("{origin}.evil.example/");
    for (allowed, headers) in [
        (true, &[("origin", &*origin)][..]),
        (true, &[("sec-fetch-site", "same-origin")]),
        (true, &[("referer", &*page)]),
        (true, &[("origin", &*origin), ("sec-fetch-site", "cross-site"), ("referer", "https://evil.example/")]),
        (false, &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin"), ("referer", &*page)]),
        (false, &[("origin", "null"), ("referer", &*page)]),
        (false, &[("origin", &*other_port)]),
        (false, &[("origin", &*https)]),
        (false, &[("origin", "")]),
        (false, &[("sec-fetch-site", "same-site"), ("referer", &*page)]),
        (false, &[("sec-fetch-site", "cross-site")]),
        (false, &[("sec-fetch-site", "none")]),
        (false, &[("referer", "https://evil.example/")]),
        (false, &[("referer", &*tail)]),
        (false, &[]),
    ] {
        let mut browser = world.signed_in("lin").await;
        let headers: Vec<_> = headers.iter().copied().chain([FORM, ("accept", "text/html")]).collect();
        let answer = browser.send(Method::POST, &world.url("/_wechat/logout"), &headers, Bytes::new()).await;
        if allowed {
            assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/")), "{headers:?}");
            assert!(world.session_of(&mut browser).is_none(), "{headers:?}");
        } else {
            answer.assert_page(403, "forbidden");
            assert_eq!(browser.get(&world.url("/")).await.status, 200, "{headers:?}: still signed in");
        }
    }
}

#[tokio::test]
async fn the_target_comes_from_the_form_or_else_the_query() {
    let world = World::start("").await;
    let origin = format!("http://{}", world.gate);
    for (query, form, expected) in [
        ("", "", "/"),
        ("?rd=/q", "", "/q"),
        ("", "rd=/f", "/f"),
        ("?rd=/q", "rd=/f", "/f"),
        ("", "rd=%2Ff%3Fa%3Db%23c", "/f?a=b#c"),
        ("?rd=/q", "other=1", "/q"),
        ("", "rd=https://evil.example", "/"),
    ] {
        let url = world.url(&format!("/_wechat/logout{query}"));
        let answer = world.browser(WECHAT).send(Method::POST, &url, &[("origin", &origin), FORM], form.into()).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some(expected)), "{query} {form}");
    }
    for (query, form) in [("?rd=/a&rd=/b", ""), ("", "rd=/a&rd=/b"), ("", "rd=/a&%72d=/b")] {
        let url = world.url(&format!("/_wechat/logout{query}"));
        let answer = world.browser(WECHAT).send(Method::POST, &url, &[("origin", &origin), FORM], form.into()).await;
        assert_eq!(answer.slug(), "bad-request", "{query} {form}");
    }
    let huge = format!("rd=/{}", "a".repeat(20_000));
    let url = world.url("/_wechat/logout");
    let answer = world.browser(WECHAT).send(Method::POST, &url, &[("origin", &origin), FORM], huge.into()).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn r11_a_session_that_was_ended_stays_ended_in_every_copy() {
    let world = World::start(
        "[[route]]\npath = '/maybe'\nauth = 'optional'\n[[route]]\npath = '/profile'\nscope = 'userinfo'\n",
    )
    .await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/").await;
    let given = browser.get(&callback).await;
    let mut copy = browser.clone();
    let mut stepped = browser.clone();
    let sid = world.sign_in(&mut stepped, "/profile").await.told("x-wechat-session").expect("a session");
    let mut with_flow = browser.clone();
    let flow = world.callback_of(&mut with_flow, "/profile").await;

    let left = world.sign_out(&mut browser).await;
    assert_eq!((left.status.as_u16(), left.header("location")), (303, Some("/bye")));
    assert_eq!(left.header("cache-control"), Some("no-store"));
    assert!(world.jar(&mut browser).is_empty(), "every cookie of the gate's is gone");
    // The line that ends the cookie repeats the one that gave it.
    let attributes = |lines: Vec<String>| -> Vec<String> {
        let line = lines.into_iter().find(|line| line.starts_with("wxgate=")).expect("the session's line");
        line.split("; ").skip(1).filter(|part| !part.starts_with("Max-Age")).map(str::to_owned).collect()
    };
    assert_eq!(attributes(left.cookie_lines()), attributes(given.cookie_lines()));

    for (what, old) in [("the cookie", &mut copy), ("a later cookie of the same session", &mut stepped)] {
        assert_eq!(old.fetch(&world.url("/")).await.status, 401, "{what}");
        assert_eq!(old.fetch(&world.url("/_wechat/me")).await.status, 401, "{what}");
        assert_eq!(old.get(&world.url("/maybe")).await.told_names(), Vec::<String>::new(), "{what}");
        assert_eq!(old.get(&world.url("/")).await.status, 302, "{what}");
    }
    let replay = copy.get(&callback).await;
    assert!(!replay.gives_a_session(), "the callback that began it");
    assert_eq!(replay.status, 302);
    assert_eq!(browser.get(&callback).await.status, 302);
    // A step-up that was under way signs in anew; it does not bring the ended session back.
    let again = with_flow.get(&flow).await;
    assert_eq!(again.status, 303);
    let after = with_flow.get(&world.url("/profile")).await;
    assert!(after.told("x-wechat-session").is_some_and(|id| id != sid));
    assert_eq!(copy.fetch(&world.url("/")).await.status, 401, "still");
}

#[tokio::test]
async fn r26_the_next_request_on_the_same_connection_knows_of_the_end() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    let cookie = format!("{SESSION}={}", world.session_of(&mut browser).expect("a session"));
    let stream = tokio::net::TcpStream::connect(world.gate).await.expect("the gate");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.expect("HTTP");
    let driven = tokio::spawn(connection);
    let mut statuses = Vec::new();
    for round in 0..3 {
        if round == 2 {
            world.sign_out(&mut browser).await;
        }
        let request = http::Request::get("/x").header("host", world.host()).header("cookie", &cookie);
        let request = request.body(http_body_util::Empty::<Bytes>::new()).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        statuses.push(response.status().as_u16());
        http_body_util::BodyExt::collect(response.into_body()).await.expect("a body");
    }
    driven.abort();
    assert_eq!(statuses, [200, 200, 401]);
}

#[tokio::test]
async fn signing_out_is_for_this_session_alone() {
    let world = World::start("").await;
    let (mut phone, mut desktop, mut friend) =
        (world.signed_in("lin").await, world.signed_in("lin").await, world.signed_in("fei").await);
    world.sign_out(&mut phone).await;
    assert_eq!(phone.get(&world.url("/")).await.status, 302);
    assert_eq!(desktop.get(&world.url("/")).await.status, 200);
    assert_eq!(friend.get(&world.url("/")).await.status, 200);
    let nobody = world.sign_out(&mut world.browser(WECHAT)).await;
    assert_eq!(nobody.status, 303, "nobody to sign out is no mistake");
    assert!(nobody.cookie_lines().iter().any(|line| line.starts_with("wxgate=;") && line.contains("Max-Age=0")));
}

#[tokio::test]
async fn r11_a_sign_in_that_fails_leaves_no_flow_behind() {
    let world = World::start("").await;
    for (answer, fault) in [
        (Some("refuse-no-code"), None),
        (Some("refuse-authdeny"), None),
        (None, Some(r#"{"api":"access_token","times":1,"errcode":40125}"#)),
        (None, Some(r#"{"api":"access_token","times":1,"errcode":50002}"#)),
    ] {
        let mut browser = world.visitor("lin");
        if let Some(answer) = answer {
            browser.headers.insert("x-sim-answer", answer.parse().expect("a value"));
        }
        let begun = browser.get(&world.url(&format!("/_wechat/login?rd={}", component("/a")))).await;
        let given = begun.cookie_lines().remove(0);
        let callback = world.consent(&mut browser, &world.authorize_url(&begun)).await;
        if let Some(fault) = fault {
            world.fault(fault).await;
        }
        let page = browser.get(&callback).await;
        assert!(page.status == 403 || page.status == 503, "{}", page.status);
        assert!(world.jar(&mut browser).is_empty(), "{answer:?} {fault:?}");
        let taken = page.cookie_lines().remove(0);
        let (name, attributes) = taken.split_once("=; ").expect("an empty cookie");
        assert!(given.starts_with(name));
        assert!(given.ends_with(&attributes.replace("Max-Age=0", "Max-Age=600")), "{given} / {taken}");
    }
}
