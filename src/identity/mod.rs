//! Tells the upstream who is there: `Admitted` in, [`Stamped`] out, and only what is stamped is forwarded.

mod cookies;
mod headers;
mod jwt;
mod known;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, HeaderValue};

use jwt::Jwt;
pub use jwt::KeyError;
use known::Known;

use crate::clock::Clock;
use crate::config;
use crate::policy::{Admitted, Target};
use crate::request::{Asker, Clean, CleanBody, Lines};
use crate::session::{Jar, Session};

/// Stamps requests. One per worker: what it keeps is shared with nobody.
#[derive(Debug)]
pub struct Identity {
    headers: bool,
    encoding: config::Encoding,
    known: Known,
    jwt: Option<Jwt>,
    jwt_header: Option<HeaderName>,
    jwt_cookie: Option<String>,
    jar: Jar,
    clock: Clock,
}

/// A request on its way to the upstream. Only [`Identity::stamp`] makes one.
#[derive(Debug)]
pub struct Stamped<B> {
    pub parts: Parts,
    /// What is said of the visitor and the way here, to be sent with the rest of the head.
    pub lines: Lines,
    pub body: CleanBody<B>,
    pub target: Target,
    /// The protocol the client wants to change to.
    pub upgrade: Option<HeaderValue>,
    /// Whether the client said `TE: trailers`.
    pub wants_trailers: bool,
    pub asker: Asker,
}

impl Identity {
    /// # Errors
    /// [`KeyError`] when `identity.jwt.key` is no key of its algorithm.
    pub fn new(
        identity: &config::Identity,
        public_url: &config::PublicUrl,
        jar: Jar,
        clock: Clock,
    ) -> Result<Self, KeyError> {
        let jwt = identity.jwt.as_ref().map(|jwt| Jwt::new(jwt, &public_url.origin)).transpose()?;
        Ok(Self {
            headers: identity.headers,
            encoding: identity.encoding,
            known: Known::new(),
            jwt,
            jwt_header: identity.jwt.as_ref().and_then(|jwt| jwt.header.clone()),
            jwt_cookie: identity.jwt.as_ref().and_then(|jwt| jwt.cookie.clone()),
            jar,
            clock,
        })
    }

    /// The public keys of the tokens, as a JWK set (RFC 7517); empty when there are none to publish.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.jwt.as_ref().map_or_else(|| r#"{"keys":[]}"#.to_owned(), Jwt::jwks)
    }

    /// Puts the visitor, if any, into the request, and the gate's own cookies out of it. Forged identity headers are
    /// gone already; the one left to judge here is `Authorization` where it carries our token.
    pub fn stamp<B>(&self, request: Clean<B>, admitted: &Admitted<Session>) -> Stamped<B> {
        let (head, body) = request.into_parts();
        let (mut parts, mut lines, asker, upgrade, wants_trailers) = head.into_raw();
        let headers = &mut parts.headers;
        let token = admitted.visitor().and_then(|visitor| Some(self.jwt.as_ref()?.token(visitor, self.clock.now())));

        let jwt_cookie = self.jwt_cookie.as_deref();
        let added = jwt_cookie.zip(token.as_ref().map(|token| &*token.text));
        cookies::rewrite(
            headers,
            |name| self.jar.owns(name) || jwt_cookie.is_some_and(|ours| cookies::reads_as(name, ours)),
            added,
        );

        if let Some(visitor) = admitted.visitor()
            && self.headers
        {
            self.known.tell(visitor, &mut lines, || headers::lines(visitor, self.encoding));
        }
        if let Some(name) = &self.jwt_header {
            if *name == AUTHORIZATION && (token.is_some() || !admitted.is_public()) {
                headers.remove(name);
            }
            if let Some(token) = &token {
                lines.add(name, &token.header);
            }
        }
        Stamped { parts, lines, body, target: admitted.upstream(), upgrade, wants_trailers, asker }
    }
}
