//! Is somebody looking at a page, and in which language (contract sections 5 and 10).

use http::header::{ACCEPT, ACCEPT_LANGUAGE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::headers::wanted_upgrade;
use super::{Peer, RequestId};
use crate::clock::random_id;
use crate::types::SessionId;

/// What an answer of the gate's own depends on; outlives the request.
#[derive(Debug, Clone)]
pub struct Asker {
    pub id: RequestId,
    /// A page, or a problem document?
    pub wants_page: bool,
    /// Whether `Accept-Language` puts Chinese before English. `None`: it names neither.
    pub chinese: Option<bool>,
}

impl Asker {
    /// For an answer to what is no request.
    #[must_use]
    pub fn unknown() -> Self {
        let id = RequestId::Fresh(SessionId(random_id()));
        Self { id, wants_page: false, chinese: None }
    }

    pub(super) fn of(parts: &Parts, peer: &Peer) -> Self {
        let headers = &parts.headers;
        let wants_page = accepts_html(headers) && is_navigation(headers) && wanted_upgrade(headers).is_none();
        Self {
            id: RequestId::of(headers, peer),
            wants_page,
            chinese: if wants_page { prefers_chinese(headers) } else { None },
        }
    }
}

/// Contract section 5, but for routes' `on_anonymous` and `Upgrade`, which the caller knows better.
pub(super) fn is_navigation(headers: &HeaderMap) -> bool {
    if let Some(mode) = headers.get("sec-fetch-mode") {
        return mode == "navigate";
    }
    if headers.get("x-requested-with").is_some_and(|with| with.as_bytes().eq_ignore_ascii_case(b"XMLHttpRequest")) {
        return false;
    }
    if accepts_html(headers) {
        return true;
    }
    let anything = headers.get(ACCEPT).is_none_or(|accept| accept.as_bytes().trim_ascii() == b"*/*");
    anything && headers.get(USER_AGENT).is_some_and(is_browser)
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|accept| memchr::memmem::find(accept.as_bytes(), b"text/html").is_some())
}

fn is_browser(agent: &HeaderValue) -> bool {
    let agent = agent.as_bytes();
    agent.starts_with(b"Mozilla/")
        || contains_ignoring_case(agent, b"micromessenger")
        || contains_ignoring_case(agent, b"wxwork")
}

fn contains_ignoring_case(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}

/// By the order of the list: quality values that contradict it are not worth the code.
fn prefers_chinese(headers: &HeaderMap) -> Option<bool> {
    let list = headers.get(ACCEPT_LANGUAGE)?.as_bytes();
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).find_map(|language| match language.get(..2)? {
        start if start.eq_ignore_ascii_case(b"zh") => Some(true),
        start if start.eq_ignore_ascii_case(b"en") => Some(false),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn navigation_is_told_by_the_first_sign() {
        const WECHAT: &str = "Mozilla/5.0 (iPhone) MicroMessenger/8.0.31";
        let cases: &[(bool, &[(&str, &str)])] = &[
            (true, &[("sec-fetch-mode", "navigate"), ("accept", "application/json")]),
            (false, &[("sec-fetch-mode", "cors"), ("accept", "text/html")]),
            (false, &[("x-requested-with", "XMLHttpRequest"), ("accept", "text/html")]),
            (true, &[("accept", "text/html,*/*")]),
            (false, &[("accept", "application/json"), ("user-agent", WECHAT)]),
            (true, &[("accept", "*/*"), ("user-agent", WECHAT)]),
            (true, &[("user-agent", "Mozilla/5.0")]),
            (false, &[("accept", "*/*"), ("user-agent", "curl/8")]),
            (false, &[]),
        ];
        for (expected, lines) in cases {
            assert_eq!(is_navigation(&headers(lines)), *expected, "{lines:?}");
        }
    }

    #[test]
    fn languages_go_by_their_order() {
        for (list, expected) in [
            ("zh-CN,en;q=0.8", Some(true)),
            ("en-US,zh", Some(false)),
            ("fr, zh-TW", Some(true)),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(prefers_chinese(&headers(&[("accept-language", list)])), expected, "{list}");
        }
    }
}
