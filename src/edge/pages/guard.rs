//! The headers that keep our answers ours: nothing cached, framed, sniffed, or run that we did not write.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::clock;
use crate::request::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names, to the browser, the style and script of one page: 128 bits, never used twice.
pub(super) struct Nonce(String);

/// What a page does beyond being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// A script of ours.
    Script,
    /// A script of ours that listens to this site.
    Ear,
    /// A form to this site, which answers it itself.
    Reply,
    /// A form to this site, which may lead on to others.
    Form,
}

impl Nonce {
    pub(super) fn fresh() -> Self {
        Self(data_encoding::BASE64URL_NOPAD.encode(&clock::random::<16>()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Needs {
    fn policy(self, nonce: &Nonce, pictured: bool) -> HeaderValue {
        let nonce = nonce.as_str();
        let own = match self {
            Self::Nothing => "form-action 'none'".to_owned(),
            Self::Script => format!("form-action 'none'; script-src 'nonce-{nonce}'"),
            Self::Ear => format!("form-action 'none'; script-src 'nonce-{nonce}'; connect-src 'self'"),
            Self::Reply => "form-action 'self'".to_owned(),
            // Browsers hold the redirects that follow to this as well: after signing out to WeChat, or wherever the site
            // sends strangers. A page that lets nothing in needs no more.
            Self::Form => "form-action https: http:".to_owned(),
        };
        let images = if pictured { "img-src 'self'; " } else { "" };
        let policy = format!(
            "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'nonce-{nonce}'; {images}{own}"
        );
        HeaderValue::try_from(policy).expect("base64url makes a header value")
    }

    const fn referrer(self) -> &'static str {
        match self {
            // A callback's URL carries its code: whoever is reached by a link on our page shall not read it (R28).
            Self::Nothing | Self::Script | Self::Ear => "no-referrer",
            // Under `no-referrer` a form is sent with `Origin: null`, and sign-out obeys our own origin only.
            Self::Reply | Self::Form => "same-origin",
        }
    }
}

/// `pictured`: whether it shows a picture of this site.
pub(super) fn page(
    status: StatusCode,
    body: String,
    nonce: &Nonce,
    needs: Needs,
    pictured: bool,
    id: &RequestId,
) -> Response<Bytes> {
    let mut response = answer(status, body.into(), id);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, needs.policy(nonce, pictured));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static(needs.referrer()));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

pub(super) fn problem(status: StatusCode, body: Vec<u8>, id: &RequestId) -> Response<Bytes> {
    let mut response = answer(status, body.into(), id);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

fn answer(status: StatusCode, body: Bytes, id: &RequestId) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_REQUEST_ID, id.to_header());
    response
}
