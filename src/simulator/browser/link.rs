//! The authorize link, read as strictly as WeChat does: an anchored pattern over the raw query.

use percent_encoding::percent_decode_str;

use super::page_error::{self, PageError};
use super::way_back::WayBack;

/// The longest `state`, in bytes after decoding.
pub(super) const MAX_STATE: usize = 128;

/// What the link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `/connect/oauth2/authorize`.
    Authorize,
    /// `/connect/qrconnect`.
    QrConnect,
}

/// A link whose parameters are all there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) app_id: String,
    pub(super) scope: String,
    pub(super) way_back: WayBack,
    pub(super) force_popup: bool,
    pub(super) force_snapshot: bool,
    pub(super) connect_redirect: bool,
    pub(super) component: bool,
    /// The application of a corporation that asks, where one is named.
    pub(super) agent_id: Option<String>,
    /// The page's language, at the endpoint that takes one.
    pub(super) lang: String,
}

impl Link {
    /// Reads a raw query. `lenient` takes the parameters in any order and ignores what it does not know.
    pub(super) fn parse(raw: &str, endpoint: Endpoint, lenient: bool) -> Result<Self, PageError> {
        let parameters = if lenient { tolerated(raw) } else { strict(raw, endpoint) };
        let parameters = parameters.ok_or(page_error::UNREACHABLE)?;
        let value = |name: &str| {
            let found = parameters.iter().find(|(key, _)| *key == name);
            found.map_or("", |(_, value)| *value)
        };
        let text = |name: &str| percent_decode_str(value(name)).decode_utf8_lossy().into_owned();
        let link = Self {
            app_id: text("appid"),
            scope: text("scope"),
            way_back: WayBack {
                redirect_uri: text("redirect_uri"),
                state: percent_decode_str(value("state")).collect(),
            },
            force_popup: value("forcePopup") == "true",
            force_snapshot: value("forceSnapShot") == "true",
            connect_redirect: !value("connect_redirect").is_empty(),
            component: !value("component_appid").is_empty(),
            agent_id: Some(text("agentid")).filter(|agent_id| !agent_id.is_empty()),
            lang: text("lang"),
        };
        match link.problem() {
            Some(error) => Err(error),
            None => Ok(link),
        }
    }

    fn problem(&self) -> Option<PageError> {
        if self.app_id.is_empty() {
            Some(page_error::NO_APP_ID)
        } else if self.way_back.redirect_uri.is_empty() {
            Some(page_error::NO_REDIRECT_URI)
        } else if self.scope.is_empty() {
            Some(page_error::NO_SCOPE_GIVEN)
        } else if self.way_back.state.is_empty() {
            Some(page_error::NO_STATE)
        } else if self.way_back.state.len() > MAX_STATE {
            Some(page_error::STATE_TOO_LONG)
        } else {
            None
        }
    }
}

pub(super) type Pairs<'r> = Vec<(&'r str, &'r str)>;

/// The rule, but that a value may be empty, which has page errors of its own:
/// `^appid=([^&]+)&redirect_uri=([^&]+)&response_type=code&scope=([^&]+)&state=([^&]*)`
/// `((&(forcePopup|forceSnapShot|connect_redirect|component_appid|agentid)=[^&]*)*)$`; at qrconnect `lang` may follow too.
fn strict(raw: &str, endpoint: Endpoint) -> Option<Pairs<'_>> {
    const FIRST: [&str; 5] = ["appid", "redirect_uri", "response_type", "scope", "state"];
    const THEN: [&str; 5] = ["forcePopup", "forceSnapShot", "connect_redirect", "component_appid", "agentid"];
    let pairs = raw.split('&').map(|pair| pair.split_once('=')).collect::<Option<Pairs<'_>>>()?;
    let (first, then) = pairs.split_at_checked(FIRST.len())?;
    let in_order = first.iter().map(|(name, _)| *name).eq(FIRST);
    let known =
        then.iter().all(|(name, _)| THEN.contains(name) || (*name == "lang" && endpoint == Endpoint::QrConnect));
    let (_, response_type) = first[2];
    (in_order && known && response_type == "code").then_some(pairs)
}

