//! Builds the identity section. The key's shape is judged here; whether it fits the algorithm shows when it is used.

use http::HeaderName;

use super::problem::Fault;
use super::reader::Reader;
use super::session::{MIN_SECRET_BYTES, cookie_name};
use super::value::quoted;
use super::{Algorithm, Encoding, Identity, Jwt, PublicUrl};
use crate::secret::Secret;

const SECTION: &str = "identity.jwt";

/// Headers that mean something to every proxy and server, or that the gate itself sets.
const RESERVED: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "set-cookie",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
    "x-wechat-account",
    "x-wechat-appid",
    "x-wechat-avatar",
    "x-wechat-login-url",
    "x-wechat-nickname",
    "x-wechat-openid",
    "x-wechat-scope",
    "x-wechat-session",
    "x-wechat-snapshot",
    "x-wechat-unionid",
    "x-wechat-userid",
];

/// Families of the same kind.
const RESERVED_PREFIXES: &[&str] = &["x-forwarded-", "x-original-", "access-control-", "sec-"];

pub(super) fn identity(read: &mut Reader<'_>, public_url: Option<&PublicUrl>, session_cookie: &str) -> Identity {
    let headers = read.switch("identity.headers");
    let encoding = read.choice("identity.encoding", [Encoding::Percent, Encoding::Base64]);
    let wanted = read.source.has_section(SECTION);
    let jwt = if wanted { jwt(read, public_url, session_cookie) } else { None };
    if !headers && !wanted {
        read.warn(
            "identity.headers",
            "is off and there is no identity.jwt, so the upstream never learns who is there",
            "Write true, or add [identity.jwt].",
        );
    }
    Identity { headers, encoding, jwt }
}

fn jwt(read: &mut Reader<'_>, public_url: Option<&PublicUrl>, session_cookie: &str) -> Option<Jwt> {
    let algorithm =
        read.choice("identity.jwt.algorithm", [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Hs256]);
    let header = read.text("identity.jwt.header", header_name);
    let cookie = cookie(read, session_cookie);
    if !read.is_set("identity.jwt.header") && !read.is_set("identity.jwt.cookie") {
        let origin = read.source.sections.get(SECTION).cloned().unwrap_or(super::Origin::Default);
        let remedy = r#"Write header = "X-Wechat-Jwt", cookie = "wechat_jwt", or both."#;
        read.source.push(
            Fault::new("has neither header nor cookie, so the token would go nowhere", remedy).at(SECTION, origin),
        );
    }
    let key = key(read, algorithm);
    let audience = read.text("identity.jwt.audience", audience).expect("this key has a default");
    let ttl = read.duration("identity.jwt.ttl");
    let audience = if audience.is_empty() { public_url?.origin.clone() } else { audience };
    if let Some(line) = read.effective.iter_mut().rfind(|line| line.key == "identity.jwt.audience") {
        line.shown = quoted(&audience);
    }
    Some(Jwt { header, cookie, key: key?, algorithm, audience, ttl })
}

fn header_name(text: &str) -> Result<HeaderName, Fault> {
    const REMEDY: &str = r#"Write a name of its own, such as "X-Wechat-Jwt"."#;
    let name: HeaderName = text.parse().map_err(|_| Fault::new("is not a header name", REMEDY))?;
    // Servers take `_` and other odd characters for `-`, so names are compared that way (R7).
    let folded = name.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    if RESERVED.contains(&folded.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| folded.starts_with(prefix)) {
        return Err(Fault::new("is a header with a meaning of its own", REMEDY));
    }
    Ok(name)
}

fn cookie(read: &mut Reader<'_>, session_cookie: &str) -> Option<String> {
    const KEY: &str = "identity.jwt.cookie";
    let name = read.text(KEY, cookie_name)?;
    // The gate's cookies are the session's name, and that name, a dash and more. PHP reads `-` and `_` as it likes.
    let folded = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let rest = folded(&name).strip_prefix(&folded(session_cookie)).map(str::to_owned);
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-')) {
        let remedy = "Choose a name of its own, such as \"wechat_jwt\".";
        read.refuse(KEY, Fault::new("is a name of the gate's own cookies", remedy));
        return None;
    }
    Some(name)
}

fn audience(text: &str) -> Result<String, Fault> {
    if text.chars().any(char::is_control) {
        return Err(Fault::new("contains a control character", "Write the name your application expects in aud."));
    }
    Ok(text.to_owned())
}

fn key(read: &mut Reader<'_>, algorithm: Algorithm) -> Option<Secret<Vec<u8>>> {
    const KEY: &str = "identity.jwt.key";
    if !read.is_set(KEY) {
        read.missing(
            KEY,
            r#"Write { file = "PATH" } of a PEM private key, or of a secret of 32 bytes or more for HS256."#,
        );
    }
    let key = read.secrets(KEY)?.pop()?;
    match judge_key(key.expose(), algorithm) {
        Ok(()) => Some(key),
        Err(fault) => {
            read.refuse(KEY, fault);
            None
        }
    }
}

