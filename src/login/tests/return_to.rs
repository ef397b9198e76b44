//! Hostile return targets, by list, by generator and by chance.

use proptest::prelude::*;
use url::Url;

use crate::config::PublicUrl;
use crate::login::ReturnTo;

fn site() -> PublicUrl {
    PublicUrl { origin: "https://m.example.com".into(), https: true, host: "m.example.com".into(), port: None }
}

/// What a browser makes of a `Location` of ours.
fn lands_on(location: &str) -> Url {
    Url::parse("https://m.example.com/_wechat/callback?code=x#wechat_redirect")
        .and_then(|here| here.join(location))
        .expect("a location of ours always resolves")
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(ReturnTo::parse(text, &site()).as_str(), expected, "{text:?}");
}

#[test]
fn places_of_this_site_are_kept_as_they_are() {
    for place in [
        "/",
        "/a/b.html?x=1&y=%2F%2f&z=a+b#frag",
        "/a//b",
        "/%2F/evil.example",
        "/%E4%B8%AD?q=%F0%9F%98%80",
        "/?",
        "/#",
        "/#/route?x=1",
        "/a?u=https://evil.example/",
        "/@evil.example",
        "/a;b=c:d",
        "/search?q=a|b",
    ] {
        check(place, place);
    }
    check("/中文?q=中", "/%E4%B8%AD%E6%96%87?q=%E4%B8%AD");
    check(" \t/a\r\n", "/a");
}

#[test]
fn absolute_urls_of_this_very_origin_are_reduced_to_their_place() {
    for (url, place) in [
        ("https://m.example.com/a?b#c", "/a?b#c"),
        ("https://M.EXAMPLE.COM:443", "/"),
        ("HTTPS://m.example.com\\a", "/a"),
        ("http://m.example.com/a", "/"),
        ("https://m.example.com:8443/a", "/"),
        ("https://m.example.com./a", "/"),
        ("https://www.m.example.com/a", "/"),
        ("https://example.com/a", "/"),
        ("https://m.example.com@evil.example/a", "/"),
        ("https://user@m.example.com/a", "/"),
        ("https://:pw@m.example.com/a", "/"),
        ("https://m.example.com.evil.example/a", "/"),
        ("https://m.example.com%2eevil.example/a", "/"),
        ("https://m.example.com//evil.example", "/"),
        ("blob:https://m.example.com/a", "/"),
    ] {
        check(url, place);
    }
}

#[test]
fn a_place_too_long_for_a_cookie_is_the_front_page() {
    let fits = format!("/{}", "a".repeat(ReturnTo::MAX_BYTES - 1));
    check(&fits, &fits);
    check(&format!("{fits}a"), "/");
    check(&format!("/{}", "中".repeat(300)), "/");
}

#[test]
fn a_place_too_long_by_its_fragment_loses_that_alone() {
    let fits = format!("/a?b#{}", "c".repeat(ReturnTo::MAX_BYTES - 5));
    check(&fits, &fits);
    check(&format!("{fits}c"), "/a?b");
    check(&format!("https://m.example.com{fits}c"), "/a?b");
    check(&format!("/{}#b", "a".repeat(ReturnTo::MAX_BYTES)), "/");
    check(&format!("//evil.example/#{}", "c".repeat(ReturnTo::MAX_BYTES)), "/");
}

#[test]
fn the_return_from_wechat_always_has_a_fragment() {
    assert_eq!(ReturnTo::parse("/a?b", &site()).with_fragment(), "/a?b#");
    assert_eq!(ReturnTo::parse("/a#b", &site()).with_fragment(), "/a#b");
    assert_eq!(ReturnTo::parse("/#", &site()).with_fragment(), "/#");
}

