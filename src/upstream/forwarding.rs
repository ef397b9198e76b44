//! A request on its way: what is waited for while the site thinks, and therefore kept small.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;

use super::attempt::{Answered, Failure, attempt};
use super::body::{Body, Outgoing, Upload};
use super::upgrade::ClientSide;
use super::{Error, Site, answer};
use crate::patience::{Phase, Watch};

/// A request to be sent, and what is to be known when its answer comes.
pub(super) struct Order {
    pub request: Request<Outgoing>,
    /// Whether the site may see it twice.
    pub repeatable: bool,
    /// The client's side of a change of protocols.
    pub client_side: Option<ClientSide>,
    /// For an answer's body that stands still, in the watch's ticks.
    pub idle: u32,
}

pin_project! {
    pub(super) struct Forwarding<A> {
        #[pin]
        way: Way<A>,
        site: Arc<Site>,
        watch: Watch,
        repeatable: bool,
        client_side: Option<ClientSide>,
        upload: Option<Upload>,
        idle: u32,
    }
}

pin_project! {
    #[project = WayNow]
    enum Way<A> {
        Pooled { #[pin] answer: A },
        // A new connection, or a pooled one that was found closed before anything was written: rare, hence boxed.
        Later { answer: Later },
    }
}

type Later = Pin<Box<dyn Future<Output = Result<Answered, Error>> + Send>>;

/// Sends an order on a pooled connection if there is one.
pub(super) fn forward(
    site: Arc<Site>,
    order: Order,
    watch: &Watch,
) -> Forwarding<impl Future<Output = Result<Answered, Failure>> + use<>> {
    let Order { request, repeatable, client_side, idle } = order;
    let upload = request.body().upload();
    let way = match site.pool.take() {
        Some(connection) => Way::Pooled { answer: attempt(connection, request, repeatable, watch) },
        None => Way::Later { answer: Box::pin(send_anew(site.clone(), request, watch.clone())) },
    };
    Forwarding { way, site, watch: watch.clone(), repeatable, client_side, upload, idle }
}

impl<A: Future<Output = Result<Answered, Failure>>> Future for Forwarding<A> {
    type Output = Result<Response<Body>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (response, mut connection) = loop {
            match this.way.as_mut().project() {
                WayNow::Pooled { answer } => match ready!(answer.poll(cx)) {
                    Ok(answered) => break answered,
                    Err(Failure { unsent: Some(request), .. }) => {
                        let again = send_again(this.site.clone(), request, *this.repeatable, this.watch.clone());
                        this.way.set(Way::Later { answer: Box::pin(again) });
                    }
                    Err(failure) => return Poll::Ready(Err(failure.error)),
                },
                WayNow::Later { answer } => break ready!(answer.as_mut().poll(cx))?,
            }
        };
        let is_early = this.upload.take().is_some_and(|upload| !upload.is_over());
        if is_early {
            connection.drive_apart();
        }
        let is_last = is_early && answer::ends_the_connection(&response);
        let mut answered = this.site.answered((response, connection), this.client_side.take(), this.watch, *this.idle);
        if let Ok(response) = &mut answered
            && is_last
        {
            // The rest of the request stands between this answer and a next one, and nobody will take it.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(answered)
    }
}

/// Tries the next pooled connection, and at last a new one.
async fn send_again(
    site: Arc<Site>,
    mut request: Box<Request<Outgoing>>,
    repeatable: bool,
    watch: Watch,
) -> Result<Answered, Error> {
    while let Some(connection) = site.pool.take() {
        match attempt(connection, *request, repeatable, &watch).await {
            Err(Failure { unsent: Some(unsent), .. }) => request = unsent,
            sent => return sent.map_err(|failure| failure.error),
        }
    }
    send_anew(site, *request, watch).await
}

async fn send_anew(site: Arc<Site>, request: Request<Outgoing>, watch: Watch) -> Result<Answered, Error> {
    watch.enter(Phase::Own);
    let connection = site.pool.dial().await?;
    attempt(connection, request, false, &watch).await.map_err(|failure| failure.error)
}
