//! WeChat's servers, as this gate talks to them: one method per endpoint, errors that say what to do.
//!
//! Knows nothing of browsers, cookies or the gate's own answers.

#[cfg(test)]
mod certificate;
mod client;
pub mod errcodes;
mod error;
mod platform;
#[cfg(test)]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;
mod user_tokens;
mod wire;

pub use client::{Client, NotStarted, Ticket};
pub use error::{Api, Error, Trouble};
pub use platform::{Alarm, Issued, Kind, Platform, State, Unavailable};
pub use user_tokens::{Stale, UserTokens};
pub use wire::{Granted, Profile, UserToken};
