//! Signs visitors in: off to WeChat with a state, back with a code, out again.
//!
//! Reads requests' heads and answers with values; `edge` makes HTTP of them.

mod answer;
mod authorize;
mod bound;
mod callback;
mod door;
mod exchange;
mod flow;
pub mod handoff;
mod lasting;
mod logout;
mod outcome;
mod params;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod return_to;
mod rounds;
mod standing;
#[cfg(test)]
mod tests;
mod unionid;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use percent_encoding::utf8_percent_encode;
use tokio::runtime::Handle;

pub use answer::{Answer, Error, Redirect, Refused};
pub use door::{Choice, Door, Doors};
pub use lasting::Lasting;
pub use return_to::ReturnTo;
pub use standing::Refusal;

use crate::attempts::{Attempts, Step};
use crate::clock::Clock;
use crate::config;
use crate::metrics::{SignIn, SignIns};
use crate::request::{Browser, Head};
use crate::session::{Session, Sessions};
use crate::store::Store;
use crate::types::{Account, Scope, Visitor};
use crate::wechat;
use authorize::{COMPONENT, Links};
use exchange::Exchange;
use flow::Flows;
use handoff::HandOff;
use rounds::{Known, Round, Rounds};

/// Signs visitors in and out. One for all workers.
#[derive(Debug)]
pub struct Login {
    public_url: config::PublicUrl,
    paths: config::Paths,
    default_scope: Scope,
    snapshot: config::SnapshotPolicy,
    /// What visitors inside WeCom are asked for.
    wecom_scope: Scope,
    doors: Doors,
    /// The first of the accounts there are.
    main_account: Account,
    keep_fragment: bool,
    attempts: Attempts,
    links: Links,
    flows: Flows,
    rounds: Rounds,
    exchange: Exchange,
    /// Where the operator wants it.
    handoff: Option<HandOff>,
    sign_ins: SignIns,
    sessions: Arc<Sessions>,
}

/// The sections of the configuration that signing in is about.
#[derive(Debug, Clone, Copy)]
pub struct Sections<'a> {
    pub public_url: &'a config::PublicUrl,
    pub paths: &'a config::Paths,
    pub accounts: Accounts<'a>,
    pub sign_in: &'a config::SignIn,
    pub endpoints: &'a config::Endpoints,
}

/// The accounts there are, at least one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accounts<'a> {
    pub official_account: Option<&'a config::OfficialAccount>,
    pub website_app: Option<&'a config::WebsiteApp>,
    pub wecom: Option<&'a config::WeCom>,
}

/// What signing in is built on.
#[derive(Debug, Clone)]
pub struct Parts {
    pub sessions: Arc<Sessions>,
    pub store: Arc<dyn Store>,
    /// As many as [`Accounts`] has.
    pub wechat: wechat::Accounts,
    pub clock: Clock,
    /// The control runtime: codes are spent there, whatever becomes of the connections that brought them.
    pub runtime: Handle,
    pub lasting: Lasting,
}

/// What is not for operators to choose.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// See [`Doors::every_browser_is_wechat`].
    pub every_browser_is_wechat: bool,
    /// For all that a callback waits for (contract section 4).
    pub budget: Duration,
}

/// A sign-in that is to begin.
struct Wish {
    /// What the route asks for.
    scope: Scope,
    target: ReturnTo,
    /// The visitor's choice among doors.
    door: Option<Choice>,
}

/// An endpoint of this room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Login,
    Callback,
    Logout,
    Handoff(handoff::Endpoint),
}

impl Default for Options {
    fn default() -> Self {
        Self { every_browser_is_wechat: false, budget: Duration::from_secs(8) }
    }
}

