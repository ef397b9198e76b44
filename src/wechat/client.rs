//! One method per endpoint of WeChat's, for an official account or a website app.

use std::sync::Arc;

use serde_json::json;

use super::error::{Api, Error};
use super::http::{Ask, Caller, Http, NotStarted, component};
use super::wire::{Granted, Profile, UserToken};
use crate::config::{self, TokenSource};
use crate::secret::Secret;
use crate::types::{AppId, OpenId};

/// Calls WeChat for one official account or website app. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: Http,
    api: String,
    app_id: AppId,
    app_secret: Secret<String>,
    token: TokenSource,
}

/// What a page's signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticket {
    Jsapi,
    WxCard,
}

impl Client {
    /// # Errors
    /// [`NotStarted`] when TLS cannot be set up.
    pub fn new(
        account: &config::OfficialAccount,
        endpoints: &config::Endpoints,
        caller: impl Into<Caller>,
    ) -> Result<Self, NotStarted> {
        Self::of(&account.app_id, &account.app_secret, account.token, endpoints, caller.into())
    }

    /// For a website app, whose codes and users are asked about in the same way.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn of_website_app(
        app: &config::WebsiteApp,
        endpoints: &config::Endpoints,
        caller: impl Into<Caller>,
    ) -> Result<Self, NotStarted> {
        Self::of(&app.app_id, &app.app_secret, TokenSource::Stable, endpoints, caller.into())
    }

    fn of(
        app_id: &AppId,
        app_secret: &Secret<String>,
        token: TokenSource,
        endpoints: &config::Endpoints,
        caller: Caller,
    ) -> Result<Self, NotStarted> {
        Ok(Self(Arc::new(Inner {
            http: Http::new(&endpoints.api, caller)?,
            api: endpoints.api.clone(),
            app_id: app_id.clone(),
            app_secret: app_secret.clone(),
            token,
        })))
    }

    /// The account this client speaks for.
    #[must_use]
    pub fn app_id(&self) -> &AppId {
        &self.0.app_id
    }

    /// Spends a code (<https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/Wechat_webpage_authorization.html>).
    /// The code is gone afterwards, whatever the answer, and so this is never tried again.
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn user_token(&self, code: &str) -> Result<UserToken, Error> {
        let Inner { api, app_id, app_secret, .. } = &*self.0;
        let url = Secret::new(format!(
            "{api}{}?appid={}&secret={}&code={}&grant_type=authorization_code",
            Api::UserToken.path(),
            app_id.as_str(),
            component(app_secret.expose()),
            component(code),
        ));
        self.0.http.call(Api::UserToken, Ask::Get(url), |body| UserToken::parse(Api::UserToken, body)).await
    }

    /// Renews a user token.
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn refresh(&self, refresh_token: &Secret<String>) -> Result<UserToken, Error> {
        let Inner { api, app_id, .. } = &*self.0;
        let url = Secret::new(format!(
            "{api}{}?appid={}&grant_type=refresh_token&refresh_token={}",
            Api::Refresh.path(),
            app_id.as_str(),
            component(refresh_token.expose()),
        ));
        self.0.http.call(Api::Refresh, Ask::Get(url), |body| UserToken::parse(Api::Refresh, body)).await
    }

    /// Asks who a user says they are.
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, one that makes no sense, or one about somebody else.
    pub async fn profile(&self, access_token: &Secret<String>, openid: &OpenId) -> Result<Profile, Error> {
        let url = Secret::new(format!(
            "{}{}?access_token={}&openid={}&lang=zh_CN",
            self.0.api,
            Api::Profile.path(),
            component(access_token.expose()),
            openid.as_str(),
        ));
        let profile = self.0.http.call(Api::Profile, Ask::Get(url), |body| Profile::parse(Api::Profile, body)).await?;
        if profile.openid != *openid {
            return Err(Error::nonsense(Api::Profile, "the profile is somebody else's"));
        }
        Ok(profile)
    }

    /// The account's own token, from where the operator wants it.
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn platform_token(&self) -> Result<Granted, Error> {
        match self.0.token {
            TokenSource::Stable => self.stable_token().await,
            TokenSource::Classic => self.classic_token().await,
        }
    }

    /// Where [`Client::platform_token`] goes.
    #[must_use]
    pub fn token_api(&self) -> Api {
        match self.0.token {
            TokenSource::Stable => Api::StableToken,
            TokenSource::Classic => Api::ClassicToken,
        }
    }

    /// The account's own token, the same for all who ask until its last five minutes
    /// (<https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/getStableAccessToken.html>). Never forced: that
    /// would kill the token of everybody else.
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn stable_token(&self) -> Result<Granted, Error> {
        let Inner { api, app_id, app_secret, .. } = &*self.0;
        let body = Secret::new(
            json!({
                "grant_type": "client_credential",
                "appid": app_id.as_str(),
                "secret": app_secret.expose(),
                "force_refresh": false,
            })
            .to_string(),
        );
        let ask = Ask::Post(Secret::new(format!("{api}{}", Api::StableToken.path())), body);
        self.0.http.call(Api::StableToken, ask, |body| Granted::parse(Api::StableToken, "access_token", body)).await
    }

    /// A new token of the old kind (<https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Get_access_token.html>);
    /// the one before it dies five minutes later.
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn classic_token(&self) -> Result<Granted, Error> {
        let Inner { api, app_id, app_secret, .. } = &*self.0;
        let url = Secret::new(format!(
            "{api}{}?grant_type=client_credential&appid={}&secret={}",
            Api::ClassicToken.path(),
            app_id.as_str(),
            component(app_secret.expose()),
        ));
        let read = |body: &[u8]| Granted::parse(Api::ClassicToken, "access_token", body);
        self.0.http.call(Api::ClassicToken, Ask::Get(url), read).await
    }

    /// A ticket (<https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html>, appendix 1), for a token of the account's own.
    ///
    /// # Errors
    /// [`Error`] for a refusal, no answer, or one that makes no sense.
    pub async fn ticket(&self, access_token: &Secret<String>, ticket: Ticket) -> Result<Granted, Error> {
        let url = Secret::new(format!(
            "{}{}?access_token={}&type={}",
            self.0.api,
            Api::Ticket.path(),
            component(access_token.expose()),
            match ticket {
                Ticket::Jsapi => "jsapi",
                Ticket::WxCard => "wx_card",
            },
        ));
        self.0.http.call(Api::Ticket, Ask::Get(url), |body| Granted::parse(Api::Ticket, "ticket", body)).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(&self.0.app_id).finish()
    }
}
