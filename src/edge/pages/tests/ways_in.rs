//! The pages on the way in, and what every page shows of the site.

use super::*;
use crate::config::{Logo, Picture};
use crate::edge::pages::{Confirm, Settled, Waiting, Way};

const WAYS: [Way; 3] = [Way::WebsiteApp, Way::WeCom, Way::Handoff];

/// Every page on the way in, whatever is hostile in it.
fn every_page(said: &str, asker: &Asker) -> [Response<Bytes>; 6] {
    let pages = pages(Language::Auto);
    let waiting = Waiting { scan: said, number: Some(said), events: said, poll: said, next: said, seconds: 120 };
    let confirm = Confirm {
        action: "/_wechat/handoff",
        ticket: said,
        browser: Some(said),
        address: Some(said),
        same_network: true,
    };
    [
        pages.choose(&WAYS, said, Some(Scope::UserInfo), asker),
        pages.waiting(&waiting, asker),
        pages.confirm(&confirm, asker),
        pages.settled(Settled::Confirmed, asker),
        pages.settled(Settled::Refused, asker),
        pages.keep_fragment(said, None, asker),
    ]
}

#[test]
fn r14_the_pages_on_the_way_in_hold_hostile_data_as_text() {
    let scripts = [include_str!("../templates/waiting.js"), include_str!("../templates/fragment.js")];
    let names = [
        "html", "head", "meta", "title", "style", "noscript", "body", "div", "header", "svg", "rect", "path", "span",
        "main", "h1", "p", "b", "small", "ul", "li", "a", "form", "input", "label", "button", "dl", "dt", "dd",
        "script", "!doctype",
    ];
    for said in hostile::STRINGS {
        for response in every_page(said, &asker(true, None)) {
            let page = body(&response);
            let tags = tags(page);
            for (name, attributes) in tags.iter().filter(|(name, _)| !name.starts_with('/')) {
                assert!(names.contains(&name.as_str()), "<{name}> for {said:?}");
                assert!(
                    attributes.iter().all(|(key, _)| !key.starts_with("on") && key != "style"),
                    "<{name}>: {said:?}"
                );
            }
            let found = tags.iter().filter(|(name, _)| name == "script").count();
            assert_eq!(scripts.iter().filter(|script| page.contains(script.trim_end())).count(), found, "{said:?}");
            for (name, value) in response.headers() {
                assert!(value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte)), "{name}: {value:?}");
            }
            assert_eq!(header(&response, &CACHE_CONTROL), "no-store");
            let policy = header(&response, &CONTENT_SECURITY_POLICY);
            assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
            assert_eq!(policy.contains("connect-src 'self'"), page.contains("EventSource"), "{policy}");
        }
    }
}

#[test]
fn each_way_is_a_link_to_the_sign_in_that_names_its_door() {
    let page = pages(Language::Auto).choose(&WAYS, TARGET, None, &asker(true, None));
    assert_eq!(page.status(), StatusCode::OK);
    let login = "/_wechat/login?rd=/shop/item%3Fid%3D4%26from%3D%E6%89%8B%E6%9C%BA%23top";
    let links = ["website_app", "wecom", "handoff"].map(|door| format!("{login}&door={door}"));
    assert_eq!(attributes(&tags(body(&page)), "href"), links);
    let one = pages(Language::Auto).choose(&[Way::WeCom], "/", Some(Scope::UserInfo), &asker(true, None));
    assert_eq!(attributes(&tags(body(&one)), "href"), ["/_wechat/login?rd=/&scope=userinfo&door=wecom"]);
}

