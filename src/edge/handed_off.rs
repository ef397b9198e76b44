//! What a hand-off says, as HTTP: pages for both screens, and news for the one that waits.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Response};

use super::body::Body;
use super::pages::{self, Pages, Settled};
use crate::login::handoff::{Page, Progress, Waiting};
use crate::patience::Watch;
use crate::request::Asker;

pub(super) fn page(page: Page, pages: &Pages, asker: &Asker) -> Response<Bytes> {
    match page {
        Page::Scan(scan) => {
            let number = scan.number.map(|number| number.to_string());
            let waiting = pages::Waiting {
                scan: &scan.scan,
                number: number.as_deref(),
                events: &scan.events,
                poll: &scan.poll,
                next: &scan.next,
                seconds: scan.seconds,
            };
            let mut response = pages.waiting(&waiting, asker);
            response.headers_mut().extend(scan.cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)));
            response
        }
        Page::Confirm(confirm) => {
            let (browser, address) = (confirm.place.browser(), confirm.place.address());
            let confirm = pages::Confirm {
                action: &confirm.action,
                ticket: &confirm.ticket,
                browser: browser.as_deref(),
                address: address.as_deref(),
                same_network: confirm.same_network,
            };
            pages.confirm(&confirm, asker)
        }
        Page::Confirmed => pages.settled(Settled::Confirmed, asker),
        Page::Refused => pages.settled(Settled::Refused, asker),
    }
}

/// How things stand, in a word.
pub(super) fn word(progress: Progress) -> Response<Bytes> {
    private("text/plain; charset=utf-8", progress.word().into())
}

/// How things stand, whenever that changes.
pub(super) fn news(waiting: Waiting, watch: Watch) -> Response<Body> {
    let mut response = private("text/event-stream", Body::news(waiting, watch));
    // nginx gathers what it passes on unless it is told not to.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

fn private<B>(content_type: &'static str, body: B) -> Response<B> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
