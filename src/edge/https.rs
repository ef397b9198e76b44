//! Sends whoever came in the clear to the same address by TLS (`server.tls.redirect_http`).

use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::body::Body;
use crate::config::{PublicUrl, Server};
use crate::request::Head;

/// Where to.
#[derive(Debug, Clone)]
pub struct Https {
    /// Of `public_url`, never of `Host` (R38).
    origin: String,
}

impl Https {
    /// `None`: nobody is sent anywhere.
    #[must_use]
    pub fn new(server: &Server, public_url: &PublicUrl) -> Option<Self> {
        server.tls.as_ref().filter(|tls| tls.redirect_http).map(|_| Self { origin: public_url.origin.clone() })
    }

    /// The way to go, for a request that came in the clear.
    pub(super) fn answer(&self, head: &Head) -> Option<Response<Body>> {
        if head.came_by_tls() {
            return None;
        }
        let location = HeaderValue::try_from(format!("{}{}", self.origin, head.target()));
        let mut response = Response::new(Body::empty());
        // Method and body stay what they are (RFC 9110 section 15.4.9).
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        let headers = response.headers_mut();
        headers.insert(LOCATION, location.expect("a target that was read from a head fits into one"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("x-request-id", head.asker().id.to_header());
        Some(response)
    }
}
