//! `GET /jsconfig`: what a page needs for `wx.config`, signed for its own address (contract section 7).

mod page_url;
mod query;
mod signature;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::Method;
use http::header::REFERER;
use serde_json::Value;

use crate::attempts::{Attempts, Step};
use crate::clock::{Clock, random_id};
use crate::config::{self, SignedHost};
use crate::request::Head;
use crate::types::AppId;
use crate::wechat::{Issued, Kind, Platform, Unavailable};
use query::{Query, list};
use signature::Signed;

/// Signs for pages. One for all workers.
#[derive(Debug)]
pub struct JsConfig {
    /// Empty when signing is off.
    paths: Vec<String>,
    hosts: Vec<SignedHost>,
    /// As JSON.
    app_id: String,
    /// As JSON.
    api_list: String,
    /// As JSON.
    open_tags: String,
    attempts: Attempts,
    platform: Platform,
    clock: Clock,
}

/// The sections of the configuration that signing is about.
#[derive(Debug, Clone, Copy)]
pub struct Sections<'a> {
    pub jssdk: &'a config::JsSdk,
    pub paths: &'a config::Paths,
    pub app_id: &'a AppId,
    pub sign_in: &'a config::SignIn,
}

/// Why no signature, in the order in which it is found out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this address is for GET")]
    NotReadable,
    #[error("too many signatures for this address")]
    RateLimited { retry_after: Duration },
    #[error(transparent)]
    Objection(#[from] Objection),
    #[error("no ticket")]
    NoTicket(#[source] Unavailable),
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// A sentence of ours.
    #[error("{0}")]
    BadRequest(&'static str),
    #[error("neither url nor Referer")]
    UrlMissing,
    #[error("not a page of a listed host")]
    UrlNotAllowed,
}

/// A request that may have a signature.
#[derive(Debug)]
struct Asked<'a> {
    url: Cow<'a, str>,
    query: Query<'a>,
}

impl JsConfig {
    #[must_use]
    pub fn new(sections: Sections<'_>, platform: Platform, clock: Clock) -> Self {
        let Sections { jssdk, paths, app_id, sign_in } = sections;
        let own = format!("{}/jsconfig", paths.prefix);
        let paths = jssdk.path.iter().cloned().chain(jssdk.path.is_some().then_some(own)).collect();
        Self {
            paths,
            hosts: jssdk.hosts.clone(),
            app_id: Value::from(app_id.as_str()).to_string(),
            api_list: Value::from(jssdk.api_list.clone()).to_string(),
            open_tags: Value::from(jssdk.open_tags.clone()).to_string(),
            attempts: Attempts::new(sign_in.attempts_per_minute, clock.clone()),
            platform,
            clock,
        }
    }

    /// Whether signatures are to be had at this path.
    #[must_use]
    pub fn is_at(&self, path: &str) -> bool {
        self.paths.iter().any(|own| own == path)
    }

    /// The JSON for `wx.config`, where a ticket is at hand; `None` where it takes [`JsConfig::answer_later`].
    ///
    /// # Errors
    /// [`Error`], cheapest first.
    pub fn answer_now(&self, head: &Head) -> Result<Option<Bytes>, Error> {
        if !matches!(*head.method(), Method::GET | Method::HEAD) {
            return Err(Error::NotReadable);
        }
        let counted = self.attempts.count(Step::JsConfig, head.client());
        counted.map_err(|retry_after| Error::RateLimited { retry_after })?;
        let asked = self.read(head)?;
        let ticket = self.platform.cached(Kind::JsapiTicket);
        Ok(ticket.map(|ticket| self.sign(&asked, &ticket).into()))
    }

    /// The same for a request that has been counted and judged already: waits for a ticket.
    ///
    /// # Errors
    /// [`Error::NoTicket`]
    pub async fn answer_later(&self, head: &Head) -> Result<Bytes, Error> {
        let ticket = self.platform.get(Kind::JsapiTicket).await.map_err(Error::NoTicket)?;
        Ok(self.sign(&self.read(head)?, &ticket).into())
    }

    fn read<'a>(&self, head: &'a Head) -> Result<Asked<'a>, Objection> {
        let query = Query::read(head.query().unwrap_or_default())?;
        let page = match &query.url {
            Some(url) => url.clone(),
            None => referer(head)?.ok_or(Objection::UrlMissing)?.into(),
        };
        Ok(Asked { url: to_sign(page, &self.hosts)?, query })
    }

    fn sign(&self, asked: &Asked<'_>, ticket: &Issued) -> String {
        let nonce = HEXLOWER.encode(&random_id());
        let timestamp = self.clock.now().0;
        let signed = Signed { nonce: &nonce, timestamp, url: &asked.url };
        let Query { debug, .. } = asked.query;
        let signature = signed.signature(ticket.value.expose());
        let api_list = names(asked.query.api_list.as_deref(), &self.api_list);
        let open_tags = names(asked.query.open_tags.as_deref(), &self.open_tags);
        let mut json = format!(
            "{{\"debug\":{debug},\"appId\":{},\"timestamp\":{timestamp},\"nonceStr\":\"{nonce}\",\
             \"signature\":\"{signature}\",\"jsApiList\":{api_list},\"openTagList\":{open_tags}",
            self.app_id,
        );
        if debug {
            let (text, url) = (Value::from(signed.masked()), Value::from(signed.url));
            write!(json, ",\"string1\":{text},\"url\":{url}").expect("a String takes everything");
        }
        json.push('}');
        json
    }
}

