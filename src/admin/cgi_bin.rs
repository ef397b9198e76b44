//! WeChat's token and ticket endpoints for the operator's other programs, answered from the gate's own.
//!
//! Shapes, words and errcodes are WeChat's, always with status 200, so that an SDK works by another base URL. `secret` is
//! ignored: whoever brings the admin token has shown enough. `force_refresh` is not honoured: a forced token would kill
//! the one that everybody else has.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, as_wechat};
use super::confirm::Confirmed;
use super::guard::hash;
use crate::clock::{Clock, Timestamp};
use crate::types::AppId;
use crate::wechat::{Client, Issued, Kind, Platform, Unavailable};

/// Two overlap while one takes the other's place; the rest is for tokens that died early.
const MOST_HANDED: usize = 8;

#[derive(Debug)]
pub(super) struct CgiBin {
    /// `None`: a site without an official account, for which no appid is the right one and no token ours.
    account: Option<Account>,
    clock: Clock,
    handed: Arc<Mutex<Handed>>,
}

/// Tokens that were handed out, by their hash, until they expire.
type Handed = VecDeque<(Vec<u8>, Timestamp)>;

#[derive(Debug)]
struct Account {
    app_id: AppId,
    platform: Platform,
    confirmed: Confirmed,
}

/// WeChat's way of saying no.
struct Refused {
    errcode: i64,
    errmsg: String,
}

/// What a request for a token has to say, wherever it says it.
#[derive(Deserialize)]
struct Wanted {
    grant_type: Option<String>,
    appid: Option<String>,
}

impl CgiBin {
    /// What the one before has handed out is ours, as long as the account is the same.
    pub(super) fn new(account: Option<(Client, Platform)>, clock: Clock, before: Option<&Self>) -> Self {
        let account = account.map(|(client, platform)| Account {
            app_id: client.app_id().clone(),
            confirmed: Confirmed::new(client, platform.clone(), clock.clone()),
            platform,
        });
        let app_id = account.as_ref().map(|account| &account.app_id);
        let before = before.filter(|before| before.account.as_ref().map(|account| &account.app_id) == app_id);
        let handed = before.map(|before| before.handed.clone()).unwrap_or_default();
        Self { account, clock, handed }
    }

    /// `GET /cgi-bin/token?grant_type=client_credential&appid=…&secret=…`
    pub(super) async fn token(&self, method: &Method, query: &str) -> Answer {
        let wanted = Wanted { grant_type: parameter(query, "grant_type"), appid: parameter(query, "appid") };
        let given = match only(method, &Method::GET) {
            Ok(()) => self.give_token(&wanted).await,
            Err(refused) => Err(refused),
        };
        answer(given)
    }

    /// `POST /cgi-bin/stable_token`, the same in JSON.
    pub(super) async fn stable_token(&self, method: &Method, body: &[u8]) -> Answer {
        let wanted = only(method, &Method::POST)
            .and_then(|()| serde_json::from_slice(body).map_err(|_| refused(47001, "data format error")));
        let given = match wanted {
            Ok(wanted) => self.give_token(&wanted).await,
            Err(refused) => Err(refused),
        };
        answer(given)
    }

    /// `GET /cgi-bin/ticket/getticket?access_token=…&type=jsapi|wx_card`
    ///
    /// The access token has to be one of ours: the one in use, or one handed out here that has not expired, since
    /// programs keep theirs until then while the gate renews its own ahead of that. Any other is refused by 40001, upon
    /// which SDKs ask for a new one. Nobody's word lets the gate forget a token: it asks WeChat what is dead ([`Confirmed`]).
    pub(super) async fn ticket(&self, method: &Method, query: &str) -> Answer {
        let given = match self.ticket_wanted(method, query) {
            Ok(kind) => self.give_ticket(kind).await,
            Err(refused) => Err(refused),
        };
        answer(given)
    }

