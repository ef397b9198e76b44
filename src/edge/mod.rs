//! The whole request, on one screen: clean, decide, resume, then pass, sign in or refuse.

pub mod access_log;
mod answering;
pub mod body;
pub mod fault;
mod forms;
mod handed_off;
mod https;
pub mod pages;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod tally;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERER, SET_COOKIE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use access_log::AccessLog;
use answering::{Answering, Step};
use body::Body;
use fault::{Barrier, Fault, Reason};
pub use https::Https;
use pages::{Pages, Way};

use crate::config::{Auth, OnAnonymous};
use crate::identity::Identity;
use crate::local::jsconfig::JsConfig;
use crate::local::me::{self, Me};
use crate::local::{Local, NotReadable};
use crate::login::{Answer, Endpoint, Login, Redirect, ReturnTo, handoff};
use crate::metrics::Traffic;
use crate::patience::Watch;
use crate::policy::{Policy, SignIn, Verdict};
use crate::request::{Asker, Clean, Head, Oversize, Peer, Refused, Rules};
use crate::session::{Recent, Session, Sessions};
use crate::upstream::{self, Upstream};

/// One worker's whole way from request to response.
#[derive(Debug)]
pub struct Edge {
    pub rules: Rules,
    /// Where those go who come in the clear; `None`: nowhere.
    pub https: Option<Https>,
    pub policy: Policy,
    pub sessions: Arc<Sessions>,
    /// Of the sessions above.
    pub recent: Recent,
    pub login: Arc<Login>,
    pub local: Local,
    pub jsconfig: Arc<JsConfig>,
    pub me: Me,
    /// `paths.me`
    pub me_path: String,
    pub identity: Identity,
    pub upstream: Upstream,
    pub pages: Arc<Pages>,
    pub traffic: Arc<Traffic>,
    pub log: Option<Arc<AccessLog>>,
}

