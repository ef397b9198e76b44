//! How WeChat's servers are called: TLS, time limits, counters. The only user of reqwest.

use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::runtime::Handle;

use super::error::{Api, Error, Trouble};
use crate::metrics::{Answered, Calls};
use crate::secret::Secret;
use crate::tls;

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A whole call. A visitor waits for it, and the webview asks again after 15 seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// A kept connection that WeChat closes just as a code is sent over it costs that sign-in; so none is kept for long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_IDLE: usize = 8;
/// Real answers have under 2 KiB.
const MAX_BODY: usize = 64 * 1024;

/// What `encodeURIComponent` leaves alone, but for `!'()*`, which WeChat never uses.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Where calls are made, and where they are counted; the same for all clients of a gate. Cheap to clone.
///
/// Connections belong to the runtime they were opened on, so every call runs on this one, whoever asks; and it runs to
/// its end even when the asker goes away.
#[derive(Debug, Clone)]
pub struct Caller {
    pub runtime: Handle,
    pub calls: Calls,
}

impl From<Handle> for Caller {
    /// With counters of its own.
    fn from(runtime: Handle) -> Self {
        Self { runtime, calls: Calls::default() }
    }
}

/// Calls one of WeChat's hosts. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    caller: Caller,
}

/// One request.
pub(super) enum Ask {
    Get(Secret<String>),
    /// JSON.
    Post(Secret<String>, Secret<String>),
}

/// The client's own libraries refused to start.
#[derive(Debug, thiserror::Error)]
#[error("the WeChat client cannot start")]
pub struct NotStarted(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Http {
    /// `base` is the origin that everything asked for begins with.
    pub(super) fn new(base: &str, caller: Caller) -> Result<Self, NotStarted> {
        Ok(Self { client: http_client(base).map_err(NotStarted)?, caller })
    }

    /// One call, put down with what came of it; all of that on the runtime, so that an asker who goes away changes
    /// nothing.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        api: Api,
        ask: Ask,
        read: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let Self { client, caller: Caller { runtime, calls } } = self.clone();
        let call = runtime.spawn(async move {
            let began = Instant::now();
            let body = fetch(&client, &ask).await.map_err(|problem| Error::unreachable(api, &problem));
            let answer = body.and_then(|body| read(&body));
            calls.record(api.name(), answered(&answer), began.elapsed());
            answer
        });
        call.await.unwrap_or_else(|_| Err(Error::unreachable(api, "the gate is stopping")))
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
        Ask::Post(url, body) => {
            http.post(url.expose()).header("content-type", "application/json").body(body.expose().clone())
        }
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

/// A text as part of a query.
pub(super) fn component(text: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(text, COMPONENT)
}

fn http_client(base: &str) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client(&[]))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT);
    // A proxy of the environment sees only a tunnel when the endpoint is https; a plain endpoint is on this machine,
    // and no proxy has any business there.
    let builder = if base.starts_with("https://") { builder } else { builder.no_proxy() };
    Ok(builder.build()?)
}
