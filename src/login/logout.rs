//! Ends a session, when a page of this very site asks for it.

use http::{HeaderMap, HeaderName, Method, header};
use url::Url;

use super::answer::{Answer, Error, Refused};
use super::return_to::ReturnTo;
use super::{Login, params};
use crate::config::PublicUrl;
use crate::request::Head;
use crate::session::Session;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Login {
    /// `POST P/logout`, with `rd` in the form or the query. A GET asks first: links and images must not sign out.
    pub(super) fn logout(&self, head: &Head, form: &[u8], visitor: Option<&Session>) -> Result<Answer, Refused> {
        let query = head.query().unwrap_or_default().as_bytes();
        let rd = match params::single(form, "rd")? {
            None => params::single(query, "rd")?,
            in_form => in_form,
        };
        let rd = rd.map_or_else(ReturnTo::home, |rd| self.return_to(&rd));
        match *head.method() {
            Method::GET | Method::HEAD => Ok(Answer::ConfirmLogout { rd }),
            Method::POST if !is_same_origin(head.headers(), &self.public_url) => Err(Error::NotSameOrigin.into()),
            Method::POST => {
                let mut cookies = vec![self.sessions.end(visitor)];
                // Nor may the back button find a callback that still signs in.
                cookies.extend(self.flows.forget_all(head));
                cookies.extend(self.handoff.iter().flat_map(|handoff| handoff.forget_all(head)));
                tracing::info!(request_id = %head.asker().id, signed_in = visitor.is_some(), "sign-out");
                Ok(Answer::see_other(rd.as_str().to_owned(), cookies))
            }
            _ => Err(Error::BadRequest("this address is for GET and POST").into()),
        }
    }
}

/// The first of these headers that is there decides; one that is repeated or unreadable decides against.
pub(super) fn is_same_origin(headers: &HeaderMap, site: &PublicUrl) -> bool {
    if headers.contains_key(header::ORIGIN) {
        return only(headers, &header::ORIGIN).is_some_and(|origin| origin == site.origin);
    }
    if headers.contains_key(SEC_FETCH_SITE) {
        return only(headers, &SEC_FETCH_SITE) == Some("same-origin");
    }
    let origin_of = |text: &str| Url::parse(text).map(|url| url.origin()).ok();
    only(headers, &header::REFERER).and_then(origin_of).is_some_and(|origin| Some(origin) == origin_of(&site.origin))
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_this_very_origin_may_sign_out() {
        let site =
            PublicUrl { origin: "https://m.example.com".into(), https: true, host: "m.example.com".into(), port: None };
        for (expected, lines) in [
            (true, &[("origin", "https://m.example.com")][..]),
            (false, &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")]),
            (false, &[("origin", "null"), ("referer", "https://m.example.com/a")]),
            (false, &[("origin", "https://m.example.com"), ("origin", "https://m.example.com")]),
            (false, &[("origin", "http://m.example.com")]),
            (true, &[("sec-fetch-site", "same-origin")]),
            (false, &[("sec-fetch-site", "same-site"), ("referer", "https://m.example.com/a")]),
            (false, &[("sec-fetch-site", "none")]),
            (true, &[("referer", "https://m.example.com/a?b")]),
            (true, &[("referer", "https://m.example.com:443")]),
            (false, &[("referer", "https://m.example.com.evil.example/")]),
            (false, &[("referer", "https://evil.example/https://m.example.com/")]),
            (false, &[("referer", "about:blank")]),
            (false, &[]),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_same_origin(&headers, &site), expected, "{lines:?}");
        }
    }
}
