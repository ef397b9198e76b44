//! What strangers would like our pages and headers to say, and what they say instead.

use super::*;

/// Return targets that try to be markup, script, headers, templates or other sites.
pub(super) const STRINGS: [&str; 9] = [
    "/\"><script>alert(1)</script>",
    "/'onmouseover='alert(1)",
    "/\" onload=\"alert(1)",
    "/a\r\nSet-Cookie: owned=1\r\n\r\n<b>",
    "javascript:alert(1)",
    "//evil.example/",
    "@evil.example/",
    "/{{ 7 * 7 }}{% include 'style.css' %}",
    "/\u{0}\u{7f}\u{2028}&amp;&lt;",
];

#[test]
fn r14_hostile_data_stays_text() {
    const KNOWN: [&str; 28] = [
        "aria-hidden",
        "aria-label",
        "aria-live",
        "charset",
        "class",
        "content",
        "d",
        "data-copied",
        "fill",
        "height",
        "hidden",
        "href",
        "html",
        "id",
        "lang",
        "name",
        "nonce",
        "role",
        "rx",
        "shape-rendering",
        "stroke",
        "tabindex",
        "type",
        "viewBox",
        "width",
        "action",
        "method",
        "value",
    ];
    let script = format!("{}\n</script>", include_str!("../templates/copy.js").trim_end());
    for target in STRINGS {
        let pages = every_answer(target).filter(|(_, asker, _)| asker.wants_page);
        let logout = (Reason::Snapshot, asker(true, None), pages_logout(target));
        for (reason, _, response) in pages.chain([logout]) {
            let page = body(&response);
            let tags = tags(page);
            for (name, attributes) in &tags {
                for (key, _) in attributes {
                    assert!(KNOWN.contains(&key.as_str()), "<{name} {key}> for {target:?} in {reason:?}");
                }
            }
            let scripts = tags.iter().filter(|(name, _)| name == "script").count();
            assert_eq!(scripts, usize::from(matches!(reason, Reason::NotInWechat { .. })), "{reason:?}");
            assert_eq!(page.matches(&script).count(), scripts, "a script is not ours alone: {reason:?}");
        }
    }
}

#[test]
fn r2_no_link_leads_off_the_site() {
    for target in STRINGS {
        let pages = every_answer(target).filter(|(_, asker, _)| asker.wants_page).map(|(_, _, response)| response);
        for response in pages.chain([pages_logout(target)]) {
            let tags = tags(body(&response));
            for link in attributes(&tags, "href").into_iter().chain(attributes(&tags, "action")) {
                let ours = link.strip_prefix(ORIGIN).unwrap_or(link);
                let local = link.is_empty() || link.starts_with("/_wechat/") || link == "/";
                assert!(local || (ours != link && ours.starts_with('/')), "{link:?} for {target:?}");
            }
        }
    }
}

#[test]
fn r14_the_page_for_fragments_holds_what_was_asked_for_in_its_link_alone() {
    let script = include_str!("../templates/fragment.js").trim_end();
    for target in STRINGS {
        let response = pages(Language::Auto).keep_fragment(target, None, &asker(true, None));
        let tags = tags(body(&response));
        let links = attributes(&tags, "href");
        let rd = links[0].strip_prefix("/_wechat/login?rd=").expect("it is the login endpoint");
        assert!(rd.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte)), "{rd}");
        assert_eq!((links.len(), tags.iter().filter(|(name, _)| name == "script").count()), (1, 1), "{target:?}");
        assert_eq!(body(&response).matches(script).count(), 1);
    }
}

#[test]
fn r21_no_header_holds_what_a_request_said() {
    for target in STRINGS {
        for (reason, _, response) in every_answer(target) {
            for (name, value) in response.headers() {
                assert!(value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte)), "{name}: {value:?}");
                let said = value.to_str().expect("it is ASCII");
                assert!(!said.contains(['<', '"']) && !said.contains("owned=1"), "{name}: {said} in {reason:?}");
            }
            assert!(response.headers().get(SET_COOKIE).is_none());
        }
    }
}

#[test]
fn r28_neither_cause_nor_cookie_is_in_the_answer() {
    let secret = "oX7secretsecretsecretsecret1";
    for reason in one_of_each("/") {
        for asker in [asker(true, None), asker(false, None)] {
            let cookie = HeaderValue::from_static("__Host-wxgate=; Max-Age=0; Path=/; Secure");
            let fault =
                reason.clone().because(format!("refused {secret}")).with_cookies([cookie.clone(), cookie.clone()]);
            let response = pages(Language::Auto).answer(&fault, &asker);
            assert!(!body(&response).contains(secret) && !body(&response).contains("__Host"), "{reason:?}");
            let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
            assert_eq!(cookies, [&cookie, &cookie]);
            assert!(!format!("{:?}", response.headers()).contains(secret), "{reason:?}");
        }
    }
}

#[test]
fn a_trusted_peers_id_is_shown_as_text() {
    let id = RequestId::Kept(HeaderValue::from_static("<script>\"'&x"));
    let page = pages(Language::Auto).answer(&Reason::LoginLoop.into(), &Asker { id: id.clone(), ..asker(true, None) });
    assert!(body(&page).contains("<code>&lt;script&gt;&quot;&#x27;&amp;x</code>"));
    let problem = pages(Language::Auto).answer(&Reason::LoginLoop.into(), &Asker { id, ..asker(false, None) });
    let document: serde_json::Value = serde_json::from_slice(problem.body()).expect("a problem is JSON");
    assert_eq!(document["request_id"], "<script>\"'&x");
}