/// Judges a key by its looks, and says how to make a good one.
fn judge_key(key: &[u8], algorithm: Algorithm) -> Result<(), Fault> {
    let make = match algorithm {
        Algorithm::Hs256 => {
            return if label(key).is_some() {
                let remedy = "Set identity.jwt.algorithm to the key's own, or name a file with a random secret.";
                Err(Fault::new("is a PEM key, but HS256 wants a shared secret", remedy))
            } else if key.len() < MIN_SECRET_BYTES {
                Err(Fault::new(
                    format!("is shorter than {MIN_SECRET_BYTES} bytes"),
                    "Use the output of `wxgate secret`.",
                ))
            } else {
                Ok(())
            };
        }
        Algorithm::Es256 => "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        Algorithm::EdDsa => "openssl genpkey -algorithm ED25519",
        Algorithm::Rs256 => "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    };
    let fault = |message: &str| Fault::new(message, format!("Make one with `{make}`."));
    match label(key) {
        None => Err(fault("is not a PEM private key")),
        Some("PRIVATE KEY") => Ok(()),
        Some("RSA PRIVATE KEY") if algorithm == Algorithm::Rs256 => Ok(()),
        Some("EC PRIVATE KEY") if algorithm == Algorithm::Es256 => {
            Err(Fault::new("is an EC key in the older form", "Convert it with `openssl pkcs8 -topk8 -nocrypt`."))
        }
        Some("ENCRYPTED PRIVATE KEY") => {
            Err(Fault::new("is locked by a passphrase", "Unlock it with `openssl pkcs8 -topk8 -nocrypt`."))
        }
        Some("PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE") => {
            Err(fault("is public, and only a private key can sign"))
        }
        Some(_) => Err(fault("is not a private key for this algorithm")),
    }
}

/// The label of the one whole PEM block, as in `-----BEGIN PRIVATE KEY-----`, if there is one with base64 inside.
fn label(key: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(key).ok()?.trim();
    let (label, rest) = text.strip_prefix("-----BEGIN ")?.split_once("-----")?;
    let body = rest.strip_suffix(&format!("-----END {label}-----"))?;
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n');
    (!body.trim().is_empty() && body.bytes().all(base64)).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(label: &str) -> Vec<u8> {
        format!("-----BEGIN {label}-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END {label}-----\n").into_bytes()
    }

    #[test]
    fn keys_are_judged_by_their_shape() {
        use Algorithm::{EdDsa, Es256, Hs256, Rs256};
        for (key, algorithm, message) in [
            (pem("PRIVATE KEY"), Es256, None),
            (pem("PRIVATE KEY"), EdDsa, None),
            (pem("RSA PRIVATE KEY"), Rs256, None),
            (pem("RSA PRIVATE KEY"), Es256, Some("is not a private key for this algorithm")),
            (pem("EC PRIVATE KEY"), Es256, Some("is an EC key in the older form")),
            (pem("ENCRYPTED PRIVATE KEY"), Es256, Some("is locked by a passphrase")),
            (pem("PUBLIC KEY"), EdDsa, Some("is public, and only a private key can sign")),
            (pem("CERTIFICATE"), Rs256, Some("is public, and only a private key can sign")),
            (pem("PRIVATE KEY"), Hs256, Some("is a PEM key, but HS256 wants a shared secret")),
            (b"-----BEGIN PRIVATE KEY-----".to_vec(), Es256, Some("is not a PEM private key")),
            (b"-----BEGIN A-----\n-----END A-----".to_vec(), Es256, Some("is not a PEM private key")),
            (vec![0xff; 64], Es256, Some("is not a PEM private key")),
            (vec![b'k'; 31], Hs256, Some("is shorter than 32 bytes")),
            (vec![0xff; 32], Hs256, None),
        ] {
            let fault = judge_key(&key, algorithm).err().map(|fault| fault.message);
            assert_eq!(fault.as_deref(), message, "{algorithm:?}");
        }
    }

    #[test]
    fn r7_the_token_cannot_take_the_place_of_another_header() {
        for text in [
            "Host",
            "cookie",
            "Content_Length",
            "X-Forwarded-For",
            "x_forwarded_for",
            "X-WeChat-OpenId",
            "Connection",
            "X.Real.IP",
        ] {
            assert_eq!(header_name(text).expect_err(text).message, "is a header with a meaning of its own", "{text}");
        }
        for text in ["", "a b", "a\r\nb", "a:b", "名"] {
            assert_eq!(header_name(text).expect_err(text).message, "is not a header name", "{text}");
        }
        for text in ["X-Wechat-Jwt", "Authorization", "X-App-Token"] {
            assert!(header_name(text).is_ok(), "{text}");
        }
    }
}
