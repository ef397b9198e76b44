//! A code is spent once, whatever arrives: the first callback asks WeChat, all others get its outcome.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::flow::{Flow, State};
use super::lasting::Lasting;
use super::outcome::{Memo, Outcome};
use super::rounds::{Known, Rounds};
use super::standing::{Refusal, Standing};
use super::unionid::Unionids;
use super::witness::{Found, Witness};
use crate::config::SnapshotPolicy;
use crate::metrics::SignIns;
use crate::request::RequestId;
use crate::session::{Session, Sessions};
use crate::store::{Key, Store};
use crate::types::{Account, Identity};
use crate::wechat::{self, Api};

/// How long an outcome answers for its code. WeChat's codes live five minutes, those of the Open Platform ten.
const MEMORY: Duration = Duration::from_mins(10);
/// How often to ask whether another replica has come to an outcome.
const PEEK: Duration = Duration::from_millis(50);

/// Spends codes. Cheap to clone; clones know of each other's codes.
#[derive(Debug, Clone)]
pub(super) struct Exchange(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    witness: Witness,
    sessions: Arc<Sessions>,
    store: Arc<dyn Store>,
    rounds: Rounds,
    sign_ins: SignIns,
    standings: Arc<[Standing; Account::ALL.len()]>,
    unionids: Unionids,
    /// For everything a callback waits for.
    budget: Duration,
    /// Where the work is done, so that it ends well even when nobody waits for it any more.
    runtime: Handle,
    flights: Flights,
}

/// Codes that are being spent. Bounded by the connections that wait, each for no longer than the budget.
pub(super) type Flights = Arc<Mutex<HashMap<Key, watch::Receiver<Option<Memo>>>>>;

/// What an exchange is made of, but for what it makes itself.
pub(super) struct Parts {
    pub accounts: wechat::Accounts,
    pub sessions: Arc<Sessions>,
    pub store: Arc<dyn Store>,
    pub rounds: Rounds,
    pub lasting: Lasting,
    pub snapshot: SnapshotPolicy,
    pub budget: Duration,
    pub runtime: Handle,
}

/// One callback whose state has been proven.
pub(super) struct Callback {
    pub code: String,
    pub flow: Flow,
    /// Who the browser's session says is there.
    pub visitor: Option<Session>,
    pub request: RequestId,
}

impl Exchange {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { accounts, sessions, store, rounds, lasting, snapshot, budget, runtime } = parts;
        let Lasting { sign_ins, standings, flights, .. } = lasting;
        let unionids = Unionids::new(accounts.official_account.is_some() && accounts.website_app.is_some());
        let witness = Witness { accounts, snapshot };
        Self(Arc::new(Inner {
            witness,
            sessions,
            store,
            rounds,
            sign_ins,
            standings,
            unionids,
            budget,
            runtime,
            flights,
        }))
    }

    /// See [`super::Login::refusal`].
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.0.standings.iter().find_map(Standing::refusal)
    }

    /// The outcome of this callback's code: WeChat's own for the first who brings it, that same one for all others with
    /// the same state, and a refusal for anybody else.
    pub(super) async fn spend(&self, callback: Callback) -> Outcome {
        let (state, account, request) = (callback.flow.state, callback.flow.account, callback.request.clone());
        let (mut outcome, begun) = self.join(callback);
        let memo = outcome.wait_for(Option::is_some).await.map(|memo| memo.clone());
        let (outcome, settled) = match memo {
            Ok(Some(memo)) => (memo.outcome_for(state), true),
            // The work was dropped with its runtime, or it panicked.
            _ => (Outcome::Failed(wechat::Error::unreachable(Api::UserToken, "the exchange was cut short")), false),
        };
        // Whoever settles a code writes the line of its own callback.
        if !(begun && settled) {
            outcome.log(account, &request, !begun);
        }
        outcome
    }

    /// Begins the work for a code (then `true`), or joins it.
    fn join(&self, callback: Callback) -> (watch::Receiver<Option<Memo>>, bool) {
        let key = Key::code(&callback.code);
        let mut in_flight = self.0.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(begun) = in_flight.get(&key) {
            return (begun.clone(), false);
        }
        let (done, outcome) = watch::channel(None);
        in_flight.insert(key, outcome.clone());
        // A runtime that is stopping drops the work at once, and with it the flight, which takes this lock.
        drop(in_flight);
        let flight = InFlight { exchange: self.clone(), key };
        self.0.runtime.spawn(async move {
            let memo = flight.exchange.0.settle(key, callback).await;
            done.send_replace(Some(memo));
            // Only now: whoever comes later finds the outcome in the store.
            drop(flight);
        });
        (outcome, true)
    }
}

