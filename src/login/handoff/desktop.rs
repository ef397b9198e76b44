//! The desktop's side: it shows a code, waits, and goes on with a session of its own.

use http::HeaderValue;

use super::desk::Desk;
use super::ledger::Verdict;
use super::place::Place;
use super::ticket::{LIFE, Number, Ticket, TicketId};
use super::waiting::{Progress, Waiting};
use super::{HandOff, Page, Scan};
use crate::attempts::{Step, is_somebodys_proxy};
use crate::login::answer::{Answer, Error, Refused};
use crate::login::exchange::keep_what_is_known;
use crate::login::return_to::ReturnTo;
use crate::login::{Login, only_reads, params};
use crate::metrics::SignIn;
use crate::request::Head;
use crate::session::Session;
use crate::types::{Account, Instead, Outside, Scope, Visitor};

impl Login {
    /// Only asked for by what the doors and endpoints of a hand-off lead to.
    pub(super) fn handoff(&self) -> &HandOff {
        self.handoff.as_ref().expect("there is no way here where there is no hand-off")
    }

    /// A new ticket for a desktop on its way to `target`: a page with its code.
    pub(in crate::login) async fn hand_off(
        &self,
        head: &Head,
        scope: Scope,
        target: ReturnTo,
    ) -> Result<Answer, Refused> {
        let handoff = self.handoff();
        let (outside, instead) = (Outside::Desktop, Instead::WeChat);
        let elsewhere = |target| Err(Error::NotInWechat { outside, instead, target }.into());
        // A program shows nobody a code.
        if !head.asker().wants_page {
            return elsewhere(target);
        }
        self.count(Step::Begin, head)?;
        let id = TicketId::fresh();
        let place = Place::of(head.user_agent(), address(head));
        let expires_at = handoff.clock.now().after(LIFE);
        if !handoff.ledger.open(id, &Ticket { number: Number::fresh(), scope, expires_at, place }).await {
            return elsewhere(target);
        }
        let mut page = handoff.scan(id, &target, LIFE.as_secs());
        page.cookies = handoff.desks.give(&Desk { id, expires_at, scope, target }, head);
        tracing::info!(request_id = %head.asker().id, result = "begun", "hand-off");
        Ok(Answer::Handoff(Page::Scan(page)))
    }

    /// `GET P/handoff/wait?t=…`
    pub(in crate::login) fn handoff_wait(&self, head: &Head) -> Result<Answer, Refused> {
        let handoff = self.handoff();
        let Some((id, _)) = self.desk(head)? else { return Ok(Answer::Waiting(Waiting::over())) };
        let listener = handoff.bells.listen(id).ok_or(Error::Overloaded)?;
        Ok(Answer::Waiting(Waiting::for_ticket(id, handoff.ledger.clone(), listener, &handoff.runtime)))
    }

    /// `GET P/handoff/state?t=…`
    pub(in crate::login) async fn handoff_state(&self, head: &Head) -> Result<Answer, Refused> {
        Ok(Answer::Progress(match self.desk(head)? {
            Some((id, _)) => self.handoff().ledger.progress(id).await,
            None => Progress::Expired,
        }))
    }

    /// `GET P/handoff/finish?t=…&rd=…`: on to the target with a session, or a page that says how things stand.
    pub(in crate::login) async fn handoff_finish(
        &self,
        head: &Head,
        visitor: Option<&Session>,
    ) -> Result<Answer, Refused> {
        // Judged as any other; it is where to try again, for one who comes with nothing else.
        let query = head.query().unwrap_or_default().as_bytes();
        let retry = params::single(query, "rd")?.map_or_else(ReturnTo::home, |rd| self.return_to(&rd));
        let Some((id, desk)) = self.desk(head)? else { return Err(Error::Expired { retry }.into()) };
        let handoff = self.handoff();
        let forget = vec![handoff.desks.forget(id)];
        match handoff.ledger.verdict(id).await {
            Some(Verdict::Allowed(phone)) if handoff.ledger.spend(id).await => {
                handoff.ledger.forget(id).await;
                Ok(self.let_in(head, &phone, visitor, &desk, forget))
            }
            Some(Verdict::Refused) => {
                handoff.ledger.forget(id).await;
                self.sign_ins.count(Account::OfficialAccount, SignIn::Declined);
                Err(Error::HandoffRefused { retry: desk.target, scope: Some(desk.scope) }.with(forget))
            }
            // Spent or over: but perhaps by this very browser, a moment ago.
            _ if handoff.ledger.ticket(id).await.is_none() => match visitor {
                Some(session) if session.covers(desk.scope) => Ok(on_to(&desk, forget)),
                _ => Err(Error::Expired { retry: desk.target }.with(forget)),
            },
            _ => Ok(Answer::Handoff(Page::Scan(Scan {
                number: match handoff.ledger.progress(id).await {
                    Progress::Scanned(number) => Some(number),
                    _ => None,
                },
                ..handoff.scan(id, &desk.target, desk.expires_at.since(handoff.clock.now()).as_secs())
            }))),
        }
    }

    /// The only place where a desktop gets a session: its own, in the name of the phone's.
    fn let_in(
        &self,
        head: &Head,
        phone: &Session,
        visitor: Option<&Session>,
        desk: &Desk,
        mut cookies: Vec<HeaderValue>,
    ) -> Answer {
        let identity = keep_what_is_known(phone.identity(), visitor);
        cookies.push(self.sessions.hand_over(phone, &identity, visitor).cookie);
        let (account, result) = (Account::OfficialAccount, SignIn::SignedIn);
        self.sign_ins.count(account, result);
        let (account, result) = (account.as_str(), result.as_str());
        tracing::info!(request_id = %head.asker().id, account, result, handoff = true, "sign-in");
        on_to(desk, cookies)
    }

    /// The ticket that a request names, with this browser's proof of it.
    fn desk(&self, head: &Head) -> Result<Option<(TicketId, Desk)>, Refused> {
        only_reads(head)?;
        self.count(Step::HandoffWait, head)?;
        let named = params::single(head.query().unwrap_or_default().as_bytes(), "t")?;
        let id = named.and_then(|text| TicketId::parse(&text));
        Ok(id.and_then(|id| Some((id, self.handoff().desks.prove(head, id)?))))
    }
}

/// Without a fragment of its own the target gets the one the browser brings: that of the page it waited on.
fn on_to(desk: &Desk, cookies: Vec<HeaderValue>) -> Answer {
    Answer::see_other(desk.target.as_str().to_owned(), cookies)
}

/// Where somebody is; `None` where that would be a proxy's address.
pub(super) fn address(head: &Head) -> Option<std::net::IpAddr> {
    let client = head.client();
    (!is_somebodys_proxy(client)).then_some(client.ip)
}
