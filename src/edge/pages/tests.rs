//! Every fault, as page and as problem, in both languages: what must be there, and what must never be.

mod hostile;
mod ways_in;

use std::collections::HashSet;

use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, X_FRAME_OPTIONS,
};

use super::*;
use crate::config::{Language, Paths, PublicUrl};
use crate::edge::fault::Barrier;
use crate::edge::fault::tests::one_of_each;
use crate::request::Oversize;
use crate::request::RequestId;
use crate::types::{Instead, Outside, SessionId};

const ORIGIN: &str = "https://m.example.com";
const TARGET: &str = "/shop/item?id=4&from=手机#top";

fn places() -> (PublicUrl, Paths) {
    let public_url = PublicUrl { origin: ORIGIN.into(), https: true, host: "m.example.com".into(), port: None };
    let path = |end: &str| format!("/_wechat{end}");
    let paths = Paths {
        prefix: path(""),
        login: path("/login"),
        callback: path("/callback"),
        logout: path("/logout"),
        me: path("/me"),
    };
    (public_url, paths)
}

fn pages(language: Language) -> Pages {
    let (public_url, paths) = places();
    Pages::new(&public_url, &paths, &config::Pages { site_name: None, logo: None }, language)
}

fn asker(wants_page: bool, chinese: Option<bool>) -> Asker {
    Asker { id: RequestId::Fresh(SessionId([0xab; 16])), wants_page, chinese }
}

fn answer(reason: &Reason, asker: &Asker) -> Response<Bytes> {
    pages(Language::Auto).answer(&reason.clone().into(), asker)
}

fn body(response: &Response<Bytes>) -> &str {
    str::from_utf8(response.body()).expect("answers are UTF-8")
}

fn header<'a>(response: &'a Response<Bytes>, name: &HeaderName) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("our headers are ASCII"))
}

/// Every answer to every reason with that target, as a page in both languages and as a problem.
fn every_answer(target: &str) -> impl Iterator<Item = (Reason, Asker, Response<Bytes>)> {
    let askers = [asker(true, Some(true)), asker(true, Some(false)), asker(false, None)];
    one_of_each(target)
        .into_iter()
        .flat_map(move |reason| askers.clone().map(|asker| (reason.clone(), asker.clone(), answer(&reason, &asker))))
}

/// The start tags of a page: name, then attributes. Escaped text holds no angle bracket or quote, so this is exact.
fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut rest = html;
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("every tag ends");
        let tag = tag.trim_end_matches('/');
        rest = after;
        let (name, mut attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        let mut list = Vec::new();
        while let Some((key, value)) = attributes.split_once("=\"") {
            let (value, more) = value.split_once('"').expect("every value ends");
            list.extend(key.split_whitespace().map(|key| (key.to_owned(), unescape(value))));
            attributes = more;
        }
        list.extend(attributes.split_whitespace().map(|key| (key.to_owned(), String::new())));
        if matches!(name, "style" | "script") {
            let end = rest.find(&format!("</{name}>")).expect("every style and script ends");
            rest = &rest[end..];
        }
        found.push((name.to_owned(), list));
    }
    found
}

fn unescape(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn attributes<'a>(tags: &'a [(String, Vec<(String, String)>)], name: &str) -> Vec<&'a str> {
    let all = tags.iter().flat_map(|(_, attributes)| attributes);
    all.filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn every_answer_is_private_and_carries_the_request_id() {
    for (reason, asker, response) in every_answer(TARGET) {
        assert_eq!(response.status(), reason.status(), "{reason:?}");
        for (name, expected) in [
            (CACHE_CONTROL, "no-store"),
            (HeaderName::from_static("x-content-type-options"), "nosniff"),
            (HeaderName::from_static("x-request-id"), "abababababababababababababababab"),
            (REFERRER_POLICY, "no-referrer"),
            (X_FRAME_OPTIONS, "DENY"),
        ] {
            assert_eq!(header(&response, &name), expected, "{reason:?} {name}");
        }
        let kind = if asker.wants_page { "text/html; charset=utf-8" } else { "application/problem+json" };
        assert_eq!(header(&response, &CONTENT_TYPE), kind);
        assert!(body(&response).contains("abababababababababababababababab"), "{reason:?} hides its id");
    }
}