#[test]
fn a_desktop_shows_the_code_until_there_is_a_number() {
    let waiting = Waiting { scan: "/s", number: None, events: "/e", poll: "/p", next: "/n", seconds: 119 };
    let pages = pages(Language::Auto);
    for number in [None, Some("07")] {
        let page = pages.waiting(&Waiting { number, ..waiting }, &asker(true, None));
        let tags = tags(body(&page));
        let hidden = |id: &str| {
            let of =
                |key: &str, value: &str, list: &[(String, String)]| list.iter().any(|(k, v)| k == key && v == value);
            tags.iter().any(|(_, list)| of("id", id, list) && of("hidden", "", list))
        };
        assert_eq!((hidden("code"), hidden("scanned")), (number.is_some(), number.is_none()));
        assert_eq!(body(&page).contains("<b id=\"number\">07</b>"), number.is_some());
        let drawing = qr::draw(&format!("{ORIGIN}/s")).expect("short enough");
        assert!(body(&page).contains(&drawing.path));
        for (key, value) in [("data-events", "/e"), ("data-poll", "/p"), ("href", "/n"), ("data-seconds", "119")] {
            assert_eq!(attributes(&tags, key), [value]);
        }
        assert!(attributes(&tags, "content").contains(&"5; url=/n"));
    }
}

#[test]
fn a_phone_can_refuse_without_typing() {
    let confirm = Confirm { action: "/h", ticket: "t", browser: None, address: None, same_network: false };
    let page = pages(Language::Auto).confirm(&confirm, &asker(true, None));
    let tags = tags(body(&page));
    let buttons: Vec<_> = tags.iter().filter(|(name, _)| name == "button").map(|(_, list)| list).collect();
    let says = |list: &[(String, String)], key: &str| list.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    assert_eq!(says(buttons[0], "value").as_deref(), Some("allow"));
    assert_eq!(says(buttons[1], "value").as_deref(), Some("refuse"));
    assert_eq!((says(buttons[0], "formnovalidate"), says(buttons[1], "formnovalidate")), (None, Some(String::new())));
    assert!(header(&page, &CONTENT_SECURITY_POLICY).contains("; form-action "));
}

#[test]
fn every_page_shows_the_sites_name_and_logo() {
    let logo = Logo { bytes: b"<svg/>".to_vec(), picture: Picture::Svg };
    let shown = config::Pages { site_name: Some("山风 <b>茶舍</b>".to_owned()), logo: Some(logo) };
    let (public_url, paths) = places();
    let pages = Pages::new(&public_url, &paths, &shown, Language::Auto);
    let asker = asker(true, None);
    for reason in one_of_each("/") {
        let page = pages.answer(&reason.clone().into(), &asker);
        assert!(body(&page).contains("<span>山风 &lt;b&gt;茶舍&lt;&#x2f;b&gt;</span>"), "{reason:?}");
        assert!(body(&page).contains("<img class=\"logo\" src=\"&#x2f;_wechat&#x2f;logo\" alt=\"\">"), "{reason:?}");
        assert!(header(&page, &CONTENT_SECURITY_POLICY).contains("; img-src 'self'; "), "{reason:?}");
        let plain = answer(&reason, &asker);
        assert!(body(&plain).contains("<span>m.example.com</span>") && !body(&plain).contains("<img"), "{reason:?}");
        assert!(!header(&plain, &CONTENT_SECURITY_POLICY).contains("img-src"), "{reason:?}");
    }
}

#[test]
fn the_pages_on_the_way_in_stay_small() {
    // The longest target there can be, of what takes most room in a query.
    let target = format!("/{}", "\"".repeat(2_047));
    let next = format!("/_wechat/handoff/finish?t={}&rd=/{}", "0".repeat(32), "%22".repeat(2_047));
    let own = "/_wechat/handoff/state?t=00112233445566778899aabbccddeeff";
    let waiting = Waiting { scan: own, number: None, events: own, poll: own, next: &next, seconds: 120 };
    let (pages, asker) = (pages(Language::Auto), asker(true, None));
    for page in [
        pages.choose(&WAYS, &target, Some(Scope::UserInfo), &asker),
        pages.keep_fragment(&target, None, &asker),
        pages.waiting(&waiting, &asker),
    ] {
        assert!(page.body().len() < 30_000, "{} bytes", page.body().len());
    }
}
