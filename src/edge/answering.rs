//! An answer in the making: what is waited for, what becomes of it, and the line in the log.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::header::{CACHE_CONTROL, CONNECTION, SET_COOKIE};
use http::{HeaderValue, Method, Response, Uri};
use pin_project_lite::pin_project;

use super::Edge;
use super::body::Body;
use super::fault::Fault;
use super::tally::Ended;
use crate::request::Asker;
use crate::upstream;

pin_project! {
    /// There is one for every request that the site thinks about, so it is small.
    pub(super) struct Answering<F> {
        #[pin]
        pub step: Step<F>,
        pub edge: Arc<Edge>,
        pub asker: Asker,
        pub client: IpAddr,
        pub began: Instant,
        // A body that nobody reads in an answer of the gate's own stands between this request and the next (HTTP/1).
        pub has_body: bool,
        // For the access log, where there is one.
        pub asked: Option<(Method, Uri)>,
    }
}

pin_project! {
    /// How far a request has come when there is something to wait for.
    #[project = StepNow]
    pub(super) enum Step<F> {
        Now { answered: Option<Box<Answered>> },
        // What is rare is boxed.
        Later { answering: Later },
        Forwarded {
            #[pin]
            answering: F,
            // The session's cookie, where that is due.
            renewed: Option<HeaderValue>,
        },
    }
}

type Answered = Result<Response<Body>, Fault>;
type Later = Pin<Box<dyn Future<Output = Answered> + Send>>;

impl<F> Step<F> {
    pub(super) fn now(answered: Answered) -> Self {
        Self::Now { answered: Some(Box::new(answered)) }
    }

    pub(super) fn later(answering: impl Future<Output = Answered> + Send + 'static) -> Self {
        Self::Later { answering: Box::pin(answering) }
    }
}

impl<F: Future<Output = Result<Response<upstream::Body>, upstream::Error>>> Future for Step<F> {
    type Output = Answered;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        Poll::Ready(match self.project() {
            StepNow::Now { answered } => *answered.take().expect("an answer is given once"),
            StepNow::Later { answering } => ready!(answering.as_mut().poll(cx)),
            StepNow::Forwarded { answering, renewed } => ready!(answering.poll(cx))
                .map(|mut response| {
                    renew(&mut response, renewed.take());
                    response.map(Body::from)
                })
                .map_err(Fault::from),
        })
    }
}

impl<F: Future<Output = Result<Response<upstream::Body>, upstream::Error>>> Future for Answering<F> {
    type Output = Response<Body>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response<Body>> {
        let this = self.project();
        let answered = ready!(this.step.poll(cx));
        let ended = Ended::of(&answered);
        let response = answered.unwrap_or_else(|fault| {
            let mut response = this.edge.pages.answer(&fault, this.asker).map(Body::from);
            if *this.has_body {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        });
        let took = this.began.elapsed();
        ended.count(&this.edge.traffic, took);
        if let (Some(log), Some((method, uri))) = (&this.edge.log, this.asked) {
            log.write(&this.asker.id, *this.client, method, uri, response.status(), took);
        }
        Poll::Ready(response)
    }
}

/// Sends the session along; but never with an answer that a shared cache may keep.
fn renew<B>(response: &mut Response<B>, renewed: Option<HeaderValue>) {
    let Some(cookie) = renewed else { return };
    let shared = response.headers().get_all(CACHE_CONTROL).iter().any(|value| {
        // Directives are spelt in any case (RFC 9111 section 5.2).
        let value = value.as_bytes().to_ascii_lowercase();
        memchr::memmem::find(&value, b"public").is_some() || memchr::memmem::find(&value, b"s-maxage").is_some()
    });
    if !shared {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
