//! The tokens WeChat gave for its users, kept to ask for a profile once more.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::error::Trouble;
use super::{Client, Profile, UserToken};
use crate::clock::{Clock, Timestamp};
use crate::secret::Secret;
use crate::store::{Key, Store};
use crate::types::OpenId;

/// How long WeChat honours a refresh token, and so how long the pair is worth keeping.
const REFRESH_LIFE: Duration = Duration::from_hours(30 * 24);
/// A token this close to its end is renewed first: the call takes time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(30);

/// Keeps user tokens and renews them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UserTokens {
    client: Client,
    store: Arc<dyn Store>,
    clock: Clock,
}

/// Why no fresh profile is to be had; what is known stays good.
#[derive(Debug, thiserror::Error)]
pub enum Stale {
    #[error("no user token is kept")]
    Forgotten,
    #[error("the user was not asked for a profile")]
    NotAsked,
    #[error(transparent)]
    WeChat(#[from] super::Error),
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

struct Kept {
    access_token: Secret<String>,
    expires_at: Timestamp,
    refresh_token: Option<Secret<String>>,
    shows_profile: bool,
}

impl UserTokens {
    #[must_use]
    pub fn new(client: Client, store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { client, store, clock }
    }

    /// What tokens are got with.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Keeps what a sign-in brought. A silent sign-in does not push out a token that can show the profile.
    ///
    /// # Errors
    /// When the store cannot be reached; the sign-in is none the worse for it.
    pub async fn remember(&self, token: &UserToken) -> Result<(), crate::store::Error> {
        let better = !token.shows_profile && self.recall(&token.openid).await?.is_some_and(|kept| kept.shows_profile);
        if better {
            return Ok(());
        }
        let kept = Kept::new(token, self.clock.now());
        self.store.put(self.key(&token.openid), kept.encode(), REFRESH_LIFE).await
    }

    /// Asks WeChat for the profile once more, renewing the token when it has expired or turns out dead.
    ///
    /// # Errors
    /// [`Stale`] when that cannot be done.
    pub async fn profile(&self, openid: &OpenId) -> Result<Profile, Stale> {
        let kept = self.recall(openid).await?.ok_or(Stale::Forgotten)?;
        if !kept.shows_profile {
            return Err(Stale::NotAsked);
        }
        if self.clock.now().after(MARGIN) < kept.expires_at {
            match self.client.profile(&kept.access_token, openid).await {
                Err(error) if error.trouble == Trouble::TokenDead => {}
                answered => return Ok(answered?),
            }
        }
        let renewed = self.renew(openid, kept).await?;
        Ok(self.client.profile(&renewed.access_token, openid).await?)
    }

    async fn renew(&self, openid: &OpenId, kept: Kept) -> Result<Kept, Stale> {
        let Some(refresh_token) = kept.refresh_token else { return Err(Stale::Forgotten) };
        match self.client.refresh(&refresh_token).await {
            Ok(token) if token.openid == *openid => {
                let mut renewed = Kept::new(&token, self.clock.now());
                renewed.refresh_token = renewed.refresh_token.or(Some(refresh_token));
                // What a token may show does not change by renewing it, and not every answer repeats it.
                renewed.shows_profile = true;
                self.store.put(self.key(openid), renewed.encode(), REFRESH_LIFE).await?;
                Ok(renewed)
            }
            Ok(_) => Err(Stale::Forgotten),
            Err(error) => {
                if error.trouble == Trouble::TokenDead {
                    self.store.take(self.key(openid)).await?;
                }
                Err(error.into())
            }
        }
    }

    async fn recall(&self, openid: &OpenId) -> Result<Option<Kept>, crate::store::Error> {
        Ok(self.store.get(self.key(openid)).await?.and_then(|bytes| Kept::decode(&bytes)))
    }

    fn key(&self, openid: &OpenId) -> Key {
        Key::user_token(self.client.app_id(), openid)
    }
}

impl Kept {
    fn new(token: &UserToken, now: Timestamp) -> Self {
        Self {
            access_token: token.access_token.clone(),
            expires_at: now.after(token.expires_in),
            refresh_token: token.refresh_token.clone(),
            shows_profile: token.shows_profile,
        }
    }

    fn encode(&self) -> Bytes {
        json!({
            "access": self.access_token.expose(),
            "expires_at": self.expires_at.0,
            "refresh": self.refresh_token.as_ref().map(Secret::expose),
            "profile": self.shows_profile,
        })
        .to_string()
        .into()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let record: Value = serde_json::from_slice(bytes).ok()?;
        let secret = |name: &str| record[name].as_str().map(|text| Secret::new(text.to_owned()));
        Some(Self {
            access_token: secret("access")?,
            expires_at: Timestamp(record["expires_at"].as_u64()?),
            refresh_token: secret("refresh"),
            shows_profile: record["profile"].as_bool()?,
        })
    }
}