impl Login {
    #[must_use]
    pub fn new(sections: Sections<'_>, parts: Parts, options: Options) -> Self {
        let Sections { public_url, paths, accounts, sign_in, endpoints } = sections;
        let Parts { sessions, store, wechat, clock, runtime, lasting } = parts;
        let snapshot = accounts.official_account.map_or(config::SnapshotPolicy::Page, |account| account.snapshot);
        let rounds = Rounds::new(Arc::clone(&store), clock.clone());
        let handoff = (sign_in.handoff && accounts.official_account.is_some()).then(|| {
            HandOff::new(
                paths,
                public_url,
                &sessions,
                Arc::clone(&store),
                clock.clone(),
                runtime.clone(),
                &lasting.bells,
            )
        });
        Self {
            default_scope: accounts.official_account.map_or(Scope::Base, |account| account.scope),
            snapshot,
            wecom_scope: accounts.wecom.map_or(Scope::Base, |wecom| wecom.scope),
            doors: Doors {
                official_account: accounts.official_account.is_some(),
                website_app: accounts.website_app.is_some(),
                wecom: accounts.wecom.is_some(),
                handoff: handoff.is_some(),
                every_browser_is_wechat: options.every_browser_is_wechat,
            },
            main_account: accounts.first(),
            keep_fragment: sign_in.keep_fragment,
            attempts: Attempts::after(lasting.used.clone(), sign_in.attempts_per_minute, clock.clone()),
            links: Links::new(public_url, paths, accounts, endpoints),
            flows: Flows::new(Arc::clone(&sessions), public_url.clone(), clock),
            exchange: Exchange::new(exchange::Parts {
                accounts: wechat,
                sessions: Arc::clone(&sessions),
                store,
                rounds: rounds.clone(),
                lasting: lasting.clone(),
                snapshot,
                budget: options.budget,
                runtime,
            }),
            rounds,
            handoff,
            sign_ins: lasting.sign_ins,
            sessions,
            public_url: public_url.clone(),
            paths: paths.clone(),
        }
    }

    /// How sign-ins have ended.
    #[must_use]
    pub const fn sign_ins(&self) -> &SignIns {
        &self.sign_ins
    }

