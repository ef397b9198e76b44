//! Where a visitor may be sent back to, and the address that takes them there.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::simulator::authority::{Authority, is_ip, is_loopback};
use crate::simulator::settings::{Account, AccountKind, Refusal};

/// Everything but RFC 3986's unreserved characters: how a state is written into an address.
const IN_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What has no place in a header stays out of the address; all else is left as it was given.
const IN_ADDRESS: &AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// Whether the account may send visitors there: rule 4's host part.
pub(in crate::simulator) fn permitted(redirect_uri: &str, account: &Account) -> bool {
    let Some(Authority { host, port }) = Authority::of(redirect_uri) else { return false };
    let listed = |entry: &str| account.redirect_hosts.iter().any(|host| host.eq_ignore_ascii_case(entry));
    match account.kind {
        AccountKind::TestAccount => listed(host) || port.is_some_and(|port| listed(&format!("{host}:{port}"))),
        AccountKind::OfficialAccount => port.is_none() && !is_ip(host) && listed(host),
        // An IP address needs a name first, and so does this machine; but development needs this machine.
        AccountKind::WebsiteApp => listed(host) && (is_loopback(host) || (port.is_none() && !is_ip(host))),
        AccountKind::WeCom => match port {
            Some(port) => listed(&format!("{host}:{port}")) || (is_loopback(host) && listed(host)),
            None => listed(host),
        },
    }
}

/// Where a visitor goes back to, as the site wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct WayBack {
    pub(in crate::simulator) redirect_uri: String,
    /// Decoded once. Not necessarily text.
    pub(in crate::simulator) state: Vec<u8>,
}

impl WayBack {
    /// The address that takes them there.
    pub(super) fn with(&self, code: Option<&str>) -> String {
        with_parameters(&self.redirect_uri, code, &self.state)
    }

    /// The state as far as it is text.
    pub(super) fn state_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.state)
    }
}

/// Where a visitor who refuses is sent, when they are sent anywhere.
pub(super) fn refused(way_back: &WayBack, refusal: Refusal) -> Option<String> {
    match refusal {
        Refusal::NoCode => Some(way_back.with(None)),
        Refusal::Authdeny => Some(way_back.with(Some("authdeny"))),
        Refusal::Stay => None,
    }
}

/// The redirect_uri with these parameters: after its own query, before its fragment.
fn with_parameters(redirect_uri: &str, code: Option<&str>, state: &[u8]) -> String {
    let (base, fragment) = match redirect_uri.split_once('#') {
        Some((base, fragment)) => (base, Some(fragment)),
        None => (redirect_uri, None),
    };
    let mut address = utf8_percent_encode(base, IN_ADDRESS).to_string();
    let mut joiner = match base.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    if let Some(code) = code {
        address.extend([joiner, "code=", code]);
        joiner = "&";
    }
    address.extend([joiner, "state="]);
    address.extend(percent_encoding::percent_encode(state, IN_VALUE));
    if let Some(fragment) = fragment {
        address.push('#');
        address.extend(utf8_percent_encode(fragment, IN_ADDRESS));
    }
    address
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(kind: AccountKind, redirect_uri: &str, expected: bool) {
        let hosts = ["m.example.com", "127.0.0.1", "[::1]", "dev.example.com:8080"].map(str::to_owned).to_vec();
        let account = Account { kind, redirect_hosts: hosts, ..Account::default() };
        assert_eq!(permitted(redirect_uri, &account), expected, "{kind:?} {redirect_uri}");
    }

    #[test]
    fn rule_4_the_host_is_matched_whole_and_without_a_port() {
        let official = AccountKind::OfficialAccount;
        check(official, "https://m.example.com/cb?a=b#c", true);
        check(official, "http://M.Example.com", true);
        for refused in [
            "https://example.com/cb",
            "https://a.m.example.com/cb",
            "https://m.example.com:443/cb",
            "https://m.example.com:/cb",
            "https://m.example.com@evil.example/cb",
            "https://evil.example\\@m.example.com/cb",
            "https://m.example.com.evil.example/cb",
            "https://m.example.com\r\n/cb",
            "http://127.0.0.1/cb",
            "http://[::1]/cb",
            "ftp://m.example.com/",
            "//m.example.com/",
            "m.example.com",
            "https://",
            "https://[::1",
        ] {
            check(official, refused, false);
        }
    }

    #[test]
    fn rule_4_a_test_account_may_have_an_ip_address_and_a_port() {
        let test = AccountKind::TestAccount;
        check(test, "http://127.0.0.1:4180/cb", true);
        check(test, "http://[::1]:4180/cb", true);
        check(test, "http://dev.example.com:8080/cb", true);
        check(test, "http://dev.example.com:8081/cb", false);
        check(test, "http://dev.example.com/cb", false);
        check(test, "http://127.0.0.2/cb", false);
        check(test, "http://127.0.0.1:99999/cb", false);
    }

    #[test]
    fn rule_4_a_website_app_may_list_this_machine() {
        let website = AccountKind::WebsiteApp;
        check(website, "https://m.example.com/cb", true);
        check(website, "http://127.0.0.1:4180/cb", true);
        check(website, "http://[::1]/cb", true);
        check(website, "http://localhost:4180/cb", false);
        check(website, "https://m.example.com:443/cb", false);
        check(website, "https://a.m.example.com/cb", false);
        check(website, "http://dev.example.com:8080/cb", false);
        check(website, "http://127.0.0.2/cb", false);
    }

    #[test]
    fn rule_4_a_wecom_application_may_list_a_port() {
        let wecom = AccountKind::WeCom;
        check(wecom, "https://m.example.com/cb", true);
        check(wecom, "https://m.example.com:8080/cb", false);
        check(wecom, "http://dev.example.com:8080/cb", true);
        check(wecom, "http://dev.example.com/cb", false);
        check(wecom, "http://127.0.0.1:4180/cb", true);
        check(wecom, "https://a.m.example.com/cb", false);
    }

    #[test]
    fn rule_6_parameters_go_after_the_query_and_before_the_fragment() {
        let check = |uri: &str, expected: &str| assert_eq!(with_parameters(uri, Some("C"), b"S/ \xff"), expected);
        check("http://h/cb", "http://h/cb?code=C&state=S%2F%20%FF");
        check("http://h/cb?a=b", "http://h/cb?a=b&code=C&state=S%2F%20%FF");
        check("http://h/cb?", "http://h/cb?code=C&state=S%2F%20%FF");
        check("http://h/cb#/route?x=y", "http://h/cb?code=C&state=S%2F%20%FF#/route?x=y");
        check("http://h/路?a=b#c", "http://h/%E8%B7%AF?a=b&code=C&state=S%2F%20%FF#c");
        assert_eq!(with_parameters("http://h/cb", None, b"S"), "http://h/cb?state=S");
    }

    proptest! {
        #[test]
        fn no_address_panics_and_none_breaks_a_header(uri in "\\PC{0,40}", state: Vec<u8>) {
            let _ = permitted(&uri, &Account::default());
            let _ = permitted(&format!("http://{uri}"), &Account::default());
            let address = with_parameters(&uri, Some("C"), &state);
            prop_assert!(http::HeaderValue::from_str(&address).is_ok());
        }
    }
}