#[test]
fn r14_the_policy_allows_exactly_our_own_style_and_script() {
    let mut nonces = HashSet::new();
    let mut pages = 0;
    for (reason, asker, response) in every_answer(TARGET) {
        let policy = header(&response, &CONTENT_SECURITY_POLICY);
        let directives: Vec<&str> = policy.split("; ").collect();
        assert!(
            directives.contains(&"default-src 'none'") && directives.contains(&"frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        if !asker.wants_page {
            continue;
        }
        let tags = tags(body(&response));
        let scripted = matches!(reason, Reason::NotInWechat { .. });
        let nonce = attributes(&tags, "nonce")[0];
        assert_eq!(attributes(&tags, "nonce"), vec![nonce; 1 + usize::from(scripted)]);
        assert!(directives.contains(&format!("style-src 'nonce-{nonce}'").as_str()), "{policy}");
        assert_eq!(directives.contains(&format!("script-src 'nonce-{nonce}'").as_str()), scripted, "{policy}");
        assert_eq!(data_encoding::BASE64URL_NOPAD.decode(nonce.as_bytes()).map(|bytes| bytes.len()), Ok(16));
        nonces.insert(nonce.to_owned());
        pages += 1;
    }
    assert_eq!(nonces.len(), pages, "a nonce was used twice");
}

fn pages_logout(rd: &str) -> Response<Bytes> {
    pages(Language::Auto).confirm_logout(rd, &asker(true, None))
}

#[test]
fn problems_hold_the_members_of_the_contract_and_no_others() {
    for target in hostile::STRINGS.into_iter().chain([TARGET]) {
        for (reason, _, response) in every_answer(target).filter(|(_, asker, _)| !asker.wants_page) {
            let problem: serde_json::Value = serde_json::from_slice(response.body()).expect("a problem is JSON");
            let members = problem.as_object().expect("a problem is an object");
            assert_eq!(problem["type"], format!("urn:wxgate:{}", reason.slug()));
            assert_eq!(problem["status"], reason.status().as_u16());
            assert_eq!(problem["request_id"], "abababababababababababababababab");
            for text in ["title", "detail"] {
                assert!(problem[text].as_str().is_some_and(|text| text.len() > 5), "{text} in {reason:?}");
            }
            let with_url = matches!(reason, Reason::LoginRequired { .. });
            assert_eq!(members.len(), 5 + usize::from(with_url), "{members:?}");
            assert_eq!(members.contains_key("login_url"), with_url);
        }
    }
}

#[test]
fn the_login_url_brings_back_the_target_byte_for_byte() {
    for target in hostile::STRINGS.into_iter().chain([TARGET, "/a?x=1&y=%2F+#frag ment"]) {
        let reason = Reason::LoginRequired { target: target.to_owned(), scope: None };
        let problem = answer(&reason, &asker(false, None));
        let url = header(&problem, &X_WECHAT_LOGIN_URL);
        let query = url.strip_prefix("https://m.example.com/_wechat/login?").expect("it is the login endpoint");
        let fields: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        assert_eq!(fields, [("rd".into(), target.into())]);
        let document: serde_json::Value = serde_json::from_slice(problem.body()).expect("a problem is JSON");
        assert_eq!(document["login_url"], url);

        let page = answer(&reason, &asker(true, None));
        assert_eq!(header(&page, &X_WECHAT_LOGIN_URL), url);
        let tags = tags(body(&page));
        assert_eq!(attributes(&tags, "href"), [url.strip_prefix(ORIGIN).expect("it is on this site")]);
    }
}

#[test]
fn the_login_url_asks_for_the_scope_that_is_lacking() {
    for (scope, query) in
        [(None, "?rd=/vip"), (Some(Scope::Base), "?rd=/vip"), (Some(Scope::UserInfo), "?rd=/vip&scope=userinfo")]
    {
        let problem = answer(&Reason::LoginRequired { target: "/vip".to_owned(), scope }, &asker(false, None));
        assert!(header(&problem, &X_WECHAT_LOGIN_URL).ends_with(query), "{scope:?}");
    }
}

#[test]
fn only_sign_in_itself_is_offered_as_a_login_url() {
    for (reason, _, response) in every_answer(TARGET) {
        let offered = response.headers().contains_key(X_WECHAT_LOGIN_URL);
        assert_eq!(offered, matches!(reason, Reason::LoginRequired { .. }), "{reason:?}");
    }
}

#[test]
fn retry_after_goes_with_what_passes() {
    for (reason, _, response) in every_answer(TARGET) {
        let expected = match reason {
            Reason::RateLimited { .. } => "12",
            Reason::NoTicket { misconfigured: false, .. } => "2",
            Reason::NoTicket { misconfigured: true, .. } => "60",
            Reason::WechatUnavailable { .. } => "10",
            Reason::WechatMisconfigured => "300",
            Reason::Overloaded => "5",
            _ => "",
        };
        assert_eq!(header(&response, &RETRY_AFTER), expected, "{reason:?}");
    }
}

#[test]
fn buttons_lead_where_they_say() {
    let login = "/_wechat/login?rd=/shop/item%3Fid%3D4%26from%3D%E6%89%8B%E6%9C%BA%23top";
    for (reason, _, response) in every_answer(TARGET).filter(|(_, asker, _)| asker.wants_page) {
        let expected = match reason {
            Reason::LoginRequired { .. }
            | Reason::LoginDeclined { .. }
            | Reason::LoginExpired { .. }
            | Reason::HandoffRefused { .. }
            | Reason::WechatUnavailable { .. } => Some(login),
            Reason::LoginLoop => Some("https://m.example.com/"),
            Reason::AmbiguousPath { .. }
            | Reason::HeaderTooLarge(Oversize::RequestLine)
            | Reason::Forbidden(Barrier::ForeignOrigin) => Some("/"),
            Reason::RateLimited { .. }
            | Reason::NoTicket { .. }
            | Reason::UpstreamUnreachable
            | Reason::UpstreamBroken
            | Reason::UpstreamTimeout
            | Reason::Overloaded => Some(""),
            _ => None,
        };
        let page = body(&response);
        assert_eq!(attributes(&tags(page), "href").first().copied(), expected, "{reason:?}");
        assert!(!page.contains("></a>") && !page.contains(">none<"), "a button without a label: {reason:?}");
    }
}

#[test]
fn pages_speak_one_language_at_a_time() {
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    for reason in one_of_each("/") {
        let page = answer(&reason, &asker(true, Some(true)));
        assert!(body(&page).contains("<html lang=\"zh-CN\">") && chinese(body(&page)), "{reason:?}");
        let page = answer(&reason, &asker(true, Some(false)));
        assert!(body(&page).contains("<html lang=\"en\">"));
        // The one thing a visitor must find on the screen is named as it stands there.
        assert!(!chinese(&body(&page).replace("使用完整服务", "")), "{reason:?}");
    }
}

#[test]
fn the_language_is_the_configured_one_else_the_visitors_else_chinese() {
    for (language, wish, expected) in [
        (Language::Auto, None, "zh-CN"),
        (Language::Auto, Some(true), "zh-CN"),
        (Language::Auto, Some(false), "en"),
        (Language::Chinese, Some(false), "zh-CN"),
        (Language::English, Some(true), "en"),
        (Language::English, None, "en"),
    ] {
        let page = pages(language).answer(&Reason::Overloaded.into(), &asker(true, wish));
        assert!(body(&page).contains(&format!("lang=\"{expected}\"")), "{language:?} {wish:?}");
        let page = pages(language).confirm_logout("/", &asker(true, wish));
        assert!(body(&page).contains(&format!("lang=\"{expected}\"")), "{language:?} {wish:?}");
    }
}

#[test]
fn pages_stay_small() {
    /// What a phone on a bad network gets quickly.
    const LIMIT: usize = 30_000;
    // Slashes fill a code least and a page most: six bytes each, escaped.
    let lengths: Vec<usize> = (1..2_048).collect();
    let drawable = lengths.partition_point(|length| qr::draw(&format!("{ORIGIN}{}", "/".repeat(*length))).is_some());
    assert!((500..1_000).contains(&drawable), "{drawable}");
    for target in ["/", &"/".repeat(drawable), &format!("/{}", "\"".repeat(2_047))] {
        for (reason, _, response) in every_answer(target) {
            assert!(response.body().len() < LIMIT, "{} bytes for {reason:?}", response.body().len());
        }
    }
}

#[test]
fn outside_wechat_the_address_is_shown_and_drawn_for_phones() {
    for (outside, target, drawn) in [
        (Outside::Desktop, TARGET, true),
        (Outside::Desktop, &*format!("/{}", "é".repeat(300)), false),
        (Outside::Phone, TARGET, false),
        (Outside::WeCom, TARGET, false),
    ] {
        let reason = Reason::NotInWechat { outside, instead: Instead::WeChat, target: target.to_owned() };
        let page = answer(&reason, &asker(true, Some(false)));
        let (_, address) = body(&page).split_once("<span id=\"address\" tabindex=\"0\">").expect("there is an address");
        let (address, _) = address.split_once("</span>").expect("it ends");
        assert_eq!(unescape(address), format!("{ORIGIN}{target}"), "{outside:?}");
        assert_eq!(body(&page).contains("crispEdges"), drawn, "{outside:?}");
        // Without its script the page shows no button that does nothing.
        assert!(body(&page).contains("aria-live=\"polite\" hidden>"));
        if let Some(drawing) = drawn.then(|| qr::draw(&format!("{ORIGIN}{target}")).expect("short enough")) {
            assert!(attributes(&tags(body(&page)), "d").contains(&drawing.path.as_str()));
        }
    }
}

#[test]
fn sign_out_is_confirmed_by_a_form_that_keeps_its_origin() {
    let response = pages_logout(TARGET);
    assert_eq!(response.status(), StatusCode::OK);
    // Under `no-referrer` the browser would send `Origin: null`, which sign-out refuses.
    assert_eq!(header(&response, &REFERRER_POLICY), "same-origin");
    assert!(header(&response, &CONTENT_SECURITY_POLICY).ends_with("; form-action https: http:"));
    assert_eq!(header(&response, &CACHE_CONTROL), "no-store");
    let tags = tags(body(&response));
    assert_eq!(attributes(&tags, "method"), ["post"]);
    assert_eq!(attributes(&tags, "action"), ["/_wechat/logout"]);
    assert_eq!(attributes(&tags, "value"), [TARGET]);
    assert_eq!(attributes(&tags, "href"), [format!("{ORIGIN}{TARGET}")]);
}

#[test]
fn the_way_by_the_fragment_is_a_link_that_a_script_goes_on_with() {
    for (target, scope, link) in [
        (TARGET, None, "/_wechat/login?rd=/shop/item%3Fid%3D4%26from%3D%E6%89%8B%E6%9C%BA%23top"),
        ("/", Some(Scope::UserInfo), "/_wechat/login?rd=/&scope=userinfo"),
        ("/?rd=/a&scope=b", Some(Scope::Base), "/_wechat/login?rd=/%3Frd%3D/a%26scope%3Db&scope=base"),
    ] {
        let response = pages(Language::Auto).keep_fragment(target, scope, &asker(true, Some(false)));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, &CACHE_CONTROL), "no-store");
        let tags = tags(body(&response));
        assert_eq!(attributes(&tags, "href"), [link]);
        let nonce = attributes(&tags, "nonce")[0];
        let policy = header(&response, &CONTENT_SECURITY_POLICY);
        assert!(policy.contains(&format!("script-src 'nonce-{nonce}'")) && !policy.contains("unsafe"), "{policy}");
    }
}

#[test]
fn pages_are_shared_between_workers() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&pages(Language::Auto));
}