    async fn give_token(&self, wanted: &Wanted) -> Result<Value, Refused> {
        if wanted.grant_type.as_deref() != Some("client_credential") {
            return Err(refused(40002, "invalid grant_type"));
        }
        let wanted = wanted.appid.as_deref().filter(|appid| !appid.is_empty());
        let wanted = wanted.ok_or_else(|| refused(41002, "appid missing"))?;
        let account = self.account.as_ref().filter(|account| account.app_id.as_str() == wanted);
        let Account { platform, confirmed, .. } = account.ok_or_else(|| refused(40013, "invalid appid"))?;
        let issued = match platform.cached(Kind::AccessToken) {
            Some(issued) => confirmed.look(issued).await,
            None => {
                let issued = platform.get(Kind::AccessToken).await?;
                confirmed.is_fresh();
                issued
            }
        };
        self.remember(&issued);
        Ok(json!({ "access_token": issued.value.expose(), "expires_in": self.left(&issued) }))
    }

    fn ticket_wanted(&self, method: &Method, query: &str) -> Result<Kind, Refused> {
        only(method, &Method::GET)?;
        let token = parameter(query, "access_token").filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| refused(41001, "access_token missing"))?;
        if !self.is_ours(&token) {
            return Err(not_ours());
        }
        match parameter(query, "type").as_deref() {
            Some("jsapi") => Ok(Kind::JsapiTicket),
            Some("wx_card") => Ok(Kind::WxCardTicket),
            _ => Err(refused(40097, "invalid args")),
        }
    }

    async fn give_ticket(&self, kind: Kind) -> Result<Value, Refused> {
        let account = self.account.as_ref().ok_or_else(not_ours)?;
        let issued = account.platform.get(kind).await?;
        Ok(json!({ "errcode": 0, "errmsg": "ok", "ticket": issued.value.expose(), "expires_in": self.left(&issued) }))
    }

    /// In seconds.
    fn left(&self, issued: &Issued) -> u64 {
        issued.expires_at.since(self.clock.now()).as_secs()
    }

    fn remember(&self, issued: &Issued) {
        let hashed = hash(issued.value.expose().as_bytes());
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        if handed.iter().all(|(known, _)| *known != hashed) {
            handed.truncate(MOST_HANDED - 1);
            handed.push_front((hashed, issued.expires_at));
        }
    }

    fn is_ours(&self, token: &str) -> bool {
        let hashed = hash(token.as_bytes());
        let is_it = |known: &[u8]| verify_slices_are_equal(known, &hashed).is_ok();
        let now = self.clock.now();
        let Some(account) = &self.account else { return false };
        let in_use = account.platform.cached(Kind::AccessToken);
        let handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        handed.iter().any(|(known, expires_at)| is_it(known) && now < *expires_at)
            || in_use.is_some_and(|issued| is_it(&hash(issued.value.expose().as_bytes())))
    }
}

/// The first value of a parameter.
fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

fn only(method: &Method, wanted: &Method) -> Result<(), Refused> {
    match (method == wanted, *wanted == Method::POST) {
        (true, _) => Ok(()),
        (false, true) => Err(refused(43002, "require POST method")),
        (false, false) => Err(refused(43001, "require GET method")),
    }
}

fn not_ours() -> Refused {
    refused(40001, "invalid credential, access_token is invalid or not latest")
}

fn refused(errcode: i64, errmsg: &str) -> Refused {
    Refused { errcode, errmsg: errmsg.to_owned() }
}

impl From<Unavailable> for Refused {
    /// WeChat's own errcode where it gave one, else -1 as when WeChat is busy; and in place of WeChat's words what is
    /// known of it, the address to be whitelisted included.
    fn from(unavailable: Unavailable) -> Self {
        Self { errcode: unavailable.error.errcode.unwrap_or(-1), errmsg: unavailable.error.advice().into_owned() }
    }
}

fn answer(given: Result<Value, Refused>) -> Answer {
    let said = |Refused { errcode, errmsg }| json!({ "errcode": errcode, "errmsg": errmsg });
    as_wechat(&given.unwrap_or_else(said))
}
