//! Judges the address of a page that asks for a signature. It is signed as it came: judged, never rewritten (R45).

use url::Host;

use super::Objection;
use crate::config::SignedHost;

/// Longer ones are no page's.
const MAX_BYTES: usize = 2048;

/// The part of `text` that is signed: all of it but the fragment.
///
/// # Errors
/// [`Objection::BadRequest`] for what is no address of a page, [`Objection::UrlNotAllowed`] for another site's.
pub(super) fn judge<'a>(text: &'a str, hosts: &[SignedHost]) -> Result<&'a str, Objection> {
    if text.chars().any(char::is_control) {
        return Err(Objection::BadRequest("The URL to sign holds a control character."));
    }
    let url = text.split_once('#').map_or(text, |(url, _)| url);
    if url.len() > MAX_BYTES {
        return Err(Objection::BadRequest("The URL to sign is longer than 2048 bytes."));
    }
    let (authority, default_port) = authority(url).ok_or(NO_URL)?;
    // Whoever is named before an @ or behind a backslash is another host to some readers (R3).
    if authority.contains(['@', '\\', '%']) {
        return Err(Objection::UrlNotAllowed);
    }
    let (host, port) = split_port(authority)?;
    let port = port.unwrap_or(default_port);
    let is_listed = |host: &str| {
        hosts.iter().any(|signed| {
            signed.host.eq_ignore_ascii_case(host) && signed.port.is_none_or(|signed_for| signed_for == port)
        })
    };
    // Browsers write hosts in lower case and as A-labels already; only other spellings need the whole standard (R32).
    if is_listed(host) || is_listed(&Host::parse(host).map_err(|_| NO_URL)?.to_string()) {
        Ok(url)
    } else {
        Err(Objection::UrlNotAllowed)
    }
}

const NO_URL: Objection = Objection::BadRequest("The URL to sign is not an absolute http or https URL.");

/// Host and port as written, and the port that goes without saying.
fn authority(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let default_port = if scheme.eq_ignore_ascii_case("https") {
        443
    } else if scheme.eq_ignore_ascii_case("http") {
        80
    } else {
        return None;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    (!authority.is_empty()).then_some((authority, default_port))
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Objection> {
    match authority.rsplit_once(':') {
        // The colons of an IPv6 address lie inside brackets.
        Some((host, port)) if !port.ends_with(']') => {
            let digits = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
            let port = if digits { port.parse().ok() } else { None };
            Ok((host, Some(port.ok_or(NO_URL)?)))
        }
        _ => Ok((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hosts() -> Vec<SignedHost> {
        [
            ("m.example.com", None),
            ("xn--vuqz89a.example", None),
            ("shop.example.com", Some(8443)),
            ("tls.example.com", Some(443)),
            ("[::1]", None),
        ]
        .map(|(host, port)| SignedHost { host: host.to_owned(), port })
        .into()
    }

    #[test]
    fn r45_pages_of_listed_hosts_are_signed_as_they_came() {
        for url in [
            "https://m.example.com",
            "https://m.example.com/",
            "http://m.example.com:8080/a?b=c",
            "https://m.example.com:443/",
            "https://M.Example.COM/A",
            "HTTPS://m.example.com/a/../b//c?x=%2F&y=+&from=singlemessage&isappinstalled=0",
            "https://m.example.com?a=@b",
            "https://m.example.com/商品?名=茶",
            "https://m.example.com/a b",
            "https://微信.example/",
            "https://xn--vuqz89a.example/",
            "https://shop.example.com:8443/",
            "https://tls.example.com/",
            "https://tls.example.com:443/",
            "http://[::1]:4180/",
        ] {
            assert_eq!(judge(url, &hosts()), Ok(url));
            assert_eq!(judge(&format!("{url}#/a?b#c"), &hosts()), Ok(url), "without its fragment");
        }
    }

    #[test]
    fn r45_pages_of_other_hosts_are_not_signed() {
        for url in [
            "https://evil.example/",
            "https://m.example.com.evil.example/",
            "https://evilm.example.com/",
            "https://example.com/",
            "https://m.example.com./",
            "https://m.example.com@evil.example/",
            "https://evil.example\\@m.example.com/",
            "https://m.example.com\\.evil.example/",
            "https://user@m.example.com/",
            "https://user:m.example.com@evil.example/",
            "https://%6d.example.com/",
            "https://shop.example.com/",
            "https://shop.example.com:443/",
            "http://tls.example.com/",
            "https://tls.example.com:80/",
            "https://evil.example?https://m.example.com/",
            "https://evil.example#https://m.example.com/",
            "https://evil.example/#@m.example.com/",
        ] {
            assert_eq!(judge(url, &hosts()), Err(Objection::UrlNotAllowed), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_page_is_never_signed() {
        for url in [
            "",
            "m.example.com",
            "/path",
            "//m.example.com/",
            "https:m.example.com",
            "https:/m.example.com/",
            "https://",
            "https:///m.example.com/",
            "https://#m.example.com/",
            " https://m.example.com/",
            "javascript://m.example.com/%0aalert(1)",
            "ftp://m.example.com/",
            "https://m.example.com:/",
            "https://m.example.com:0x1bb/",
            "https://m.example.com:99999/",
            "https://m.example.com:+443/",
            "https://m.exam ple.com/",
            "https://m.example.com\t/",
            "https://m.example.com/\n",
            "https://m.example.com/\u{0}",
            "https://m.example.com/\u{7f}",
            "https://m.example.com/\u{85}",
            "https://m.example.com/#\r\n",
        ] {
            assert!(matches!(judge(url, &hosts()), Err(Objection::BadRequest(_))), "{url:?}");
        }
    }

    #[test]
    fn two_kibibytes_are_a_page_and_one_more_is_not() {
        let of_length = |length: usize| format!("https://m.example.com/{}", "a".repeat(length - 22));
        assert!(judge(&of_length(MAX_BYTES), &hosts()).is_ok());
        assert!(judge(&format!("{}#{}", of_length(MAX_BYTES), "b".repeat(5000)), &hosts()).is_ok());
        for length in [MAX_BYTES + 1, 10 << 10] {
            assert!(matches!(judge(&of_length(length), &hosts()), Err(Objection::BadRequest(_))), "{length}");
        }
    }

    proptest! {
        #[test]
        fn r15_no_text_makes_the_judge_panic(text in ".{0,60}", at_home in proptest::bool::ANY) {
            let text = if at_home { format!("https://m.example.com{text}") } else { text };
            if let Ok(url) = judge(&text, &hosts()) {
                prop_assert!(text.starts_with(url) && !url.contains('#'));
            }
        }

        /// A second opinion, the browsers' own parser: what is signed belongs to a listed host by that one, too.
        #[test]
        fn r45_what_is_signed_is_at_home_to_a_browser(text in "https?://[a-z.@:/\\\\?%0-9]{0,8}m\\.example\\.com[a-z.@:/\\\\?%#0-9]{0,20}") {
            if let Ok(url) = judge(&text, &hosts()) {
                let parsed = url::Url::parse(url).expect("a URL");
                prop_assert_eq!(parsed.host_str(), Some("m.example.com"));
                prop_assert!(parsed.username().is_empty() && parsed.password().is_none());
            }
        }
    }
}
