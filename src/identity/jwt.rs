//! The signed token for the upstream (RFC 7519). Signed once per session and period, then reused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::clock::{Timestamp, random};
use crate::config;
use crate::session::Session;
use crate::types::SessionId;

/// `identity.jwt.key` cannot be used. Says nothing of the key itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("identity.jwt.key: not a usable {algorithm} key. {remedy}")]
pub struct KeyError {
    algorithm: &'static str,
    remedy: &'static str,
}

pub(super) struct Jwt {
    header: Header,
    key: EncodingKey,
    public: Option<Jwk>,
    issuer: String,
    audience: String,
    ttl: Duration,
    /// Whether it goes into `Authorization`.
    as_bearer: bool,
    tokens: Mutex<Tokens>,
}

/// A token in both of the forms that it is sent in.
#[derive(Clone)]
pub(super) struct Signed {
    pub text: Arc<str>,
    pub header: HeaderValue,
}

impl Signed {
    fn new(text: String, as_bearer: bool) -> Self {
        let header = if as_bearer { format!("Bearer {text}") } else { text.clone() };
        let header = HeaderValue::try_from(header).expect("a JWS in compact form is plain ASCII");
        Self { text: text.into(), header }
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    appid: &'a str,
    account: &'static str,
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unionid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
    snapshot: bool,
    sid: String,
}

impl Jwt {
    pub(super) fn new(jwt: &config::Jwt, issuer: &str) -> Result<Self, KeyError> {
        let pem = jwt.key.expose();
        let (algorithm, key, name, remedy) = match jwt.algorithm {
            config::Algorithm::Es256 => (
                Algorithm::ES256,
                EncodingKey::from_ec_pem(pem),
                "ES256",
                "Make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            ),
            config::Algorithm::EdDsa => (
                Algorithm::EdDSA,
                EncodingKey::from_ed_pem(pem),
                "EdDSA",
                "Make one with: openssl genpkey -algorithm ed25519",
            ),
            config::Algorithm::Rs256 => (
                Algorithm::RS256,
                EncodingKey::from_rsa_pem(pem),
                "RS256",
                "Make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            ),
            config::Algorithm::Hs256 => {
                (Algorithm::HS256, Ok(EncodingKey::from_secret(pem)), "HS256", "Use at least 32 bytes")
            }
        };
        let refused = KeyError { algorithm: name, remedy };
        let key = key.map_err(|_| refused.clone())?;
        let mut header = Header::new(algorithm);
        let public = match jwt.algorithm {
            // The JWK of a shared secret is the secret: it is never published.
            config::Algorithm::Hs256 => None,
            _ => Some(Jwk::from_encoding_key(&key, algorithm).map_err(|_| refused.clone())?),
        };
        let public = public.map(|mut public| {
            let id = public.thumbprint(ThumbprintHash::SHA256).map_err(|_| refused.clone())?;
            public.common.public_key_use = Some(PublicKeyUse::Signature);
            public.common.key_id = Some(id);
            Ok(public)
        });
        let public = public.transpose()?;
        header.kid =
            Some(public.as_ref().and_then(|public| public.common.key_id.clone()).unwrap_or_else(|| "hs256".to_owned()));
        let this = Self {
            header,
            key,
            public,
            issuer: issuer.to_owned(),
            audience: jwt.audience.clone(),
            ttl: jwt.ttl,
            as_bearer: jwt.header == Some(AUTHORIZATION),
            tokens: Mutex::default(),
        };
        // A key that parses may still not sign; better now than at the first visitor.
        jsonwebtoken::encode(&this.header, &(), &this.key).map_err(|_| refused)?;
        Ok(this)
    }

    pub(super) fn jwks(&self) -> String {
        let keys = JwkSet { keys: self.public.iter().cloned().collect() };
        serde_json::to_string(&keys).expect("a JWK set is JSON")
    }

    /// A token for this visitor with at least half its life left.
    pub(super) fn token(&self, visitor: &Session, now: Timestamp) -> Signed {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.turn(now, self.ttl / 2);
        if let Some(token) = tokens.find(visitor, now) {
            return token;
        }
        let expires_at = now.after(self.ttl).min(visitor.times.expires_at);
        let token = Signed::new(self.sign(visitor, now, expires_at), self.as_bearer);
        // A token whose session is nearly over is used to its end.
        let fresh_until = now.after(self.ttl / 2).min(expires_at);
        tokens.young.insert(visitor.id, Token { signed: token.clone(), visitor: visitor.clone(), fresh_until });
        token
    }

    fn sign(&self, visitor: &Session, now: Timestamp, expires_at: Timestamp) -> String {
        let claims = Claims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: visitor.userid().or(visitor.openid()).unwrap_or_default(),
            iat: now.0,
            nbf: now.0,
            exp: expires_at.0,
            jti: data_encoding::HEXLOWER.encode(&random::<16>()),
            appid: visitor.appid(),
            account: visitor.account.as_str(),
            scope: visitor.scope.as_str(),
            unionid: visitor.unionid(),
            nickname: visitor.nickname(),
            picture: visitor.avatar(),
            snapshot: visitor.snapshot,
            sid: visitor.id.to_hex(),
        };
        jsonwebtoken::encode(&self.header, &claims, &self.key).expect("the key signed once when it was read")
    }
}

/// Tokens still worth reusing, in two generations: the older is dropped whole each period, so nobody has to count.
#[derive(Default)]
struct Tokens {
    young: HashMap<SessionId, Token>,
    old: HashMap<SessionId, Token>,
    turned_at: Option<Timestamp>,
}

struct Token {
    signed: Signed,
    visitor: Session,
    fresh_until: Timestamp,
}

impl Tokens {
    /// Beyond this many visitors in one period a worker signs again rather than remember more.
    const MAX: usize = 50_000;

    fn turn(&mut self, now: Timestamp, period: Duration) {
        let due = self.turned_at.is_none_or(|turned_at| now.since(turned_at) >= period);
        if due || self.young.len() >= Self::MAX {
            self.old = std::mem::take(&mut self.young);
            self.turned_at = Some(now);
        }
    }

    fn find(&self, visitor: &Session, now: Timestamp) -> Option<Signed> {
        let token = self.young.get(&visitor.id).or_else(|| self.old.get(&visitor.id))?;
        (now < token.fresh_until && token.visitor.tells_the_same_as(visitor)).then(|| token.signed.clone())
    }
}

impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwt")
            .field("algorithm", &self.header.alg)
            .field("kid", &self.header.kid)
            .finish_non_exhaustive()
    }
}
