//! What the gate answers itself, without asking anybody: verify files, public keys, the browser's helper, the logo on its
//! pages. Who the visitor is, is [`me`]'s; signing for pages is [`jsconfig`]'s.

pub mod jsconfig;
pub mod me;
mod wx_js;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Response};

use crate::config;
use crate::request::Head;

/// Small answers at fixed paths.
#[derive(Debug, Clone)]
pub struct Local {
    answers: Vec<(String, Fixed)>,
}

/// An answer that never changes while the gate runs.
#[derive(Debug, Clone)]
struct Fixed {
    body: Bytes,
    content_type: HeaderValue,
}

/// A fixed answer was asked for with a method that changes things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this address is for GET")]
pub struct NotReadable;

/// For whoever opens one of these by itself: the operator's SVG may hold a script, and this is the site's own origin.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

impl Local {
    /// `jwks` is the JWK set to publish.
    #[must_use]
    pub fn new(sign_in: &config::SignIn, paths: &config::Paths, pages: &config::Pages, jwks: String) -> Self {
        // WeChat's checker takes the sixteen characters and nothing else, not even a newline.
        let files = sign_in.verify_files.iter().map(|file| {
            let body = Bytes::from(file.token.clone().into_bytes());
            (format!("/{}", file.name), Fixed { body, content_type: HeaderValue::from_static("text/plain") })
        });
        let content_type = HeaderValue::from_static("application/jwk-set+json");
        let keys = (format!("{}/jwks.json", paths.prefix), Fixed { body: jwks.into(), content_type });
        let content_type = HeaderValue::from_static("text/javascript; charset=utf-8");
        let script = (format!("{}/wx.js", paths.prefix), Fixed { body: wx_js::script(paths).into(), content_type });
        let logo = pages.logo.as_ref().map(|logo| {
            let content_type = HeaderValue::from_static(logo.picture.content_type());
            (format!("{}/logo", paths.prefix), Fixed { body: logo.bytes.clone().into(), content_type })
        });
        Self { answers: files.chain([keys, script]).chain(logo).collect() }
    }

    /// The answer, if this path is one of the gate's own.
    ///
    /// # Errors
    /// [`NotReadable`] for another method than GET or HEAD.
    pub fn answer(&self, head: &Head) -> Result<Option<Response<Bytes>>, NotReadable> {
        let Some((_, fixed)) = self.answers.iter().find(|(path, _)| path == head.path()) else { return Ok(None) };
        if !matches!(*head.method(), Method::GET | Method::HEAD) {
            return Err(NotReadable);
        }
        let mut response = Response::new(fixed.body.clone());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, fixed.content_type.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(Some(response))
    }
}
