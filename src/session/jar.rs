//! How the gate's cookies are named and written (RFC 6265bis).

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::HeaderValue;

use crate::config;

/// Writes the gate's cookies, all under one name prefix.
#[derive(Debug, Clone)]
pub struct Jar {
    session_name: String,
    domain: Option<String>,
    secure: bool,
    same_site: SameSite,
}

impl Jar {
    #[must_use]
    pub fn new(session: &config::Session, public_url: &config::PublicUrl) -> Self {
        let host_only = public_url.https && session.cookie_domain.is_none();
        Self {
            session_name: format!("{}{}", if host_only { "__Host-" } else { "" }, session.cookie_name),
            domain: session.cookie_domain.clone(),
            secure: public_url.https,
            same_site: match session.same_site {
                config::SameSite::Lax => SameSite::Lax,
                config::SameSite::Strict => SameSite::Strict,
                config::SameSite::None => SameSite::None,
            },
        }
    }

    /// The session cookie's full name, `__Host-` included.
    #[must_use]
    pub fn session_name(&self) -> &str {
        &self.session_name
    }

    /// The full name of another cookie of the gate's: `wxgate-flow` for `flow`.
    #[must_use]
    pub fn full_name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.session_name)
    }

    /// Whether a cookie is the gate's own, and so goes no further than the gate.
    #[must_use]
    pub fn owns(&self, name: &[u8]) -> bool {
        name.strip_prefix(self.session_name.as_bytes()).is_some_and(|rest| rest.is_empty() || rest[0] == b'-')
    }

    /// A `Set-Cookie` line.
    #[must_use]
    pub fn set(&self, name: &str, value: &str, max_age: Duration) -> HeaderValue {
        let seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
        self.line(name, value, cookie::time::Duration::seconds(seconds))
    }

    /// The line that makes a browser forget a cookie: same name, domain, path and flags (R11).
    #[must_use]
    pub fn expire(&self, name: &str) -> HeaderValue {
        self.line(name, "", cookie::time::Duration::ZERO)
    }

    /// [`Jar::expire`] for the session cookie.
    #[must_use]
    pub fn expire_session(&self) -> HeaderValue {
        self.expire(&self.session_name)
    }

    fn line(&self, name: &str, value: &str, max_age: cookie::time::Duration) -> HeaderValue {
        // The return from WeChat is a cross-site navigation: only the session may be stricter than Lax, never the
        // cookie that has to survive that return.
        let same_site =
            if name == self.session_name || self.same_site == SameSite::None { self.same_site } else { SameSite::Lax };
        let mut cookie = Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(same_site)
            .max_age(max_age);
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(domain);
        }
        HeaderValue::from_str(&cookie.build().to_string()).expect("names are configured tokens, values base64url")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn jar(https: bool, domain: Option<&str>, same_site: config::SameSite) -> Jar {
        let session = config::Session {
            secrets: vec![Secret::new(vec![7; 32])],
            is_drawn: false,
            ttl: Duration::from_hours(1),
            idle: None,
            cookie_name: "wxgate".into(),
            cookie_domain: domain.map(Into::into),
            same_site,
        };
        let public_url = config::PublicUrl {
            origin: "https://m.example.com".into(),
            https,
            host: "m.example.com".into(),
            port: None,
        };
        Jar::new(&session, &public_url)
    }

    #[test]
    fn host_prefix_goes_with_https_and_no_domain() {
        let line = |jar: &Jar, name: &str| jar.set(name, "v", Duration::from_mins(1)).to_str().unwrap().to_owned();
        let strict = jar(true, None, config::SameSite::Strict);
        assert_eq!(
            line(&strict, strict.session_name()),
            "__Host-wxgate=v; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=60"
        );
        assert!(line(&strict, &strict.full_name("flow")).contains("__Host-wxgate-flow=v; HttpOnly; SameSite=Lax;"));
        let shared = jar(true, Some("example.com"), config::SameSite::Lax);
        assert_eq!(
            line(&shared, "wxgate"),
            "wxgate=v; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com; Max-Age=60"
        );
        assert!(!line(&jar(false, None, config::SameSite::Lax), "wxgate").contains("Secure"));
    }

    #[test]
    fn r11_forgetting_repeats_every_attribute() {
        let jar = jar(true, Some("example.com"), config::SameSite::Lax);
        assert_eq!(
            jar.expire_session(),
            "wxgate=; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com; Max-Age=0"
        );
    }

    #[test]
    fn only_the_gates_cookies_are_its_own() {
        let jar = jar(true, None, config::SameSite::Lax);
        assert!(jar.owns(b"__Host-wxgate") && jar.owns(b"__Host-wxgate-flow-1234"));
        assert!(!jar.owns(b"wxgate") && !jar.owns(b"__Host-wxgateway") && !jar.owns(b"PHPSESSID"));
    }
}