/// Every way to begin times every way to name a host: what slipped through other gates, and its relatives.
fn hostile() -> Vec<String> {
    const BEGINNINGS: &[&str] = &[
        "//",
        "///",
        "////",
        "/\\",
        "\\/",
        "\\\\",
        "/\\/",
        "/\\\\",
        "\\",
        "/\t/",
        "/\n/",
        "/\r/",
        "/\r\n/",
        "\t//",
        "\n//",
        " //",
        "\u{0}//",
        "\u{1f}//",
        "/\t\\",
        "/\n\\",
        "//\t",
        "/.//",
        "/..//",
        "/./\\",
        "/../\\",
        "/a/..//",
        "/%2e%2e//",
        "/%2E/..//",
        "/a/../..//",
        "/.\\\\",
        "/..\\/",
        "https://",
        "https:",
        "https:/",
        "https:\\\\",
        "https:///",
        "http://",
        "http:",
        "HTTPS://",
        "ht\ttps://",
        "https:/\t/",
        "https:\n//",
        "ftp://",
        "ws://",
        "//user@",
        "//m.example.com@",
        "https://m.example.com@",
        "https://m.example.com:443@",
        "//m.example.com:pw@",
        "https://m.example.com\\@",
        "//%5c",
        "\u{a0}//",
        "\u{2028}//",
        "\u{feff}//",
        "/\u{2028}/",
        "／／",
        "/／",
    ];
    const HOSTS: &[&str] = &[
        "evil.example",
        "evil.example/",
        "evil.example:443/x",
        "evil.example\\x",
        "evil%2eexample",
        "evil。example",
        "evil.example?m.example.com",
        "evil.example#m.example.com",
        "evil.example/https://m.example.com",
        "1.2.3.4",
        "16909060",
        "0x01020304",
        "[::1]",
        "m.example.com.evil.example",
        "evil.example\t",
        "EVIL.example",
    ];
    const WHOLE: &[&str] = &[
        "",
        " ",
        "evil.example",
        "evil.example/x",
        ".",
        "..",
        "?",
        "#",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "about:blank",
        "mailto:a@b",
        "@evil.example",
        ":80",
        "://evil.example",
        "//",
        "///",
        "https://",
        "//[",
        "/\\",
        "https://[::1",
        "https://m.example.com:99999/",
        "//\u{0}",
        "%2f%2fevil.example",
        "%5c%5cevil.example",
        "view-source:https://evil.example",
        "tel:1",
        "intent://evil.example",
        "weixin://dl/scan",
    ];
    let pairs = BEGINNINGS.iter().flat_map(|start| HOSTS.iter().map(move |host| format!("{start}{host}")));
    pairs.chain(WHOLE.iter().map(ToString::to_string)).collect()
}

#[test]
fn r2_five_hundred_hostile_targets_stay_on_this_site() {
    let hostile = hostile();
    assert!(hostile.len() > 500, "{}", hostile.len());
    for text in hostile {
        stays_here(&text);
    }
}

#[test]
fn r2_hosts_in_disguise_become_the_front_page() {
    for text in [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/..//evil.example",
        "/.//evil.example",
        "https:evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/a/../..//evil.example",
        "\u{0}//evil.example",
    ] {
        check(text, "/");
    }
}

/// Ours by itself, with `#` appended, and judged again.
fn stays_here(text: &str) {
    let place = ReturnTo::parse(text, &site());
    for location in [place.as_str(), &place.with_fragment()] {
        assert_eq!(lands_on(location).origin().ascii_serialization(), "https://m.example.com", "{text:?}");
        assert!(!location.starts_with("//") && !location.starts_with("/\\"), "{text:?}");
        assert!(http::HeaderValue::from_str(location).is_ok(), "{text:?}");
    }
    assert_eq!(ReturnTo::parse(place.as_str(), &site()), place, "{text:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn r2_any_text_stays_on_this_site(text in r"[/\\.:@?#%\t\r\n a-zA-Z0-9\[\]]{0,40}") {
        stays_here(&text);
    }

    #[test]
    fn r2_any_text_at_all_stays_on_this_site(text: String) {
        stays_here(&text);
        stays_here(&format!("/{text}"));
    }
}
