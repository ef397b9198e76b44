//! Builds the session section: secrets, lifetimes, and a cookie that browsers will keep and send back.

use url::Host;

use super::problem::Fault;
use super::reader::Reader;
use super::site::ends_at_dot;
use super::{PublicUrl, SameSite, Session};
use crate::clock;
use crate::secret::Secret;

/// As many bytes as the key of AES-256 (R46).
pub(super) const MIN_SECRET_BYTES: usize = 32;

/// Fewer different bytes than this are a placeholder and not the output of a generator.
const MIN_DIFFERENT_BYTES: usize = 8;

const MAX_COOKIE_NAME_BYTES: usize = 64;

pub(super) fn session(read: &mut Reader<'_>, public_url: Option<&PublicUrl>) -> Session {
    let ttl = read.duration("session.ttl");
    let idle = read.duration_or_off("session.idle");
    if idle.is_some_and(|idle| idle > ttl) && read.is_set("session.idle") {
        read.warn("session.idle", "is longer than session.ttl, so it never counts", "Shorten it, or write \"off\".");
    }
    let cookie_domain = cookie_domain(read, public_url);
    Session {
        is_drawn: !read.is_set("session.secret"),
        secrets: secrets(read),
        ttl,
        idle,
        cookie_name: read.text("session.cookie_name", cookie_name).expect("this key has a default"),
        cookie_domain,
        same_site: same_site(read, public_url),
    }
}

fn secrets(read: &mut Reader<'_>) -> Vec<Secret<Vec<u8>>> {
    const KEY: &str = "session.secret";
    if !read.is_set(KEY) {
        read.warn(
            KEY,
            "missing, so a random one is used: visitors sign in again after every restart, and replicas do not share sessions",
            "Put the output of `wxgate secret` into a file or variable and name that here.",
        );
        read.derived(KEY, "(random)".to_owned());
        return vec![Secret::new(clock::random::<MIN_SECRET_BYTES>().to_vec())];
    }
    let secrets = read.secrets(KEY).unwrap_or_default();
    for (index, secret) in secrets.iter().enumerate() {
        let which = if secrets.len() > 1 { format!("item {}: ", index + 1) } else { String::new() };
        if secret.expose().len() < MIN_SECRET_BYTES {
            let fault = Fault::new(
                format!("{which}is shorter than {MIN_SECRET_BYTES} bytes"),
                "Use the output of `wxgate secret`.",
            );
            read.refuse(KEY, fault);
        } else if different(secret.expose()) < MIN_DIFFERENT_BYTES {
            read.warn(
                KEY,
                format!("{which}repeats itself and is easily guessed"),
                "Use the output of `wxgate secret`.",
            );
        }
    }
    secrets
}

fn different(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.into_iter().filter(|seen| *seen).count()
}

/// Checks a cookie's name: fewer characters than RFC 6265 allows, since servers differ over the rest.
pub(super) fn cookie_name(name: &str) -> Result<String, Fault> {
    const REMEDY: &str = "Use letters, digits, '-' or '_'.";
    let lower = name.to_ascii_lowercase();
    if name.is_empty() {
        Err(Fault::new("is empty", REMEDY))
    } else if let Some(odd) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
        Err(Fault::new(format!("contains '{}'", odd.escape_debug()), REMEDY))
    } else if name.len() > MAX_COOKIE_NAME_BYTES {
        Err(Fault::new(format!("is longer than {MAX_COOKIE_NAME_BYTES} bytes"), "Choose a shorter name."))
    } else if lower.starts_with("__host-") || lower.starts_with("__secure-") {
        Err(Fault::new(
            "starts with a prefix browsers treat specially",
            "Leave it out; the gate adds __Host- where it can.",
        ))
    } else {
        Ok(name.to_owned())
    }
}

/// The domain, when it is one that a browser takes from `public_url`'s host.
fn cookie_domain(read: &mut Reader<'_>, public_url: Option<&PublicUrl>) -> Option<String> {
    const KEY: &str = "session.cookie_domain";
    const REMEDY: &str = "Write the host of public_url or a domain above it, such as \"example.com\".";
    let domain = read.text(KEY, |text| {
        // The leading dot is how older standards wrote the same thing.
        match Host::parse(text.strip_prefix('.').unwrap_or(text)) {
            Ok(Host::Domain(name)) if !name.ends_with('.') => Ok(name),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => Err(Fault::new("is an IP address", REMEDY)),
            _ => Err(Fault::new("is not a domain", REMEDY)),
        }
    })?;
    let host = &public_url?.host;
    if !ends_at_dot(host, &domain) {
        read.refuse(KEY, Fault::new("does not cover the host of public_url", REMEDY));
        return None;
    }
    if !domain.contains('.') && *host != domain {
        read.refuse(KEY, Fault::new("is a whole top-level domain, for which browsers keep no cookies", REMEDY));
        return None;
    }
    Some(domain)
}

fn same_site(read: &mut Reader<'_>, public_url: Option<&PublicUrl>) -> SameSite {
    const KEY: &str = "session.same_site";
    let same_site = read.choice(KEY, [SameSite::Lax, SameSite::Strict, SameSite::None]);
    match same_site {
        SameSite::Lax => {}
        // The way back from WeChat is a chain of redirects that began at another site; browsers withhold strict cookies
        // from all of it, so the first page after a sign-in sees none.
        SameSite::Strict => read.warn(
            KEY,
            "is strict: a browser that comes back from WeChat, or by a link from elsewhere, does not show the cookie",
            "Write \"lax\" unless you have tried it with every client you serve.",
        ),
        SameSite::None if public_url.is_some_and(|url| !url.https) => {
            let fault = Fault::new(
                "is none, which browsers accept only over https",
                "Write \"lax\", or make public_url https.",
            );
            read.refuse(KEY, fault);
        }
        SameSite::None => {}
    }
    same_site
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_names_are_plain() {
        for (name, message) in [
            ("", "is empty"),
            ("a;b", "contains ';'"),
            ("a b", "contains ' '"),
            ("a\nb", "contains '\\n'"),
            ("名", "contains '名'"),
            ("__Host-wxgate", "starts with a prefix browsers treat specially"),
            ("__SECURE-x", "starts with a prefix browsers treat specially"),
        ] {
            assert_eq!(cookie_name(name).expect_err(name).message, message);
        }
        assert!(cookie_name(&"a".repeat(64)).is_ok());
        assert!(cookie_name(&"a".repeat(65)).is_err());
        assert_eq!(cookie_name("my-App_2").as_deref(), Ok("my-App_2"));
    }
}
