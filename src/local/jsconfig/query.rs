//! The parameters of a request for a signature, decoded once; a `+` is a plus, unlike in a form.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::Objection;
use crate::config::JsSdk;

/// More names than WeChat has.
const MAX_NAMES: usize = 200;

/// What a request asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query<'a> {
    pub url: Option<Cow<'a, str>>,
    pub debug: bool,
    /// For `wx.agentConfig` rather than `wx.config`.
    pub agent: bool,
    pub api_list: Option<Cow<'a, str>>,
    pub open_tags: Option<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    /// Reads what concerns us and passes over the rest.
    pub(super) fn read(query: &'a str) -> Result<Self, Objection> {
        let mut read = Self::default();
        let (mut debug, mut agent) = (None, None);
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let name: Cow<'_, [u8]> = percent_decode_str(name).into();
            let place = match &*name {
                b"url" => &mut read.url,
                b"debug" => &mut debug,
                b"agent" => &mut agent,
                b"jsApiList" => &mut read.api_list,
                b"openTagList" => &mut read.open_tags,
                _ => continue,
            };
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| Objection::BadRequest("A parameter is not UTF-8."))?;
            if place.replace(value).is_some() {
                return Err(Objection::BadRequest("A parameter is repeated."));
            }
        }
        let is_on = |value: Option<Cow<'_, str>>| value.is_some_and(|value| matches!(&*value, "1" | "true"));
        (read.debug, read.agent) = (is_on(debug), is_on(agent));
        for names in [&read.api_list, &read.open_tags].into_iter().flatten() {
            if list(names).count() > MAX_NAMES || !list(names).all(JsSdk::is_name) {
                return Err(Objection::BadRequest("A list holds something that is no name of an API or tag."));
            }
        }
        Ok(read)
    }
}

/// The names of a list that commas separate.
pub(super) fn list(names: &str) -> impl Iterator<Item = &str> {
    names.split(',').map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_decoded_once_and_a_plus_stays() {
        for (query, url) in [
            ("url=https%3A%2F%2Fm.example.com%2F%3Fa%3D1%26b%3D2", "https://m.example.com/?a=1&b=2"),
            ("url=https://m.example.com/?a=b+c", "https://m.example.com/?a=b+c"),
            ("url=https://m.example.com/a%2520b", "https://m.example.com/a%20b"),
            ("url=https://m.example.com/%E8%8C%B6", "https://m.example.com/茶"),
            ("url=https://m.example.com/茶%zz%", "https://m.example.com/茶%zz%"),
            ("_=1&%75rl=x&", "x"),
            ("url", ""),
        ] {
            assert_eq!(Query::read(query).map(|query| query.url), Ok(Some(url.into())), "{query}");
        }
        assert_eq!(Query::read("URL=x&a=%ff"), Ok(Query::default()));
    }

    #[test]
    fn lists_are_names_between_commas() {
        let read = Query::read("jsApiList=scanQRCode,+&openTagList=").err();
        assert_eq!(read, Some(Objection::BadRequest("A list holds something that is no name of an API or tag.")));
        let read = Query::read("jsApiList=scanQRCode%2C%20menu:share:qq,&openTagList=").expect("names");
        assert_eq!(list(&read.api_list.expect("set")).collect::<Vec<_>>(), ["scanQRCode", "menu:share:qq"]);
        assert_eq!(list(&read.open_tags.expect("set")).next(), None);
        for bad in ["\"", "<b>", "a b", "茶", &"a".repeat(65), &"a,".repeat(201)] {
            assert!(Query::read(&format!("jsApiList={bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_repeated_or_not_utf8_is_refused() {
        for query in ["url=a&url=a", "url=a&%75rl=", "debug=1&debug=1", "url=%ff", "url=%e8%8c", "jsApiList=%80"] {
            assert!(matches!(Query::read(query), Err(Objection::BadRequest(_))), "{query}");
        }
        for (query, debug) in
            [("debug=1", true), ("debug=true", true), ("debug=0", false), ("debug", false), ("", false)]
        {
            assert_eq!(Query::read(query).map(|query| query.debug), Ok(debug), "{query}");
        }
    }

    proptest! {
        #[test]
        fn r15_no_query_makes_the_reader_panic(query in "\\PC{0,60}") {
            let _ = Query::read(&query);
        }
    }
}
