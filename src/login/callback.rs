//! WeChat's return: state proven first, code spent after.

use super::answer::{Answer, Error, Refused};
use super::exchange::Callback;
use super::flow::{Flow, Proof, State};
use super::outcome::Outcome;
use super::return_to::ReturnTo;
use super::rounds::Round;
use super::{Choice, Login, Wish, only_reads, params};
use crate::attempts::Step;
use crate::config::SnapshotPolicy;
use crate::metrics::SignIn;
use crate::request::Head;
use crate::session::Session;
use crate::types::{Scope, Visitor};

/// Real codes have 32 characters.
const MAX_CODE: usize = 512;

impl Login {
    /// `GET P/callback?code=…&state=…`. The order of lines is the order of trust.
    pub(super) async fn callback(&self, head: &Head, visitor: Option<&Session>) -> Result<Answer, Refused> {
        only_reads(head)?;
        self.count(Step::Callback, head)?;
        let query = head.query().unwrap_or_default().as_bytes();
        let (code, state) = (params::single(query, "code")?, params::single(query, "state")?);
        let state = state.and_then(|text| State::parse(&text));
        let proof = state.map_or(Proof::None, |state| self.flows.prove(head, state));
        // Some clients send a word instead of no code. To start again by ourselves would never end.
        let Some(code) = code.filter(|code| !code.is_empty() && code != "authdeny") else {
            return Err(self.declined(head, proof));
        };
        if code.len() > MAX_CODE {
            return Err(Error::BadRequest("the code is too long").into());
        }
        match proof {
            Proof::Proven(flow) => self.finish(head, code.into_owned(), flow, visitor).await,
            Proof::Expired(flow) => self.reenter(head, Reentry::of(flow), visitor).await,
            Proof::None => self.reenter(head, self.stranger(state).await, visitor).await,
        }
    }

    async fn finish(
        &self,
        head: &Head,
        code: String,
        flow: Flow,
        visitor: Option<&Session>,
    ) -> Result<Answer, Refused> {
        let request = head.asker().id.clone();
        let callback = Callback { code, flow: flow.clone(), visitor: visitor.cloned(), request };
        let forget = || vec![self.flows.forget(flow.state)];
        match self.exchange.spend(callback).await {
            // The flow's cookie stays: whoever repeats this callback is to find the same target.
            Outcome::SignedIn { id, cookie, remembered } if !self.sessions.is_revoked(id) => {
                // The back button must not bring back an older session, or the same one before it was widened.
                let newer = remembered && visitor.is_some_and(|session| session.covers(flow.scope));
                let cookies = if newer { Vec::new() } else { vec![cookie] };
                Ok(Answer::see_other(flow.target.with_fragment(), cookies))
            }
            Outcome::SignedIn { .. } | Outcome::Refused(_) => self.reenter(head, Reentry::of(flow), visitor).await,
            Outcome::Snapshot => Err(match self.snapshot {
                SnapshotPolicy::Page | SnapshotPolicy::Pass => Error::Snapshot,
                SnapshotPolicy::Deny => Error::SnapshotDenied,
            }
            .with(forget())),
            Outcome::UserRefused(_) => Err(declined(&flow).with(forget())),
            Outcome::Misconfigured(_) => Err(Error::WechatMisconfigured.with(forget())),
            // Kept here too: a reload shows the same page with the same way on.
            Outcome::Failed(_) => Err(Error::WechatUnavailable { retry: flow.target, scope: Some(flow.scope) }.into()),
        }
    }

    /// A callback that cannot sign anybody in: the back button, a shared link, a code that is used up.
    async fn reenter(&self, head: &Head, reentry: Reentry, visitor: Option<&Session>) -> Result<Answer, Refused> {
        let Reentry { scope, target, round, flow, door } = reentry;
        let scope = scope.unwrap_or(self.default_scope);
        let forget = flow.map(|state| self.flows.forget(state));
        // A visitor who has yet to show more of themselves would only be sent here again from the target.
        if visitor.is_some_and(|session| session.covers(scope) || flow.is_none()) {
            return Ok(Answer::see_other(target.with_fragment(), Vec::new()));
        }
        let again = self.start(head, Wish { scope, target, door }, round).await;
        match again {
            Ok(Answer::Redirect(mut redirect)) => {
                redirect.cookies.extend(forget);
                Ok(Answer::Redirect(redirect))
            }
            Err(mut refused) => {
                refused.cookies.extend(forget);
                Err(refused)
            }
            other => other,
        }
    }

    /// What is known of a state that this browser does not prove: no more than which round it was.
    async fn stranger(&self, state: Option<State>) -> Reentry {
        let known = match state {
            Some(state) => self.rounds.recall(state).await,
            None => None,
        };
        let round = known.map(|known| known.round);
        Reentry { scope: None, target: ReturnTo::home(), round, flow: None, door: None }
    }

    fn declined(&self, head: &Head, proof: Proof) -> Refused {
        tracing::info!(request_id = %head.asker().id, result = SignIn::Declined.as_str(), "sign-in");
        self.sign_ins.count(proof.account().unwrap_or(self.main_account), SignIn::Declined);
        match proof {
            Proof::Proven(flow) | Proof::Expired(flow) => {
                let forget = self.flows.forget(flow.state);
                declined(&flow).with(vec![forget])
            }
            Proof::None => Error::Declined { retry: ReturnTo::home(), scope: None }.into(),
        }
    }
}

/// Whoever changes their mind is asked for as much as before.
fn declined(flow: &Flow) -> Error {
    Error::Declined { retry: flow.target.clone(), scope: Some(flow.scope) }
}

/// What a callback in vain says of the sign-in that it belongs to.
struct Reentry {
    /// `None`: whatever the account asks for.
    scope: Option<Scope>,
    target: ReturnTo,
    round: Option<Round>,
    /// The sign-in of this browser's that is over now.
    flow: Option<State>,
    /// The one that it went through.
    door: Option<Choice>,
}

impl Reentry {
    fn of(flow: Flow) -> Self {
        Self {
            scope: Some(flow.scope),
            target: flow.target,
            round: Some(flow.round),
            flow: Some(flow.state),
            door: Some(Choice::of(flow.account)),
        }
    }
}
