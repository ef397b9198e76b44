//! What holds of every sign-in, whatever comes back from WeChat's side of it or is asked for as a target.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use http::{Request, header};
use percent_encoding::percent_decode;
use tokio::runtime::Builder;
use url::Url;

use super::flow::{self, State};
use super::handoff;
use super::{Accounts, Answer, Endpoint, Error, Lasting, Login, Options, Parts, Redirect, ReturnTo, Sections, params};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, PublicUrl};
use crate::request::{Head, Peer, Rules};
use crate::session::Sessions;
use crate::store::{Key, Memory};
use crate::types::Scope;
use crate::wechat;

/// R2: whatever the text, a browser that follows its target stays on this site.
pub(crate) fn targets_stay_on_the_site(text: &str, site: &PublicUrl) {
    let target = ReturnTo::parse(text, site);
    let place = target.as_str();
    let base = Url::parse(&site.origin).expect("a checked origin");
    let deep = base.join("/some/page?and=query#fragment").expect("a page");
    let followed = deep.join(place).expect("a place is a URL");
    assert_eq!(followed.origin(), base.origin(), "{text:?} leads to {followed}");
    assert_eq!(&followed[url::Position::BeforePath..], place, "a browser goes elsewhere");
    assert!(place.starts_with('/') && !place.starts_with("//") && place.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(place.len() <= ReturnTo::MAX_BYTES);
    assert_eq!(ReturnTo::parse(place, site), target, "judged twice, {text:?} is another place");
    assert!(target.with_fragment().contains('#') && target.with_fragment().starts_with(place));
    // What a browser takes for another site's is nobody's target.
    if deep.join(text).is_ok_and(|elsewhere| elsewhere.origin() != base.origin()) {
        assert_eq!(place, "/", "{text:?}");
    }
}

/// R13, R41: records that travel through the browser are read whole or not at all, and their target is judged anew.
pub(crate) fn records_are_read_whole(bytes: &[u8], site: &PublicUrl) {
    if let Some(read) = flow::decode(bytes, site) {
        assert_eq!(flow::decode(&flow::encode(&read), site).as_ref(), Some(&read));
        targets_stay_on_the_site(read.target.as_str(), site);
        assert_eq!(State::parse(&read.state.to_hex()), Some(read.state));
    }
    handoff::properties::tickets_are_read_whole(bytes);
}

/// R20: what is taken for a parameter's value is what any form's reader takes, and a second one is refused.
pub(crate) fn parameters_are_single(query: &[u8]) {
    for name in ["code", "state", "rd"] {
        let values = values_of(query, name);
        match params::single(query, name) {
            Ok(value) => assert_eq!(value.as_deref(), values.first().map(String::as_str)),
            Err(error) => assert!(matches!(error, Error::RepeatedParameter)),
        }
        assert_eq!(params::single(query, name).is_err(), values.len() > 1, "{name}");
    }
}

fn values_of(query: &[u8], name: &str) -> Vec<String> {
    let decoded = |text: &[u8]| {
        let text: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (decoded(&pair[..equals]), decoded(pair.get(equals + 1..).unwrap_or_default()))
    });
    pairs.filter(|(found, _)| found == name).map(|(_, value)| value).collect()
}

/// What a browser that began a sign-in makes of its cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    Nothing,
    Cookie,
    /// Under the name that goes with whatever state it returns with.
    CookieRenamed,
}

/// R1, R20: a code is spent where this very browser proves the state, and nowhere else. In `query`, `STATE` stands for
/// the state that the browser began with.
pub(crate) fn codes_are_spent_on_proof_only(query: &str, cookies: &[u8], shows: Shows, config: &Config) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime without sockets");
    runtime.block_on(async {
        let gate = Gate::new(config);
        let (state, cookie) = gate.begin().await;
        let query = query.replace("STATE", &state);
        let cookie = match shows {
            Shows::Nothing => String::new(),
            Shows::Cookie => cookie,
            Shows::CookieRenamed => renamed(&cookie, &query),
        };
        let line = [cookies, b"; ", cookie.as_bytes()].concat();
        let Some(head) = gate.head(&format!("/_wechat/callback?{query}"), &line) else { return };
        gate.callback(&head, &state, shows != Shows::Nothing).await;
    });
}

