//! The `Cookie` header as the upstream gets it: without the gate's cookies, with its token where configured.

use std::borrow::Cow;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::request::{cookie_pieces, same_folded};

/// Removes the cookies that `ours` knows and puts `added` in front; every other piece stays as it is, in order.
pub(super) fn rewrite(headers: &mut HeaderMap, ours: impl Fn(&[u8]) -> bool, added: Option<(&str, &str)>) {
    let touched =
        headers.get_all(COOKIE).iter().any(|line| cookie_pieces(line.as_bytes()).any(|piece| ours(name(piece))));
    if !touched && added.is_none() {
        return;
    }
    // In front: where a cookie comes twice, PHP believes the first.
    let mut line = added.map_or_else(Vec::new, |(name, value)| format!("{name}={value}").into_bytes());
    for piece in headers.get_all(COOKIE).iter().flat_map(|line| cookie_pieces(line.as_bytes())) {
        if !ours(name(piece)) {
            if !line.is_empty() {
                line.extend_from_slice(b"; ");
            }
            line.extend_from_slice(piece);
        }
    }
    if line.is_empty() {
        headers.remove(COOKIE);
    } else {
        let line = HeaderValue::from_maybe_shared(bytes::Bytes::from(line)).expect("pieces of header values make one");
        headers.insert(COOKIE, line);
    }
}

/// Whether an upstream may read a cookie's name as `ours`. PHP decodes `%XX` (it did until 7.4), ends at a NUL, turns
/// dots and blanks into underscores and cuts at `[`, or turns that into one where no `]` follows.
pub(super) fn reads_as(name: &[u8], ours: &str) -> bool {
    let decoded: Cow<'_, [u8]> = percent_encoding::percent_decode(name).into();
    let whole = decoded.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii();
    let base = whole.split(|byte| *byte == b'[').next().unwrap_or_default().trim_ascii();
    same_folded(base, ours.as_bytes()) || same_folded(whole, ours.as_bytes())
}

fn name(piece: &[u8]) -> &[u8] {
    memchr::memchr(b'=', piece).map_or(piece, |equals| &piece[..equals]).trim_ascii_end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rewritten(lines: &[&str], added: Option<(&str, &str)>) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        rewrite(&mut headers, |name| name == b"wxgate" || reads_as(name, "wechat_jwt"), added);
        assert!(headers.get_all(COOKIE).iter().count() <= 1 || added.is_none());
        headers.get(COOKIE).map(|line| line.to_str().unwrap().to_owned())
    }

    #[test]
    fn our_cookies_go_others_stay_in_order() {
        for (lines, left) in [
            (&["wxgate=x"][..], None),
            (&["a=1; wxgate=x; b=2"], Some("a=1; b=2")),
            (&["a=1", "wxgate=x; c"], Some("a=1; c")),
            (&["a=1;  odd;b=\"x;y\""], Some("a=1;  odd;b=\"x;y\"")),
            (&["wxgateway=1"], Some("wxgateway=1")),
        ] {
            assert_eq!(rewritten(lines, None).as_deref(), left, "{lines:?}");
        }
    }

    #[test]
    fn r7_no_spelling_of_the_token_cookie_gets_through() {
        for forged in [
            "wechat_jwt=f",
            "wechat.jwt=f",
            "wechat%5fjwt=f",
            "wechat jwt=f",
            "wechat_jwt[x]=f",
            "wechat[jwt=f",
            "wechat_jwt%00x=f",
            "WeChat_JWT=f",
            "wechat_jwt = f",
        ] {
            assert_eq!(rewritten(&[forged], None), None, "{forged}");
            assert_eq!(
                rewritten(&[forged, "a=1"], Some(("wechat_jwt", "t"))).as_deref(),
                Some("wechat_jwt=t; a=1"),
                "{forged}"
            );
        }
    }

    proptest! {
        #[test]
        fn r15_no_cookie_line_panics(line in proptest::collection::vec(0x20u8..0xff, 0..80)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                headers.append(COOKIE, value);
                rewrite(&mut headers, |name| name.is_empty() || reads_as(name, "wechat_jwt"), Some(("wechat_jwt", "t")));
                prop_assert!(headers[COOKIE].as_bytes().starts_with(b"wechat_jwt=t"));
            }
        }
    }
}