/// What phones have been seen to tolerate: any order, the first of a repeated name.
fn tolerated(raw: &str) -> Option<Pairs<'_>> {
    let pairs = loose(raw);
    pairs.contains(&("response_type", "code")).then_some(pairs)
}

/// A query's parameters, in whatever order they come.
pub(super) fn loose(raw: &str) -> Pairs<'_> {
    raw.split('&').filter_map(|pair| pair.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "appid=wx1&redirect_uri=http%3A%2F%2Fh%2Fcb&response_type=code&scope=snsapi_base&state=abc";

    fn check(raw: &str, lenient: bool, expected: Option<PageError>) {
        for endpoint in [Endpoint::Authorize, Endpoint::QrConnect] {
            assert_eq!(Link::parse(raw, endpoint, lenient).err(), expected, "{raw} {endpoint:?} {lenient}");
        }
    }

    #[test]
    fn rule_1_the_order_is_fixed_unless_lenient() {
        check(GOOD, false, None);
        check(&format!("{GOOD}&connect_redirect=1&forcePopup=true"), false, None);
        check(&format!("{GOOD}&agentid=&component_appid="), false, None);
        let swapped = "redirect_uri=http%3A%2F%2Fh%2Fcb&appid=wx1&response_type=code&scope=snsapi_base&state=abc";
        check(swapped, false, Some(page_error::UNREACHABLE));
        check(swapped, true, None);
        for wrong in [
            "",
            "&",
            &format!("{GOOD}&"),
            &format!("&{GOOD}"),
            &format!("{GOOD}&state=abc"),
            &format!("{GOOD}&forcePopup"),
            &GOOD.replace("response_type=code", "response_type=token"),
            &GOOD.replace("appid", "client_id"),
            &GOOD.replace("appid", "AppID"),
            "appid=wx1&redirect_uri=http%3A%2F%2Fh%2Fcb&response_type=code&scope=snsapi_base",
        ] {
            check(wrong, false, Some(page_error::UNREACHABLE));
        }
        let spoken = format!("{GOOD}&lang=en");
        assert_eq!(Link::parse(&spoken, Endpoint::Authorize, false).err(), Some(page_error::UNREACHABLE));
        assert_eq!(Link::parse(&spoken, Endpoint::QrConnect, false).map(|link| link.lang), Ok("en".to_owned()));
    }

    #[test]
    fn rule_4_empty_parameters_have_pages_of_their_own() {
        check(&GOOD.replace("wx1", ""), false, Some(page_error::NO_APP_ID));
        check(&GOOD.replace("http%3A%2F%2Fh%2Fcb", ""), false, Some(page_error::NO_REDIRECT_URI));
        check(&GOOD.replace("snsapi_base", ""), false, Some(page_error::NO_SCOPE_GIVEN));
        check(&GOOD.replace("abc", ""), false, Some(page_error::NO_STATE));
    }

    #[test]
    fn rule_5_a_state_has_128_bytes_at_most() {
        let state = |text: &str| GOOD.replace("abc", text);
        check(&state(&"s".repeat(128)), false, None);
        check(&state(&"%41".repeat(128)), false, None);
        check(&state(&"s".repeat(129)), false, Some(page_error::STATE_TOO_LONG));
        check(&state(&"%41".repeat(129)), false, Some(page_error::STATE_TOO_LONG));
    }

    proptest! {
        #[test]
        fn no_query_panics(raw in "([a-z_]{0,9}=?[^ ]{0,9}&?){0,9}", lenient: bool) {
            let _ = Link::parse(&raw, Endpoint::Authorize, lenient);
            let _ = Link::parse(&raw, Endpoint::QrConnect, lenient);
        }
    }
}
