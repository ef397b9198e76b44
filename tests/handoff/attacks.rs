//! Nobody gets a session without the word of the one phone that took the ticket up, and nobody but the desktop gets it.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use wxgate::simulator::{Settings, Snapshot};

use crate::support::visit::{SESSION, within};
use crate::support::{Browser, CHROME, SAFARI, WECHAT, WECOM, World};
use crate::walk::{Desktop, HANDOFF, given, other_than, say, scan, send};

/// A desktop on its way to `target` whose code `lin` has scanned, and the number it shows.
async fn scanned(target: &str) -> (World, Desktop, Browser, String) {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, target).await;
    let mut phone = world.visitor("lin");
    scan(&world, &mut phone, &desktop.id).await;
    let number = desktop.number(&world).await;
    (world, desktop, phone, number)
}

#[tokio::test]
async fn r1_a_stolen_code_signs_no_other_browser_in() {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/mine").await;
    // Everything on the screen, but not the cookie; and one with a cookie for a ticket of its own.
    let thief = Desktop { browser: world.browser(CHROME), ..desktop.clone() };
    let rival = Desktop { browser: Desktop::open(&world, "/").await.browser, ..desktop.clone() };
    let mut forger = thief.clone();
    let (name, value) = world.jar(&mut desktop.browser).clone().pop_first().expect("a cookie");
    let (_, other) = world.jar(&mut rival.browser.clone()).clone().pop_first().expect("a cookie");
    assert!(name.starts_with("wxgate-handoff-") && !value.contains(&desktop.id));
    world.jar(&mut forger.browser).insert(name, other);
    let mut phone = world.visitor("lin");
    let mut others = [thief, rival, forger];
    for step in ["before", "scanned", "allowed"] {
        for other in &mut others {
            assert_eq!(other.state(&world).await, "expired", "{step}");
            let (word, stream) = other.listen(&world).await;
            assert_eq!((&*word, &*stream.rest().await), ("data: expired\n\n", ""), "{step}");
            other.finish(&world).await.assert_page(403, "login-expired");
            other.assert_no_way_in(&world).await;
        }
        match step {
            "before" => drop(scan(&world, &mut phone, &desktop.id).await),
            "scanned" => {
                let number = desktop.number(&world).await;
                say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
            }
            _ => {}
        }
    }
    assert_eq!(desktop.finish(&world).await.status, 303, "its own desktop gets in all the same");
}

#[tokio::test]
async fn r23_a_cookie_with_any_other_byte_is_none() {
    let (world, mut desktop, mut phone, number) = scanned("/").await;
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    let (name, value) = world.jar(&mut desktop.browser).clone().pop_first().expect("a cookie");
    let session = world.session_of(&mut phone).expect("a session");
    let mut changed: Vec<String> = (0..value.len()).step_by(7).map(|at| flip(&value, at)).collect();
    // What is sealed for something else is nothing here.
    changed.extend([String::new(), session]);
    for forged in changed {
        let mut forger = Desktop { browser: world.browser(CHROME), ..desktop.clone() };
        world.jar(&mut forger.browser).insert(name.clone(), forged);
        forger.assert_no_way_in(&world).await;
    }
    let mut sealed_elsewhere = world.browser(CHROME);
    world.jar(&mut sealed_elsewhere).insert(SESSION.to_owned(), value);
    assert_eq!(sealed_elsewhere.fetch(&world.url("/")).await.status, 401, "nor is it a session");
    assert_eq!(desktop.finish(&world).await.status, 303);
}

fn flip(text: &str, at: usize) -> String {
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

#[tokio::test]
async fn a_second_phone_with_the_same_code_has_no_say() {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/").await;
    let (mut phone, mut thief) = (world.visitor("lin"), world.visitor("fei"));
    scan(&world, &mut phone, &desktop.id).await;
    let number = desktop.number(&world).await;
    scan(&world, &mut thief, &desktop.id).await.assert_page(403, "login-expired");
    assert!(world.session_of(&mut thief).is_some(), "signed in it is, but that is all");
    for answer in ["allow", "refuse"] {
        say(&world, &mut thief, &desktop.id, &number, answer).await.assert_page(403, "login-expired");
    }
    // Nor does another session of the same person.
    let mut twin = world.visitor("lin");
    scan(&world, &mut twin, &desktop.id).await.assert_page(403, "login-expired");
    say(&world, &mut twin, &desktop.id, &number, "allow").await.assert_page(403, "login-expired");
    assert_eq!(desktop.number(&world).await, number, "nothing has happened");
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    assert_eq!(desktop.finish(&world).await.status, 303);
    let arrived = desktop.browser.get(&world.url("/")).await;
    assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("lin").await));
}

