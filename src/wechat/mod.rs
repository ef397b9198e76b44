//! WeChat's servers, as this gate talks to them: one method per endpoint, errors that say what to do.
//!
//! Knows nothing of browsers, cookies or the gate's own answers.

#[cfg(test)]
mod certificate;
mod client;
pub mod errcodes;
mod error;
mod http;
mod platform;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
#[cfg(test)]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;
mod user_tokens;
pub mod wecom;
mod wire;

pub use client::{Client, Ticket};
pub use error::{Api, Error, Trouble};
pub use http::{Caller, NotStarted};
pub use platform::{Alarm, Issued, Kind, Platform, Source, State, Unavailable};
pub use user_tokens::{Stale, UserTokens};
pub use wire::{Granted, Profile, UserToken, WecomProfile, WecomUser};

use crate::types::Account;

/// What the gate speaks to WeChat with, for each account that it has.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    pub official_account: Option<UserTokens>,
    pub website_app: Option<UserTokens>,
    pub wecom: Option<wecom::Members>,
}

impl Accounts {
    /// The tokens of an account's users, where it has any.
    #[must_use]
    pub const fn tokens(&self, account: Account) -> Option<&UserTokens> {
        match account {
            Account::OfficialAccount => self.official_account.as_ref(),
            Account::WebsiteApp => self.website_app.as_ref(),
            Account::WeCom => None,
        }
    }
}