/// Leaves the list when the work is over, by whatever way.
struct InFlight {
    exchange: Exchange,
    key: Key,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.exchange.0.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Inner {
    /// An outcome found, or fetched and remembered.
    async fn settle(&self, key: Key, callback: Callback) -> Memo {
        let deadline = Instant::now() + self.budget;
        let state = callback.flow.state;
        match self.claim(key, state, deadline).await {
            Claim::Settled(memo) => {
                memo.clone().outcome_for(state).log(callback.flow.account, &callback.request, true);
                memo
            }
            Claim::Ours => {
                let outcome = self.exchange(&callback, deadline).await;
                let memo = Memo { state, outcome: Some(outcome) };
                if let Err(error) = self.store.put(key, memo.encode(), MEMORY).await {
                    tracing::warn!(%error, "the outcome of a code is not remembered");
                }
                memo
            }
        }
    }

    /// Makes the code ours, or waits for the outcome of whoever has it.
    async fn claim(&self, key: Key, state: State, deadline: Instant) -> Claim {
        loop {
            let known = match self.store.get(key).await {
                Ok(record) => record.and_then(|bytes| Memo::decode(&bytes)),
                Err(error) => return local_claim(&error),
            };
            match known {
                Some(memo) if memo.outcome.is_some() => return Claim::Settled(memo),
                // Another replica is at it.
                Some(_) if Instant::now() < deadline => sleep(PEEK).await,
                Some(memo) => {
                    let late = wechat::Error::unreachable(Api::UserToken, "another replica has no outcome yet");
                    return Claim::Settled(Memo { outcome: Some(Outcome::Failed(late)), ..memo });
                }
                None => match self.store.put_new(key, Memo { state, outcome: None }.encode(), MEMORY).await {
                    Ok(true) => return Claim::Ours,
                    Ok(false) => {}
                    Err(error) => return local_claim(&error),
                },
            }
        }
    }

    async fn exchange(&self, callback: &Callback, deadline: Instant) -> Outcome {
        let outcome = match self.witness.identify(callback, deadline).await {
            Ok(Found::Somebody(identity)) => self.admit(callback, *identity).await,
            Ok(Found::Snapshot) => Outcome::Snapshot,
            Ok(Found::NoAccount) => Outcome::Refused(None),
            Err(error) => Outcome::of(error),
        };
        let account = callback.flow.account;
        self.sign_ins.count(account, outcome.result());
        self.standings[usize::from(account.to_byte())].note(&outcome);
        outcome.log(account, &callback.request, false);
        outcome
    }

    /// WeChat has said who it is.
    async fn admit(&self, callback: &Callback, identity: Identity) -> Outcome {
        self.unionids.note(&identity);
        let visitor = callback.visitor.as_ref().filter(|session| !self.sessions.has_ended(session));
        let opened = self.sessions.open(&keep_what_is_known(identity, visitor), visitor);
        self.rounds.remember(callback.flow.state, Known { round: callback.flow.round, completed: true }).await;
        Outcome::SignedIn { id: opened.session.id, cookie: opened.cookie, remembered: false }
    }
}

enum Claim {
    Ours,
    Settled(Memo),
}

/// While the store is away this process still spends each code once: it has its own list.
fn local_claim(error: &crate::store::Error) -> Claim {
    tracing::warn!(%error, "a code is claimed in this process only");
    Claim::Ours
}

/// A silent sign-in in one tab must not undo what another tab has just been told in full.
pub(super) fn keep_what_is_known(identity: Identity, visitor: Option<&Session>) -> Identity {
    let Some(known) = visitor.filter(|session| session.is_of(&identity) && !identity.snapshot).map(Session::identity)
    else {
        return identity;
    };
    Identity {
        scope: identity.scope.max(known.scope),
        unionid: identity.unionid.or(known.unionid),
        nickname: identity.nickname.or(known.nickname),
        avatar: identity.avatar.or(known.avatar),
        ..identity
    }
}