impl Edge {
    /// Answers a request, whatever it is. Never fails: what goes wrong becomes an answer too.
    ///
    /// Without a watch there is no room for it, and nothing is waited for.
    ///
    /// Everything up to the upstream is done at once; what is awaited is small, since there is one of it for every
    /// request that the site thinks about.
    pub fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: &Peer,
        watch: Option<&Watch>,
    ) -> impl Future<Output = Response<Body>> + Send + use<> {
        let began = Instant::now();
        let asked = self.log.as_ref().map(|_| (request.method().clone(), request.uri().clone()));
        let has_body = request.version() != Version::HTTP_2 && !request.body().is_end_stream();
        match self.rules.clean(request, peer) {
            Ok(request) => {
                let (asker, client) = (request.head().asker().clone(), request.head().client().ip);
                let step = match watch {
                    Some(watch) => self.serve(request, watch),
                    None => Step::now(Err(Reason::Overloaded.into())),
                };
                Answering { step, edge: self, asker, client, began, has_body, asked }
            }
            Err(Refused { refusal, asker }) => {
                let step = Step::now(Err(refusal.into()));
                Answering { step, edge: self, asker, client: peer.address.ip(), began, has_body, asked }
            }
        }
    }

    /// What is done now and then rather than with every request.
    pub fn tick(&self) {
        self.upstream.sweep();
        if let Some(log) = &self.log {
            log.flush();
        }
    }

    fn serve(
        self: &Arc<Self>,
        request: Clean<Incoming>,
        watch: &Watch,
    ) -> Step<impl Future<Output = Result<Response<upstream::Body>, upstream::Error>> + Send + use<>> {
        match self.local.answer(request.head()) {
            Ok(None) => {}
            Ok(Some(answer)) => return Step::now(Ok(answer.map(Body::from))),
            Err(refused) => return Step::now(Err(refused.into())),
        }
        if let Some(answer) = self.https.as_ref().and_then(|https| https.answer(request.head())) {
            return Step::now(Ok(answer));
        }
        let edge = self.clone();
        if self.jsconfig.is_at(request.head().path()) {
            return match self.jsconfig.answer_now(request.head()) {
                Ok(Some(json)) => Step::now(Ok(own_json(json))),
                Ok(None) => Step::later(async move { Ok(own_json(edge.jsconfig.answer_later(request.head()).await?)) }),
                Err(error) => Step::now(Err(error.into())),
            };
        }
        if let Some(endpoint) = self.login.endpoint(request.head().path()) {
            let watch = watch.clone();
            return Step::later(async move { edge.sign_in_endpoint(endpoint, request, &watch).await });
        }
        if request.head().path() == self.me_path {
            return Step::later(async move { edge.me(request.head()).await });
        }
        let access = self.policy.decide(request.head().method(), request.head().path());
        let resumed =
            if access.auth == Auth::None { None } else { self.sessions.resume_with(request.head(), &self.recent) };
        // Sent along again as seen now.
        let renewed =
            resumed.as_ref().filter(|resumed| resumed.stale).map(|resumed| self.sessions.reopen(&resumed.session));
        match access.admit(resumed.map(|resumed| resumed.session)) {
            Verdict::Pass(admitted) => {
                let answering = self.upstream.forward(self.identity.stamp(request, &admitted), watch);
                Step::Forwarded { answering, renewed }
            }
            Verdict::SignIn(wanted) => {
                let watch = watch.clone();
                Step::later(async move { edge.sign_in(request.head(), wanted, &watch).await })
            }
            Verdict::Refuse => Step::now(Err(Reason::Forbidden(Barrier::AllowList).into())),
        }
    }

    /// Somebody is asked for. Only a page that is looked at is left for WeChat; everything else gets a 401.
    async fn sign_in(&self, head: &Head, wanted: SignIn<Session>, watch: &Watch) -> Result<Response<Body>, Fault> {
        let navigation = match wanted.on_anonymous {
            Some(OnAnonymous::Redirect) => true,
            Some(OnAnonymous::Unauthorized) => false,
            None => head.is_navigation(),
        };
        let readable = matches!(*head.method(), Method::GET | Method::HEAD);
        if navigation && readable {
            let answer = self.login.begin(head, wanted.scope).await?;
            return Ok(self.told(answer, head.asker(), watch));
        }
        let target = match self.page_of(head) {
            Some(page) => page,
            None if readable => self.login.return_to(head.target()),
            None => ReturnTo::home(),
        };
        let target = target.as_str().to_owned();
        Err(Reason::LoginRequired { target, scope: wanted.visitor.map(|_| wanted.scope) }.into())
    }

    async fn sign_in_endpoint(
        &self,
        endpoint: Endpoint,
        request: Clean<Incoming>,
        watch: &Watch,
    ) -> Result<Response<Body>, Fault> {
        let visitor = self.sessions.resume(request.head()).map(|resumed| resumed.session);
        let (head, body) = request.into_parts();
        let form = if matches!(endpoint, Endpoint::Logout | Endpoint::Handoff(handoff::Endpoint::Phone)) {
            forms::read(body.into_inner(), &head, watch).await?
        } else {
            Bytes::new()
        };
        let answer = self.login.answer(endpoint, &head, &form, visitor.as_ref()).await?;
        Ok(self.told(answer, head.asker(), watch))
    }

    async fn me(&self, head: &Head) -> Result<Response<Body>, Fault> {
        if !matches!(*head.method(), Method::GET | Method::HEAD) {
            return Err(NotReadable.into());
        }
        let resumed = self.sessions.resume(head);
        let visitor = resumed.as_ref().map(|resumed| &resumed.session);
        let Some(me::Answer { json, cookie }) = self.me.answer(head, visitor).await else {
            let target = self.page_of(head).unwrap_or_else(ReturnTo::home).as_str().to_owned();
            return Err(Reason::LoginRequired { target, scope: None }.into());
        };
        // A page may ask nothing else for hours; its visitor is there all the same.
        let renewed = || resumed.filter(|resumed| resumed.stale).map(|resumed| self.sessions.reopen(&resumed.session));
        let cookie = cookie.or_else(renewed);
        let mut response = own_json(json.into());
        response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        Ok(response)
    }

    /// Whoever made this request is looking at another page, and wants to be back there.
    fn page_of(&self, head: &Head) -> Option<ReturnTo> {
        let page = head.headers().get(REFERER)?.to_str().ok()?;
        Some(self.login.return_to(page))
    }

    fn told(&self, answer: Answer, asker: &Asker, watch: &Watch) -> Response<Body> {
        match answer {
            Answer::Redirect(Redirect { status, location, cookies }) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = status;
                let headers = response.headers_mut();
                let location = HeaderValue::try_from(location).expect("login writes locations in plain ASCII");
                headers.insert(LOCATION, location);
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                headers.insert("x-request-id", asker.id.to_header());
                headers.extend(cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)));
                response
            }
            Answer::Choose { choices, rd, scope } => {
                let ways: Vec<Way> = choices.into_iter().filter_map(Way::of).collect();
                self.pages.choose(&ways, rd.as_str(), scope, asker).map(Body::from)
            }
            Answer::ConfirmLogout { rd } => self.pages.confirm_logout(rd.as_str(), asker).map(Body::from),
            Answer::Handoff(page) => handed_off::page(page, &self.pages, asker).map(Body::from),
            Answer::Progress(progress) => handed_off::word(progress).map(Body::from),
            Answer::Waiting(waiting) => handed_off::news(waiting, watch.clone()),
            Answer::Fragment { target, scope } => {
                self.pages.keep_fragment(target.as_str(), scope, asker).map(Body::from)
            }
        }
    }

    /// The answer to what is no request at all, ready for the wire.
    #[must_use]
    pub fn refuse(pages: &Pages, traffic: &Traffic, status: StatusCode) -> Bytes {
        let reason = match status {
            StatusCode::URI_TOO_LONG => Reason::HeaderTooLarge(Oversize::RequestLine),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Reason::HeaderTooLarge(Oversize::Headers),
            StatusCode::REQUEST_TIMEOUT => Reason::TooSlow,
            StatusCode::SERVICE_UNAVAILABLE => Reason::Overloaded,
            StatusCode::UPGRADE_REQUIRED => {
                Reason::BadRequest { detail: "TLS is spoken here: the address begins with https://." }
            }
            _ => Reason::BadRequest { detail: "The request is not HTTP as RFC 9112 has it." },
        };
        let response = pages.answer(&reason.into(), &Asker::unknown());
        traffic.unread(response.status());
        let mut wire = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
        for (name, value) in response.headers() {
            wire.extend_from_slice(name.as_str().as_bytes());
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value.as_bytes());
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(
            format!("content-length: {}\r\nconnection: close\r\n\r\n", response.body().len()).as_bytes(),
        );
        wire.extend_from_slice(response.body());
        wire.into()
    }
}

/// An answer of the gate's own to a script.
fn own_json(json: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(json));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
