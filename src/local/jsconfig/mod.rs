//! `GET /jsconfig`: what a page needs for `wx.config`, signed for its own address (contract section 7).

mod page_url;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
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

use crate::attempts::{Attempts, Step, Used};
use crate::clock::{Clock, random_id};
use crate::config::{self, SignedHost};
use crate::request::{Browser, Head};
use crate::wechat::{Client, Issued, Kind, Platform, Unavailable, wecom};
use query::{Query, list};
use signature::Signed;

/// Signs for pages. One for all workers.
#[derive(Debug)]
pub struct JsConfig {
    /// Empty when signing is off.
    paths: Vec<String>,
    hosts: Vec<SignedHost>,
    signers: Signers,
    /// As JSON.
    api_list: String,
    /// As JSON.
    open_tags: String,
    attempts: Attempts,
    clock: Clock,
}

/// The accounts that can sign: those that are configured.
#[derive(Debug, Clone)]
pub struct Signers {
    pub official_account: Option<(Client, Platform)>,
    pub wecom: Option<(wecom::Client, Platform)>,
}

/// The sections of the configuration that signing is about.
#[derive(Debug, Clone, Copy)]
pub struct Sections<'a> {
    pub jssdk: &'a config::JsSdk,
    pub paths: &'a config::Paths,
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
    signer: Signer<'a>,
}

/// Whose ticket signs, and for which call.
#[derive(Debug, Clone, Copy)]
enum Signer<'a> {
    /// `wx.config`, inside WeChat.
    OfficialAccount(&'a Client, &'a Platform),
    /// `wx.config`, inside WeCom.
    Corporation(&'a wecom::Client, &'a Platform),
    /// `wx.agentConfig`
    Agent(&'a wecom::Client, &'a Platform),
}

impl Signers {
    /// A page inside WeCom needs the corporation's signature, whatever else the site has; elsewhere the official account's
    /// is the one, where there is such an account.
    fn choose(&self, agent: bool, head: &Head) -> Result<Signer<'_>, Objection> {
        let official =
            self.official_account.as_ref().map(|(client, platform)| Signer::OfficialAccount(client, platform));
        let Some((client, platform)) = &self.wecom else {
            let official = official.filter(|_| !agent);
            return official.ok_or(Objection::BadRequest("There is no WeCom application for agent=1."));
        };
        if agent {
            return Ok(Signer::Agent(client, platform));
        }
        let corporation = Signer::Corporation(client, platform);
        Ok(match official {
            Some(official) if Browser::of(head.user_agent()) != Browser::WeCom => official,
            _ => corporation,
        })
    }
}

impl<'a> Signer<'a> {
    const fn ticket(self) -> (&'a Platform, Kind) {
        match self {
            Self::OfficialAccount(_, platform) => (platform, Kind::JsapiTicket),
            Self::Corporation(_, platform) => (platform, Kind::WecomCorp),
            Self::Agent(_, platform) => (platform, Kind::WecomAgent),
        }
    }

    /// The members of the answer that say whose signature it is. Ids are letters and digits: there is nothing to escape.
    fn write_ids(self, json: &mut String) -> std::fmt::Result {
        match self {
            Self::OfficialAccount(client, _) => write!(json, "\"appId\":\"{}\"", client.app_id().as_str()),
            // https://developer.work.weixin.qq.com/document/path/96914
            Self::Corporation(client, _) => {
                write!(json, "\"beta\":true,\"appId\":\"{}\"", client.corp_id().as_str())
            }
            Self::Agent(client, _) => {
                let (corp, agent) = (client.corp_id().as_str(), client.agent_id().as_str());
                write!(json, "\"corpid\":\"{corp}\",\"agentid\":\"{agent}\"")
            }
        }
    }
}

impl JsConfig {
    /// `used` is what clients have used of their allowances so far.
    #[must_use]
    pub fn new(sections: Sections<'_>, signers: Signers, used: Used, clock: Clock) -> Self {
        let Sections { jssdk, paths, sign_in } = sections;
        let own = format!("{}/jsconfig", paths.prefix);
        // Where nobody can sign, signing is off.
        let path = jssdk.path.as_ref().filter(|_| signers.official_account.is_some() || signers.wecom.is_some());
        let paths = path.into_iter().flat_map(|path| [path.clone(), own.clone()]).collect();
        Self {
            paths,
            hosts: jssdk.hosts.clone(),
            signers,
            api_list: Value::from(jssdk.api_list.clone()).to_string(),
            open_tags: Value::from(jssdk.open_tags.clone()).to_string(),
            attempts: Attempts::after(used, sign_in.attempts_per_minute, clock.clone()),
            clock,
        }
    }

    /// Whether signatures are to be had at this path.
    #[must_use]
    pub fn is_at(&self, path: &str) -> bool {
        self.paths.iter().any(|own| own == path)
    }

    /// The JSON for `wx.config` or `wx.agentConfig`, where a ticket is at hand; `None` where it takes [`JsConfig::answer_later`].
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
        let (platform, kind) = asked.signer.ticket();
        let ticket = platform.cached(kind);
        Ok(ticket.map(|ticket| self.sign(&asked, &ticket).into()))
    }

    /// The same for a request that has been counted and judged already: waits for a ticket.
    ///
    /// # Errors
    /// [`Error::NoTicket`]
    pub async fn answer_later(&self, head: &Head) -> Result<Bytes, Error> {
        let asked = self.read(head)?;
        let (platform, kind) = asked.signer.ticket();
        let ticket = platform.get(kind).await.map_err(Error::NoTicket)?;
        Ok(self.sign(&asked, &ticket).into())
    }

    fn read<'a>(&'a self, head: &'a Head) -> Result<Asked<'a>, Objection> {
        let query = Query::read(head.query().unwrap_or_default())?;
        let page = match &query.url {
            Some(url) => url.clone(),
            None => referer(head)?.ok_or(Objection::UrlMissing)?.into(),
        };
        let url = to_sign(page, &self.hosts)?;
        Ok(Asked { signer: self.signers.choose(query.agent, head)?, url, query })
    }

    fn sign(&self, asked: &Asked<'_>, ticket: &Issued) -> String {
        let nonce = HEXLOWER.encode(&random_id());
        let timestamp = self.clock.now().0;
        let signed = Signed { nonce: &nonce, timestamp, url: &asked.url };
        let Query { debug, .. } = asked.query;
        let signature = signed.signature(ticket.value.expose());
        let api_list = names(asked.query.api_list.as_deref(), &self.api_list);
        let open_tags = names(asked.query.open_tags.as_deref(), &self.open_tags);
        let mut json = format!("{{\"debug\":{debug},");
        asked.signer.write_ids(&mut json).expect("a String takes everything");
        write!(
            json,
            ",\"timestamp\":{timestamp},\"nonceStr\":\"{nonce}\",\"signature\":\"{signature}\",\
             \"jsApiList\":{api_list}",
        )
        .expect("a String takes everything");
        if !matches!(asked.signer, Signer::Agent(..)) {
            write!(json, ",\"openTagList\":{open_tags}").expect("a String takes everything");
        }
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