    /// The endpoint at a path, if it is one of ours.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> Option<Endpoint> {
        let Self { paths, handoff, .. } = self;
        let own =
            [(&paths.login, Endpoint::Login), (&paths.callback, Endpoint::Callback), (&paths.logout, Endpoint::Logout)]
                .into_iter()
                .find_map(|(ours, endpoint)| (ours == path).then_some(endpoint));
        own.or_else(|| handoff.as_ref()?.endpoint(path).map(Endpoint::Handoff))
    }

    /// WeChat's standing refusal of this gate's own credentials or address, met by sign-ins of the last five minutes.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.exchange.refusal()
    }

    /// Judges a return target for this site.
    #[must_use]
    pub fn return_to(&self, text: &str) -> ReturnTo {
        ReturnTo::parse(text, &self.public_url)
    }

    /// Path and query that sign a visitor in and bring them to `target`.
    #[must_use]
    pub fn login_url(&self, target: &ReturnTo) -> String {
        format!("{}?rd={}", self.paths.login, utf8_percent_encode(target.as_str(), COMPONENT))
    }

    /// Sends a navigation to WeChat; it comes back to where it was going. With `keep_fragment` it goes by way of a page
    /// that knows the whole of where that is.
    ///
    /// # Errors
    /// [`Refused`] for a visitor who cannot sign in from here, or has tried too often.
    pub async fn begin(&self, head: &Head, wanted: Scope) -> Result<Answer, Refused> {
        let target = self.return_to(head.target());
        // What only a route calls a navigation runs no scripts.
        if self.keep_fragment && head.is_navigation() {
            let scope = (wanted != self.default_scope).then_some(wanted);
            return Ok(Answer::Fragment { target, scope });
        }
        self.start(head, Wish { scope: wanted, target, door: None }, None).await
    }

    /// Answers a request for an endpoint of ours. `form` is the body of a POST, `visitor` whom the session names.
    ///
    /// # Errors
    /// [`Refused`] with the page to show.
    pub async fn answer(
        &self,
        endpoint: Endpoint,
        head: &Head,
        form: &[u8],
        visitor: Option<&Session>,
    ) -> Result<Answer, Refused> {
        match endpoint {
            Endpoint::Login => self.login(head, visitor).await,
            Endpoint::Callback => self.callback(head, visitor).await,
            Endpoint::Logout => self.logout(head, form, visitor),
            Endpoint::Handoff(endpoint) => match endpoint {
                handoff::Endpoint::Phone => self.handoff_phone(head, form, visitor).await,
                handoff::Endpoint::Wait => self.handoff_wait(head),
                handoff::Endpoint::State => self.handoff_state(head).await,
                handoff::Endpoint::Finish => self.handoff_finish(head, visitor).await,
            },
        }
    }

    /// `GET P/login?rd=…&scope=…&door=…`
    async fn login(&self, head: &Head, visitor: Option<&Session>) -> Result<Answer, Refused> {
        only_reads(head)?;
        let query = head.query().unwrap_or_default().as_bytes();
        let target = params::single(query, "rd")?.map_or_else(ReturnTo::home, |rd| self.return_to(&rd));
        let scope = match params::single(query, "scope")?.as_deref() {
            None => self.default_scope,
            Some("base") => Scope::Base,
            Some("userinfo") => Scope::UserInfo,
            Some(_) => return Err(Error::BadRequest("scope is neither base nor userinfo").into()),
        };
        let door = match params::single(query, "door")? {
            None => None,
            Some(word) => Some(Choice::parse(&word).ok_or(Error::BadRequest("there is no such door"))?),
        };
        if visitor.is_some_and(|session| session.covers(scope)) {
            return Ok(Answer::found(target.as_str().to_owned(), Vec::new()));
        }
        self.start(head, Wish { scope, target, door }, None).await
    }

    /// A fresh round: cheapest refusals first. `parent` is the round that this one replaces.
    async fn start(&self, head: &Head, wish: Wish, parent: Option<Round>) -> Result<Answer, Refused> {
        let Wish { scope, target, door } = wish;
        let door = self.doors.door(Browser::of(head.user_agent()), door);
        let (account, scope) = match door {
            Door::OfficialAccount => (Account::OfficialAccount, scope.min(Scope::UserInfo)),
            Door::WebsiteApp => (Account::WebsiteApp, Scope::Login),
            Door::WeComWebview => (Account::WeCom, self.wecom_scope),
            // There is no consent on this way, and so nothing to ask for.
            Door::WeComDesktop => (Account::WeCom, Scope::Base),
            Door::Choose(choices) => {
                let scope = (scope != self.default_scope).then_some(scope);
                return Ok(Answer::Choose { choices, rd: target, scope });
            }
            Door::Handoff => return self.hand_off(head, scope.min(Scope::UserInfo), target).await,
            Door::None(outside, instead) => return Err(Error::NotInWechat { outside, instead, target }.into()),
        };
        self.count(Step::Begin, head)?;
        let shown = self.flows.shown(head);
        // A browser that comes back from a sign-in that succeeded, and still needs one, has lost its session.
        let mut parents: Vec<Round> = parent.into_iter().collect();
        for flow in &shown.live {
            parents.extend(self.rounds.recall(flow.state).await.filter(|known| known.completed).map(|_| flow.round));
        }
        let Some(round) = self.rounds.after(parents) else {
            tracing::warn!(request_id = %head.asker().id, account = account.as_str(), result = SignIn::Loop.as_str(), "sign-in");
            self.sign_ins.count(account, SignIn::Loop);
            return Err(Error::Loop.into());
        };
        let flow = self.flows.begin(account, scope, round, target);
        self.rounds.remember(flow.state, Known { round, completed: false }).await;
        let url = self.links.url(&door, scope, flow.state).expect("a door is open where its account is there");
        Ok(Answer::found(url, self.flows.give(&flow, &shown)))
    }

    fn count(&self, step: Step, head: &Head) -> Result<(), Error> {
        self.attempts.count(step, head.client()).map_err(|retry_after| Error::RateLimited { retry_after })
    }
}

impl Accounts<'_> {
    /// Whose sign-ins those are counted among that nobody can tell the account of.
    const fn first(&self) -> Account {
        match (self.official_account, self.website_app) {
            (Some(_), _) => Account::OfficialAccount,
            (None, Some(_)) => Account::WebsiteApp,
            (None, None) => Account::WeCom,
        }
    }
}

/// Only GET and HEAD are ever redirected.
fn only_reads(head: &Head) -> Result<(), Error> {
    match *head.method() {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Error::BadRequest("this address is for GET")),
    }
}