#[tokio::test]
async fn a_phone_that_signs_in_and_says_nothing_lets_nobody_in() {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/menu?x=1").await;
    let (_, stream) = desktop.listen(&world).await;
    let mut phone = world.visitor("lin");
    scan(&world, &mut phone, &desktop.id).await;
    let number = desktop.number(&world).await;
    for _ in 0..3 {
        let still = desktop.finish(&world).await;
        assert_eq!(still.status, 200, "the same page again, for one without script");
        assert!(still.text().contains(&number) && given(&still, "poll").contains(&desktop.id), "{}", still.text());
        assert!(!still.gives_a_session());
        scan(&world, &mut phone, &desktop.id).await;
    }
    world.clock.advance(Duration::from_secs(119));
    assert_eq!(desktop.number(&world).await, number, "nearly over");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(desktop.state(&world).await, "expired");
    assert!(stream.rest().await.ends_with("data: expired\n\n"));
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_page(403, "login-expired");
    scan(&world, &mut phone, &desktop.id).await.assert_page(403, "login-expired");
    let over = desktop.finish(&world).await;
    over.assert_page(403, "login-expired");
    assert!(over.shown().contains("href=\"/_wechat/login?rd=/menu%3Fx%3D1\""), "a way to try again: {}", over.shown());
    desktop.assert_no_way_in(&world).await;
}

#[tokio::test]
async fn one_wrong_number_ends_it_and_none_is_no_try() {
    let (world, mut desktop, mut phone, number) = scanned("/").await;
    for nothing in ["", "  ", "x", "4", "123", "０９"] {
        let again = say(&world, &mut phone, &desktop.id, nothing, "allow").await;
        assert!(again.status == 200 && again.text().contains("name=\"number\""), "{nothing}: {}", again.text());
    }
    let form = format!("ticket={}&answer=allow", desktop.id);
    let own = format!("http://{}", world.gate);
    assert!(send(&world, &mut phone, &form, Some(&own)).await.text().contains("name=\"number\""), "no number at all");
    for strange in ["answer=maybe", "answer=", "x=1"] {
        let form = format!("ticket={}&number={number}&{strange}", desktop.id);
        send(&world, &mut phone, &form, Some(&own)).await.assert_page(400, "bad-request");
    }
    assert_eq!(desktop.state(&world).await, format!("scanned {number}"));
    say(&world, &mut phone, &desktop.id, &other_than(&number), "allow").await.assert_page(403, "login-declined");
    assert_eq!(desktop.state(&world).await, "refused");
    let late = say(&world, &mut phone, &desktop.id, &number, "allow").await;
    assert!(late.status == 200 && late.text().contains("已拒绝"), "{}", late.text());
    desktop.finish(&world).await.assert_page(403, "login-declined");
    desktop.assert_no_way_in(&world).await;
}

#[tokio::test]
async fn refusing_leaves_nothing_behind() {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/orders").await;
    let (_, stream) = desktop.listen(&world).await;
    let mut phone = world.visitor("lin");
    scan(&world, &mut phone, &desktop.id).await;
    let number = desktop.number(&world).await;
    say(&world, &mut phone, &desktop.id, &number, "refuse").await.assert_says("已拒绝");
    assert!(stream.rest().await.ends_with("data: refused\n\n"));
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已拒绝");
    let told = desktop.finish(&world).await;
    told.assert_page(403, "login-declined");
    assert!(told.shown().contains("href=\"/_wechat/login?rd=/orders\""), "{}", told.shown());
    assert!(world.jar(&mut desktop.browser).is_empty(), "no cookie");
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_page(403, "login-expired");
    desktop.assert_no_way_in(&world).await;
}

