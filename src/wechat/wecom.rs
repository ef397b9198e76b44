//! One method per endpoint of WeCom's (企业微信), for one application of a corporation; and who brings its codes.

use std::sync::Arc;

use serde_json::json;

use super::error::{Api, Error, Trouble};
use super::http::{Ask, Caller, Http, NotStarted, component};
use super::platform::{Kind, Platform};
use super::wire::{Granted, WecomProfile, WecomUser};
use crate::config;
use crate::secret::Secret;
use crate::types::{AgentId, AppId};

/// Calls WeCom for one application. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: Http,
    qyapi: String,
    corp_id: AppId,
    agent_id: AgentId,
    secret: Secret<String>,
}

impl Client {
    /// # Errors
    /// [`NotStarted`] when TLS cannot be set up.
    pub fn new(
        wecom: &config::WeCom,
        endpoints: &config::Endpoints,
        caller: impl Into<Caller>,
    ) -> Result<Self, NotStarted> {
        Ok(Self(Arc::new(Inner {
            http: Http::new(&endpoints.qyapi, caller.into())?,
            qyapi: endpoints.qyapi.clone(),
            corp_id: wecom.corp_id.clone(),
            agent_id: wecom.agent_id.clone(),
            secret: wecom.secret.clone(),
        })))
    }

    /// The corporation.
    #[must_use]
    pub fn corp_id(&self) -> &AppId {
        &self.0.corp_id
    }

    /// The application.
    #[must_use]
    pub fn agent_id(&self) -> &AgentId {
        &self.0.agent_id
    }

    /// The application's token, the same until its end for all who ask
    /// (<https://developer.work.weixin.qq.com/document/path/91039>).
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn token(&self) -> Result<Granted, Error> {
        const API: Api = Api::WecomToken;
        let query = format!("corpid={}&corpsecret={}", self.0.corp_id.as_str(), component(self.0.secret.expose()));
        self.0.http.call(API, self.get(API, &query), |body| Granted::parse(API, "access_token", body)).await
    }

    /// Spends a code (<https://developer.work.weixin.qq.com/document/path/96442>). It is gone afterwards, whatever the
    /// answer, but for one that refuses the token: then nobody has looked at the code.
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn user(&self, token: &Secret<String>, code: &str) -> Result<WecomUser, Error> {
        const API: Api = Api::WecomUser;
        let query = format!("access_token={}&code={}", component(token.expose()), component(code));
        self.0.http.call(API, self.get(API, &query), |body| WecomUser::parse(API, body)).await
    }

    /// What a member has agreed to show (<https://developer.work.weixin.qq.com/document/path/96443>).
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn detail(&self, token: &Secret<String>, ticket: &Secret<String>) -> Result<WecomProfile, Error> {
        const API: Api = Api::WecomDetail;
        let url = format!("{}{}?access_token={}", self.0.qyapi, API.path(), component(token.expose()));
        let body = json!({ "user_ticket": ticket.expose() }).to_string();
        let ask = Ask::Post(Secret::new(url), Secret::new(body));
        self.0.http.call(API, ask, |body| WecomProfile::parse(API, body)).await
    }

    /// Signs pages of the corporation's (<https://developer.work.weixin.qq.com/document/path/96909>).
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn corp_ticket(&self, token: &Secret<String>) -> Result<Granted, Error> {
        const API: Api = Api::WecomCorpTicket;
        let query = format!("access_token={}", component(token.expose()));
        self.0.http.call(API, self.get(API, &query), |body| Granted::parse(API, "ticket", body)).await
    }

    /// Signs pages of the application's.
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn agent_ticket(&self, token: &Secret<String>) -> Result<Granted, Error> {
        const API: Api = Api::WecomAgentTicket;
        let query = format!("access_token={}&type=agent_config", component(token.expose()));
        self.0.http.call(API, self.get(API, &query), |body| Granted::parse(API, "ticket", body)).await
    }

    fn get(&self, api: Api, query: &str) -> Ask {
        Ask::Get(Secret::new(format!("{}{}?{query}", self.0.qyapi, api.path())))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("wecom::Client").field(&self.0.corp_id).field(&self.0.agent_id).finish()
    }
}

/// Says who brings a code, with the application's token. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Members {
    client: Client,
    platform: Platform,
}

impl Members {
    /// `platform` is the application's own.
    #[must_use]
    pub const fn new(client: Client, platform: Platform) -> Self {
        Self { client, platform }
    }

    /// The corporation.
    #[must_use]
    pub fn corp_id(&self) -> &AppId {
        self.client.corp_id()
    }

    /// Who has come with a code. It is sent once more only where WeCom has refused the token and not looked at it.
    ///
    /// # Errors
    /// [`Error`], of this call or the one for the token.
    pub async fn user(&self, code: &str) -> Result<WecomUser, Error> {
        self.with_token(move |token| async move { self.client.user(&token, code).await }).await
    }

    /// What a member has agreed to show, by the ticket that came with them.
    ///
    /// # Errors
    /// As [`Members::user`].
    pub async fn detail(&self, ticket: &Secret<String>) -> Result<WecomProfile, Error> {
        self.with_token(move |token| async move { self.client.detail(&token, ticket).await }).await
    }

    /// Asks with the application's token; where that turns out dead, once more with the next, if there is one.
    async fn with_token<T, A>(&self, ask: impl Fn(Secret<String>) -> A) -> Result<T, Error>
    where
        A: Future<Output = Result<T, Error>>,
    {
        let token = self.token().await?;
        let dead = match ask(token.clone()).await {
            Err(error) if error.trouble == Trouble::TokenDead => error,
            answered => return answered,
        };
        self.platform.expire(Kind::WecomToken, &token).await;
        let another = self.token().await?;
        // WeCom gives the same again: then it would be refused again.
        if another.expose() == token.expose() { Err(dead) } else { ask(another).await }
    }

    async fn token(&self) -> Result<Secret<String>, Error> {
        let issued = self.platform.get(Kind::WecomToken).await;
        issued.map(|issued| issued.value).map_err(|none| (*none.error).clone())
    }
}