/// The same value, as the cookie of the state in `query`.
fn renamed(cookie: &str, query: &str) -> String {
    let states = values_of(query.as_bytes(), "state");
    let state = states.first().and_then(|state| HEXLOWER.decode(state.as_bytes()).ok()).unwrap_or_default();
    let hash = HEXLOWER.encode(&digest(&SHA256, &state).as_ref()[..4]);
    let (_, value) = cookie.split_once('=').expect("a pair");
    format!("__Host-wxgate-flow-{hash}={value}")
}

/// A gate that nobody signs in at, for it has no way to WeChat.
struct Gate {
    login: Login,
    rules: Rules,
    memory: Arc<Memory>,
}

impl Gate {
    fn new(config: &Config) -> Self {
        let clock = Clock::fixed(Timestamp(1_000_000));
        let memory = Arc::new(Memory::new(clock.clone()));
        let sessions = Sessions::new(&config.session, &config.public_url, Vec::new(), memory.clone(), clock.clone());
        let sections = Sections {
            public_url: &config.public_url,
            paths: &config.paths,
            accounts: Accounts { official_account: config.official_account.as_ref(), ..Accounts::default() },
            sign_in: &config.sign_in,
            endpoints: &config.endpoints,
        };
        let parts = Parts {
            sessions: Arc::new(sessions),
            store: memory.clone(),
            wechat: wechat::Accounts::default(),
            lasting: Lasting::new(&clock),
            clock,
            runtime: tokio::runtime::Handle::current(),
        };
        let rules = Rules::new(&config.server, &config.identity, &config.public_url);
        Self { login: Login::new(sections, parts, Options::default()), rules, memory }
    }

    fn head(&self, target: &str, cookies: &[u8]) -> Option<Head> {
        let request = Request::builder().uri(target).header(header::HOST, "m.example.com");
        let request = request.header(header::USER_AGENT, "Mozilla/5.0 (iPhone) Mobile MicroMessenger/8.0");
        let request = request.header(header::COOKIE, cookies).body(()).ok()?;
        let peer = Peer::new(([203, 0, 113, 7], 40_000).into(), &self.rules);
        Some(self.rules.clean(request, &peer).ok()?.into_parts().0)
    }

    /// State and cookie of a sign-in just begun.
    async fn begin(&self) -> (String, String) {
        let head = self.head("/page?a=1", b"").expect("a plain request");
        let Ok(Answer::Redirect(away)) = self.login.begin(&head, Scope::Base).await else { panic!("no redirect") };
        let (_, rest) = away.location.split_once("&state=").expect("a state");
        let cookie = away.cookies.first().and_then(|line| line.to_str().ok()).expect("a cookie");
        let pair = cookie.split(';').next().unwrap_or_default();
        (rest.trim_end_matches("#wechat_redirect").to_owned(), pair.to_owned())
    }

    async fn callback(&self, head: &Head, state: &str, proof: bool) {
        let query = head.query().unwrap_or_default().as_bytes();
        let (codes, states) = (values_of(query, "code"), values_of(query, "state"));
        let answer = self.login.answer(Endpoint::Callback, head, b"", None).await;
        let repeated = matches!(&answer, Err(refused) if matches!(refused.error, Error::RepeatedParameter));
        assert_eq!(repeated, codes.len() > 1 || states.len() > 1);
        let code = codes.first().map_or("", String::as_str);
        let good = !repeated && !["", "authdeny"].contains(&code) && code.len() <= 512;
        let proven = good && proof && states.first().is_some_and(|found| found == state);
        assert_eq!(self.memory.get(&Key::code(code)).is_some(), proven, "the code {code:?}");
        let cookies = match answer {
            Ok(Answer::Redirect(redirect)) => {
                goes_on(&redirect);
                redirect.cookies
            }
            Ok(other) => panic!("{other:?} at the callback"),
            Err(refused) => refused.cookies,
        };
        // Nobody was asked who this is.
        assert!(cookies.iter().all(|line| !line.as_bytes().starts_with(b"__Host-wxgate=")), "a session");
    }
}

/// To WeChat again, or to a place on this site.
fn goes_on(redirect: &Redirect) {
    let location = &redirect.location;
    assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location:?}");
    let to_wechat = location.starts_with("https://open.weixin.qq.com/connect/oauth2/authorize?appid=");
    let plain = location.starts_with('/') && !location.starts_with("//") && location.contains('#');
    assert!(plain || (to_wechat && location.ends_with("#wechat_redirect")), "{location:?}");
}
