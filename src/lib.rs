//! wxgate signs visitors in with WeChat in front of an existing web site, and tells the site who they are.
//!
//! # One request, one direction
//!
//! ```text
//! Stream ─listener─► (Request, Peer) ─request─► Clean ─policy─► Access ─session─► Option<Session>
//!         ─policy─► Verdict { Pass(Admitted) ─identity─► Stamped ─upstream─► Response
//!                           | SignIn ─login─► Answer    | Refuse ─edge::fault─► Response }
//! ```
//!
//! Each hop consumes one type and yields the next, so the order cannot be got wrong: only [`request`] makes a `Clean`,
//! only [`policy`] an `Admitted`, only [`identity`] a `Stamped`, and [`upstream`] sends nothing else. The whole of it is
//! on one screen in [`edge`].
//!
//! # The map
//!
//! | room | what happens there |
//! | --- | --- |
//! | [`cli`], [`app`] | the command line; from configuration to running workers |
//! | [`config`] | the operator's wishes, checked |
//! | [`listener`], [`patience`] | connections in, requests off them; how long anybody is kept waiting |
//! | [`edge`] | the whole request; faults, pages, access log |
//! | [`request`], [`policy`] | what is asked, cleaned of forgeries; who may have it |
//! | [`session`], [`login`] | a signed-in visitor's cookie; how one gets and loses it |
//! | [`local`] | what the gate answers itself |
//! | [`identity`], [`upstream`] | who is there, for the site; the way to the site |
//! | [`wechat`], [`store`] | WeChat's servers; what is remembered for a while |
//! | [`admin`], [`metrics`] | the operator's own listener; what is counted |
//! | [`simulator`], [`demo`] | a pretend WeChat on a socket; `wxgate demo` |
//! | [`attempts`] | how often one client may ask for what costs more than a page |
//! | [`types`], [`secret`], [`clock`], [`tls`], `stream` | the domain's words; what must not be shown; time and chance; TLS, as a client and as a server; a connection's bytes |
//!
//! `tests/layout` holds who may use whom.
//!
//! # Threads
//!
//! Every worker is one thread with a runtime, sockets, upstream connections and tokens of its own. What workers share
//! is read and hardly written: the policy, the keys, the record of ended sessions; only a request that HTTP/2 has
//! beside another writes, to take a place that all workers count together. WeChat is spoken to on a control runtime of
//! its own, so that a slow call holds up nobody; the operator is answered there, too. Another configuration reaches
//! each worker as another [`edge::Edge`], which the next request meets.
//!
//! # Invariants
//!
//! - Only [`edge::fault`] turns a visitor's error into a status. Only [`login::ReturnTo`] judges return targets. Only
//!   [`request`] strips inbound headers and judges paths.
//! - No record is trusted past its own expiry, whatever a cache's time to live did.
//! - A sign-in's state works only in the browser that began it. A code is spent at most once, at the account it was made
//!   out by.
//! - A signed-in request waits for no store and not for WeChat. Sign-in waits for no platform token, but for
//!   WeCom's: there nobody can be asked about without one.
//! - The path that the policy saw is the path that the upstream gets.
//! - The simulator is reached by URL only, and shares no code with the gate.

pub mod admin;
pub mod app;
pub mod attempts;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod edge;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod identity;
pub mod listener;
pub mod local;
pub mod login;
pub mod metrics;
pub mod patience;
pub mod policy;
pub mod request;
pub mod secret;
pub mod session;
pub mod simulator;
pub mod store;
mod stream;
pub mod tls;
pub mod types;
pub mod upstream;
pub mod wechat;