/// What of a page's address is signed, once it has been judged.
fn to_sign<'a>(page: Cow<'a, str>, hosts: &[SignedHost]) -> Result<Cow<'a, str>, Objection> {
    if page.is_empty() {
        return Err(Objection::UrlMissing);
    }
    let length = page_url::judge(&page, hosts)?.len();
    Ok(match page {
        Cow::Borrowed(page) => page[..length].into(),
        Cow::Owned(mut page) => {
            page.truncate(length);
            page.into()
        }
    })
}

/// The page that asks, by the browser's own account.
fn referer(head: &Head) -> Result<Option<&str>, Objection> {
    let mut lines = head.headers().get_all(REFERER).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => match std::str::from_utf8(line.as_bytes()) {
            Ok(page) => Ok(Some(page)),
            Err(_) => Err(Objection::BadRequest("The Referer is not UTF-8.")),
        },
        (Some(_), Some(_)) => Err(Objection::BadRequest("The Referer is repeated.")),
    }
}

/// The names a request asks for as JSON, else the configured ones.
fn names<'a>(asked: Option<&str>, configured: &'a str) -> Cow<'a, str> {
    // Names have been checked: there is nothing in them to escape.
    let mut json = asked.map(list).into_iter().flatten().fold(String::new(), |mut json, name| {
        json.push_str(if json.is_empty() { "[\"" } else { "\",\"" });
        json.push_str(name);
        json
    });
    if json.is_empty() {
        return configured.into();
    }
    json.push_str("\"]");
    json.into()
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn hosts() -> Vec<SignedHost> {
        vec![SignedHost { host: "m.example.com".to_owned(), port: None }]
    }

    /// What is signed for a parameter `url`, as it stands in the query.
    fn signed_for(encoded: &str) -> Result<String, Objection> {
        let query = format!("jsApiList=a&url={encoded}");
        let url = Query::read(&query)?.url.expect("there is one");
        to_sign(url, &hosts()).map(Cow::into_owned)
    }

    proptest! {
        #[test]
        fn any_url_without_a_fragment_is_signed_byte_for_byte(rest in "([/?][^#\\p{Cc}]{0,40})?") {
            let url = format!("https://m.example.com{rest}");
            let encoded = utf8_percent_encode(&url, NON_ALPHANUMERIC).to_string();
            prop_assert_eq!(signed_for(&encoded), Ok(url.clone()), "as encodeURIComponent and stricter ones send it");
            let fragment = utf8_percent_encode("#/a#b", NON_ALPHANUMERIC);
            prop_assert_eq!(signed_for(&format!("{encoded}{fragment}")), Ok(url.clone()));

            let text = format!("jsapi_ticket=T&noncestr=N&timestamp=7&url={url}");
            let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
            let signature = Signed { nonce: "N", timestamp: 7, url: &url }.signature("T");
            prop_assert_eq!(signature, HEXLOWER.encode(sha1.as_ref()));
        }

        #[test]
        fn r15_no_parameter_makes_it_panic(encoded in "[^&]{0,60}") {
            let _ = signed_for(&encoded);
        }
    }

    #[test]
    fn an_empty_url_is_a_missing_one() {
        assert_eq!(signed_for(""), Err(Objection::UrlMissing));
    }

    #[test]
    fn names_asked_for_go_before_the_configured_ones() {
        for (asked, json) in [
            (None, "[\"x\"]"),
            (Some(""), "[\"x\"]"),
            (Some(" , "), "[\"x\"]"),
            (Some("a"), "[\"a\"]"),
            (Some("a, b:c,"), "[\"a\",\"b:c\"]"),
        ] {
            assert_eq!(names(asked, "[\"x\"]"), json, "{asked:?}");
        }
    }
}