#[tokio::test]
async fn a_word_counts_once_and_a_way_in_works_once() {
    let (world, mut desktop, mut phone, number) = scanned("/a").await;
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    for (typed, answer) in [(number.clone(), "allow"), (number.clone(), "refuse"), (other_than(&number), "allow")] {
        say(&world, &mut phone, &desktop.id, &typed, answer).await.assert_says("已确认登录");
    }
    scan(&world, &mut phone, &desktop.id).await.assert_says("已确认登录");
    // The browser itself, many times at once.
    let all: Vec<_> = (0..40)
        .map(|_| {
            let (mut twin, url) = (desktop.browser.clone(), world.url(&given(&desktop.page, "next")));
            tokio::spawn(async move { twin.get(&url).await })
        })
        .collect();
    let mut sessions = 0;
    for one in all {
        let on = one.await.expect("an answer");
        sessions += usize::from(on.gives_a_session());
        assert_eq!(on.gives_a_session(), on.status == 303, "{}", on.text());
    }
    assert_eq!(sessions, 1);
    // All of it again, with everything that was kept.
    desktop.assert_no_way_in(&world).await;
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_page(403, "login-expired");
    scan(&world, &mut phone, &desktop.id).await.assert_page(403, "login-expired");
    desktop.assert_no_way_in(&world).await;
}

#[tokio::test]
async fn a_reload_of_the_last_step_goes_where_the_first_one_did() {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/a").await;
    let before = desktop.browser.cookies.clone();
    let mut phone = world.visitor("lin");
    scan(&world, &mut phone, &desktop.id).await;
    let number = desktop.number(&world).await;
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    assert_eq!(desktop.finish(&world).await.status, 303);
    let session = world.session_of(&mut desktop.browser).expect("a session");
    for (name, value) in before.into_values().flatten() {
        world.jar(&mut desktop.browser).insert(name, value);
    }
    let again = desktop.finish(&world).await;
    assert_eq!((again.status.as_u16(), again.header("location")), (303, Some("/a")));
    assert!(!again.gives_a_session());
    assert_eq!(world.session_of(&mut desktop.browser), Some(session));
}

#[tokio::test]
async fn only_a_form_of_this_site_counts() {
    let (world, mut desktop, mut phone, number) = scanned("/").await;
    let form = format!("ticket={}&number={number}&answer=allow", desktop.id);
    let other_port = format!("http://{}0", world.gate);
    for origin in [None, Some("null"), Some("https://evil.example"), Some(&*other_port)] {
        send(&world, &mut phone, &form, origin).await.assert_page(403, "forbidden");
    }
    let fetched = [("sec-fetch-site", "cross-site"), ("accept", "text/html")];
    let url = world.url("/_wechat/handoff");
    let body = Bytes::from(form.clone().into_bytes());
    assert_eq!(phone.send(Method::POST, &url, &fetched, body.clone()).await.status, 403);
    // A link or an image says nothing either, whatever its query.
    let link = phone.get(&format!("{url}?t={}&{form}", desktop.id)).await;
    assert!(link.text().contains("name=\"number\""), "{}", link.text());
    assert_eq!(phone.send(Method::PUT, &url, &[("accept", "text/html")], body).await.status, 400);
    assert_eq!(desktop.number(&world).await, number);
    desktop.assert_no_way_in(&world).await;
}

#[tokio::test]
async fn only_a_session_of_the_official_account_counts() {
    let (world, mut desktop, mut phone, number) = scanned("/").await;
    let session = world.session_of(&mut phone).expect("a session");
    for cookie in [None, Some(""), Some("x"), Some(&*flip(&session, session.len() / 2))] {
        let mut nobody = world.browser(WECHAT);
        world.jar(&mut nobody).extend(cookie.map(|cookie| (SESSION.to_owned(), cookie.to_owned())));
        say(&world, &mut nobody, &desktop.id, &number, "allow").await.assert_page(403, "login-expired");
    }
    // The desktop cannot speak for the phone.
    say(&world, &mut desktop.browser, &desktop.id, &number, "allow").await.assert_page(403, "login-expired");
    assert_eq!(desktop.number(&world).await, number, "nothing has happened");
    desktop.assert_no_way_in(&world).await;
}

