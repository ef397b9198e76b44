//! The phone's side: it takes a ticket up with a session of its own, and its owner says yes or no, once.

use http::Method;

use super::desktop::address;
use super::ledger::{Decided, Verdict};
use super::ticket::{Number, Ticket, TicketId};
use super::{Confirm, HandOff, Page};
use crate::attempts::Step;
use crate::login::answer::{Answer, Error, Refused};
use crate::login::door::Choice;
use crate::login::logout::is_same_origin;
use crate::login::{Login, Wish, params};
use crate::request::{Browser, Head};
use crate::session::Session;
use crate::types::{Account, Instead, Outside, Scope, Visitor};

impl Login {
    /// `GET P/handoff?t=…` and the form that is sent from there.
    pub(in crate::login) async fn handoff_phone(
        &self,
        head: &Head,
        form: &[u8],
        visitor: Option<&Session>,
    ) -> Result<Answer, Refused> {
        match *head.method() {
            Method::GET | Method::HEAD => self.scanned(head, visitor).await,
            Method::POST => self.decided(head, form, visitor).await,
            _ => Err(Error::BadRequest("this address is for GET and POST").into()),
        }
    }

    async fn scanned(&self, head: &Head, visitor: Option<&Session>) -> Result<Answer, Refused> {
        self.count(Step::Handoff, head)?;
        let named = params::single(head.query().unwrap_or_default().as_bytes(), "t")?;
        let id = named.and_then(|text| TicketId::parse(&text)).ok_or(Error::CodeExpired)?;
        let handoff = self.handoff();
        let ticket = handoff.ledger.ticket(id).await.ok_or(Error::CodeExpired)?;
        let here = self.return_to(&handoff.code(id));
        if let Some(outside) = outside(head) {
            return Err(Error::NotInWechat { outside, instead: Instead::WeChat, target: here }.into());
        }
        let phone = match visitor {
            Some(session) if may_vouch(session, ticket.scope) => session,
            Some(session) if session.snapshot => return Err(Error::Snapshot.into()),
            _ => {
                let door = Some(Choice::OfficialAccount);
                return self.start(head, Wish { scope: ticket.scope, target: here, door }, None).await;
            }
        };
        // One phone has it. A second, with the same code, comes too late.
        if !handoff.ledger.claim(id, &ticket, phone.id).await {
            return Err(Error::CodeExpired.into());
        }
        handoff.bells.ring(id);
        Ok(Answer::Handoff(match handoff.ledger.verdict(id).await {
            Some(Verdict::Allowed(_)) => Page::Confirmed,
            Some(Verdict::Refused) => Page::Refused,
            None => confirm(handoff, id, &ticket, head),
        }))
    }

    /// The order of lines is the order of trust.
    async fn decided(&self, head: &Head, form: &[u8], visitor: Option<&Session>) -> Result<Answer, Refused> {
        if !is_same_origin(head.headers(), &self.public_url) {
            return Err(Error::NotSameOrigin.into());
        }
        self.count(Step::Handoff, head)?;
        let handoff = self.handoff();
        let [named, typed, answer] = ["ticket", "number", "answer"].map(|name| params::single(form, name));
        let (named, typed, answer) = (named?, typed?, answer?);
        let id = named.and_then(|text| TicketId::parse(&text)).ok_or(Error::CodeExpired)?;
        let ticket = handoff.ledger.ticket(id).await.ok_or(Error::CodeExpired)?;
        let phone = visitor.filter(|session| may_vouch(session, ticket.scope)).ok_or(Error::CodeExpired)?;
        if !handoff.ledger.is_claimed_by(id, phone.id).await {
            return Err(Error::CodeExpired.into());
        }
        let word = match answer.as_deref() {
            Some("refuse") => Word::No,
            Some("allow") => match typed.as_deref().and_then(Number::parse) {
                Some(number) if number == ticket.number => Word::Yes,
                Some(_) => Word::WrongNumber,
                // Nothing was typed yet: that is no try.
                None => return Ok(Answer::Handoff(confirm(handoff, id, &ticket, head))),
            },
            _ => return Err(Error::BadRequest("answer is neither allow nor refuse").into()),
        };
        let verdict = match word {
            Word::Yes => Verdict::Allowed(Box::new(phone.clone())),
            Word::No | Word::WrongNumber => Verdict::Refused,
        };
        let Decided { stands, is_first } =
            handoff.ledger.decide(id, &ticket, verdict).await.ok_or(Error::CodeExpired)?;
        handoff.bells.ring(id);
        if is_first {
            tracing::info!(request_id = %head.asker().id, result = word.as_str(), "hand-off");
        }
        match stands {
            Verdict::Allowed(_) => Ok(Answer::Handoff(Page::Confirmed)),
            Verdict::Refused if word == Word::WrongNumber => Err(Error::NumberWrong.into()),
            Verdict::Refused => Ok(Answer::Handoff(Page::Refused)),
        }
    }
}

/// What the phone's owner said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Yes,
    No,
    WrongNumber,
}

impl Word {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "allowed",
            Self::No => "refused",
            Self::WrongNumber => "wrong-number",
        }
    }
}

fn confirm(handoff: &HandOff, id: TicketId, ticket: &Ticket, head: &Head) -> Page {
    Page::Confirm(Confirm {
        action: handoff.path.clone(),
        ticket: id.to_hex(),
        place: ticket.place,
        same_network: ticket.place.shares_network(address(head)),
    })
}

/// Only a person whom the official account knows may sign another browser in, and only with what that one needs.
fn may_vouch(session: &Session, scope: Scope) -> bool {
    session.account == Account::OfficialAccount && !session.snapshot && session.covers(scope)
}

/// Whoever reads the code with something other than WeChat. No guard, but a help: the session is the guard.
fn outside(head: &Head) -> Option<Outside> {
    match Browser::of(head.user_agent()) {
        Browser::WeCom => Some(Outside::WeCom),
        Browser::Phone => Some(Outside::Phone),
        Browser::Desktop => Some(Outside::Desktop),
        Browser::DevTools
        | Browser::MiniProgram
        | Browser::WeChatDesktop
        | Browser::WeChatIos
        | Browser::WeChatAndroid => None,
    }
}
