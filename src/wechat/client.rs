//! One method per endpoint of WeChat's: the only user of reqwest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::runtime::Handle;

use super::error::{Api, Error, Trouble};
use super::wire::{Granted, Profile, UserToken};
use crate::config::{self, TokenSource};
use crate::metrics::{Answered, Calls};
use crate::secret::Secret;
use crate::types::{AppId, OpenId};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A whole call. A visitor waits for it, and the webview asks again after 15 seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// A kept connection that WeChat closes just as a code is sent over it costs that sign-in; so none is kept for long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_IDLE: usize = 8;
/// Real answers have under 2 KiB.
const MAX_BODY: usize = 64 * 1024;

/// What `encodeURIComponent` leaves alone, but for `!'()*`, which WeChat never uses.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Calls WeChat for one official account. Cheap to clone.
///
/// Connections belong to the runtime they were opened on, so every call runs on the one given to [`Client::new`],
/// whoever asks; and it runs to its end even when the asker goes away.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    runtime: Handle,
    api: String,
    app_id: AppId,
    app_secret: Secret<String>,
    token: TokenSource,
    calls: Calls,
}

/// What a page's signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticket {
    Jsapi,
    WxCard,
}

/// One request.
enum Ask {
    Get(Secret<String>),
    /// JSON, to a URL that holds nothing secret.
    Post(String, Secret<String>),
}

/// The client's own libraries refused to start.
#[derive(Debug, thiserror::Error)]
#[error("the WeChat client cannot start")]
pub struct NotStarted(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Client {
    /// # Errors
    /// [`NotStarted`] when TLS cannot be set up.
    pub fn new(
        account: &config::OfficialAccount,
        endpoints: &config::Endpoints,
        runtime: Handle,
    ) -> Result<Self, NotStarted> {
        Ok(Self(Arc::new(Inner {
            http: http_client(&endpoints.api).map_err(NotStarted)?,
            runtime,
            api: endpoints.api.clone(),
            app_id: account.app_id.clone(),
            app_secret: account.app_secret.clone(),
            token: account.token,
            calls: Calls::default(),
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
        self.call(Api::UserToken, Ask::Get(url), |body| UserToken::parse(Api::UserToken, body)).await
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
        self.call(Api::Refresh, Ask::Get(url), |body| UserToken::parse(Api::Refresh, body)).await
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
        let profile = self.call(Api::Profile, Ask::Get(url), |body| Profile::parse(Api::Profile, body)).await?;
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
        let ask = Ask::Post(format!("{api}{}", Api::StableToken.path()), body);
        self.call(Api::StableToken, ask, |body| Granted::parse(Api::StableToken, "access_token", body)).await
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
        self.call(Api::ClassicToken, Ask::Get(url), read).await
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
        self.call(Api::Ticket, Ask::Get(url), |body| Granted::parse(Api::Ticket, "ticket", body)).await
    }

    /// What has come of this client's calls so far.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.0.calls
    }

    /// One call, put down with what came of it; all of that on the runtime, so that an asker who goes away changes
    /// nothing.
    async fn call<T: Send + 'static>(
        &self,
        api: Api,
        ask: Ask,
        read: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (http, calls) = (self.0.http.clone(), self.0.calls.clone());
        let call = self.0.runtime.spawn(async move {
            let began = Instant::now();
            let body = fetch(&http, &ask).await.map_err(|problem| Error::unreachable(api, &problem));
            let answer = body.and_then(|body| read(&body));
            calls.record(api.name(), answered(&answer), began.elapsed());
            answer
        });
        call.await.unwrap_or_else(|_| Err(Error::unreachable(api, "the gate is stopping")))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(&self.0.app_id).finish()
    }
}

fn answered<T>(answer: &Result<T, Error>) -> Answered {
    match answer {
        Ok(_) => Answered::Well,
        Err(error) => match (error.errcode, error.trouble) {
            // Only what somebody has classified gets a number of its own: a counter cannot grow by WeChat's whim.
            (Some(_), Trouble::Unknown) => Answered::OtherErrcode,
            (Some(errcode), _) => Answered::Errcode(errcode),
            (None, Trouble::Unreachable) => Answered::Nothing,
            (None, _) => Answered::Nonsense,
        },
    }
}

/// The whole body, whatever the status: WeChat's own errors come with 200, so a status proves nothing.
async fn fetch(http: &reqwest::Client, ask: &Ask) -> Result<Vec<u8>, String> {
    let request = match ask {
        Ask::Get(url) => http.get(url.expose()),
        Ask::Post(url, body) => http.post(url).header("content-type", "application/json").body(body.expose().clone()),
    };
    // A secret may be in the query, and reqwest's errors would print it (R48).
    let mut answer = request.send().await.map_err(|error| causes(&error.without_url()))?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| causes(&error.without_url()))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err("the answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error and what caused it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

fn component(text: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(text, COMPONENT)
}

fn http_client(api: &str) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    // Mozilla's roots and nothing else: there is no way to turn the checks off (R47).
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT);
    // A proxy of the environment sees only a tunnel when the endpoint is https; a plain endpoint is on this machine,
    // and no proxy has any business there.
    let builder = if api.starts_with("https://") { builder } else { builder.no_proxy() };
    Ok(builder.build()?)
}