#[tokio::test]
async fn a_phone_that_signs_out_takes_its_word_back() {
    let (world, mut desktop, mut phone, number) = scanned("/").await;
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    world.sign_out(&mut phone).await;
    desktop.finish(&world).await.assert_page(403, "login-declined");
    desktop.assert_no_way_in(&world).await;
}

#[tokio::test]
async fn a_snapshot_visitor_never_says_yes() {
    let lines = "scope = 'userinfo'\nsnapshot = 'pass'";
    let wechat = Settings { snapshot: Snapshot::Always, ..Settings::default() };
    let world = World::with(|text| within(&text, "official_account", lines) + HANDOFF, wechat).await;
    let mut desktop = Desktop::open(&world, "/").await;
    let mut virtual_one = world.visitor("lin");
    scan(&world, &mut virtual_one, &desktop.id).await.assert_page(403, "snapshot");
    assert!(world.session_of(&mut virtual_one).is_some(), "snapshots may pass at this site");
    assert_eq!(desktop.state(&world).await, "waiting", "the ticket is not taken up");
    for number in 10..100 {
        let said = say(&world, &mut virtual_one, &desktop.id, &number.to_string(), "allow").await;
        said.assert_page(403, "login-expired");
    }
    desktop.assert_no_way_in(&world).await;
}

#[tokio::test]
async fn r20_a_parameter_comes_once() {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/").await;
    let mut phone = world.visitor("lin");
    scan(&world, &mut phone, &desktop.id).await;
    let (id, number) = (desktop.id.clone(), desktop.number(&world).await);
    for path in ["", "/wait", "/state", "/finish"] {
        let answer = desktop.browser.get(&world.url(&format!("/_wechat/handoff{path}?t={id}&%74={id}"))).await;
        answer.assert_page(400, "bad-request");
    }
    desktop
        .browser
        .get(&world.url(&format!("/_wechat/handoff/finish?t={id}&rd=/&rd=/")))
        .await
        .assert_page(400, "bad-request");
    let own = format!("http://{}", world.gate);
    for twice in [
        format!("ticket={id}&ticket={id}&number={number}&answer=allow"),
        format!("ticket={id}&number={number}&n%75mber={number}&answer=allow"),
        format!("ticket={id}&number={number}&answer=allow&answer=refuse"),
    ] {
        send(&world, &mut phone, &twice, Some(&own)).await.assert_page(400, "bad-request");
    }
    assert_eq!(desktop.number(&world).await, number);
}

#[tokio::test]
async fn r15_strangers_bytes_find_no_ticket() {
    let world = World::start(HANDOFF).await;
    let mut browser = world.browser(CHROME);
    let mut phone = world.signed_in("lin").await;
    let long = "a".repeat(4000);
    let upper = "ABCDEF0123456789ABCDEF0123456789";
    for t in ["", "x", "%00", "%ff%fe", "0123456789abcdef0123456789abcde", upper, &long, "../../../etc/passwd"] {
        let path = |end: &str| world.url(&format!("/_wechat/handoff{end}?t={t}"));
        assert_eq!(browser.fetch(&path("/state")).await.text(), "expired", "{t}");
        assert_eq!(browser.fetch(&path("/wait")).await.text(), "data: expired\n\n", "{t}");
        browser.get(&path("/finish")).await.assert_page(403, "login-expired");
        phone.get(&path("")).await.assert_page(403, "login-expired");
        say(&world, &mut phone, t, "42", "allow").await.assert_page(403, "login-expired");
    }
    for form in ["", "&&&", "ticket", "%", "ticket=\u{0}\u{1}", "\u{feff}"] {
        let own = format!("http://{}", world.gate);
        assert_eq!(send(&world, &mut phone, form, Some(&own)).await.status, 403, "{form:?}");
    }
}

#[tokio::test]
async fn whoever_reads_the_code_outside_wechat_is_told_to_use_wechat() {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/").await;
    for agent in [CHROME, SAFARI, WECOM] {
        let page = world.browser(agent).get(&world.url(&format!("/_wechat/handoff?t={}", desktop.id))).await;
        page.assert_page(401, "not-in-wechat");
        assert!(page.shown().contains(&format!("/_wechat/handoff?t={}", desktop.id)), "{agent}");
    }
    assert_eq!(desktop.state(&world).await, "waiting");
}
