//! Every key there is: its path, what it takes, its default. The file, the environment, `check` and the documented
//! `config.toml` are all held against this one table.

use std::ops::RangeInclusive;
use std::time::Duration;

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Levels joined by dots; `route.*.path` stands for that key of every `[[route]]`.
    pub path: &'static str,
    pub kind: Kind,
    /// TOML text.
    pub default: Option<&'static str>,
    pub support: Support,
}

/// What a key takes.
#[derive(Debug)]
pub enum Kind {
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    Switch,
    Integer(RangeInclusive<u64>),
    Duration(RangeInclusive<Duration>),
    /// A duration or `"off"`.
    DurationOrOff(RangeInclusive<Duration>),
    /// Bytes.
    Size(RangeInclusive<u64>),
    /// Texts, or a single one.
    List,
    /// A literal, `{ env = … }` or `{ file = … }`.
    Secret,
    /// A secret, or a list of them.
    Secrets,
}

/// Whether this version does what a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    Built,
    /// Refused wherever it appears.
    Later,
}

impl Kind {
    /// Whether values of this kind must never be shown.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret | Self::Secrets)
    }
}

/// The table, in the order of the contract.
#[must_use]
pub const fn keys() -> &'static [Key] {
    KEYS
}

/// The key of this path, the index of a list's table standing for the `*`.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    let general = generalised(path);
    KEYS.iter().find(|key| key.path == general)
}

/// Whether some key lies below this path.
#[must_use]
pub fn is_section(path: &str) -> bool {
    let general = generalised(path);
    KEYS.iter().any(|key| key.path.strip_prefix(&*general).is_some_and(|rest| rest.starts_with('.')))
}

/// What to do instead, when nothing at or below this path is built yet.
#[must_use]
pub fn unbuilt(path: &str) -> Option<&'static str> {
    let general = generalised(path);
    let within = |(section, _): &&(&str, &str)| {
        general.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    UNBUILT.iter().find(within).map(|(_, remedy)| *remedy)
}

/// Sorts paths as the documentation does: in the order of the table, and of a list one table after the other.
#[must_use]
pub fn rank(path: &str) -> (usize, usize, usize) {
    let general = generalised(path);
    let own = KEYS.iter().position(|key| key.path == general).unwrap_or(KEYS.len());
    let Some((list, index)) = in_list(path) else { return (own, 0, own) };
    let first = KEYS.iter().position(|key| in_list(key.path).is_some_and(|(of, _)| of == list)).unwrap_or(own);
    (first, index.parse().unwrap_or(usize::MAX), own)
}

/// Whether `[[path]]` may be written any number of times.
#[must_use]
pub fn is_list(path: &str) -> bool {
    LISTS.contains(&path)
}

/// The list of tables this path lies in, and which of them, as it is written.
#[must_use]
pub fn in_list(path: &str) -> Option<(&'static str, &str)> {
    LISTS.iter().find_map(|list| Some((*list, path.strip_prefix(list)?.strip_prefix('.')?.split('.').next()?)))
}

/// `route.7.path` is `route.*.path`.
fn generalised(path: &str) -> String {
    match in_list(path) {
        Some((list, index)) if index.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{list}.*{}", &path[list.len() + 1 + index.len()..])
        }
        _ => path.to_owned(),
    }
}

/// The lists of tables.
pub const LISTS: &[&str] = &["server.tls.more", "route"];

const UNBUILT: &[(&str, &str)] = &[
    ("store", "Remove it, and run a single replica."),
    ("telemetry", "Remove it; the log has a line for every request."),
];

const fn key(path: &'static str, kind: Kind, default: Option<&'static str>) -> Key {
    Key { path, kind, default, support: Support::Built }
}

const fn later(path: &'static str, kind: Kind, default: Option<&'static str>) -> Key {
    Key { path, kind, default, support: Support::Later }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// Longer than any network pause worth waiting out; catches `10d` written for `10s`.
const WAIT: RangeInclusive<Duration> = MILLISECOND..=DAY;
/// Chrome keeps no cookie longer than 400 days.
const COOKIE_LIFE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(400 * 86_400);
/// Below, a browser's ordinary cookies do not fit; above, a client can make the gate hold much memory.
const HEADER_BYTES: RangeInclusive<u64> = 4 << 10..=1 << 20;

const SCOPES: Kind = Kind::Choice(&["base", "userinfo"]);

const KEYS: &[Key] = &[
    key("public_url", Kind::Text, None),
    key("upstream.url", Kind::Text, None),
    key("upstream.connect_timeout", Kind::Duration(WAIT), Some(r#""3s""#)),
    key("upstream.response_timeout", Kind::Duration(WAIT), Some(r#""60s""#)),
    key("upstream.idle_timeout", Kind::Duration(WAIT), Some(r#""5m""#)),
    key("upstream.preserve_host", Kind::Switch, Some("true")),
    key("upstream.ca_file", Kind::Text, None),
    key("server.listen", Kind::List, Some(r#""0.0.0.0:4180""#)),
    key("server.trusted_proxies", Kind::List, Some("[]")),
    key("server.workers", Kind::Integer(0..=512), Some("0")),
    key("server.max_connections", Kind::Integer(1..=1_000_000), Some("20000")),
    key("server.max_header_bytes", Kind::Size(HEADER_BYTES), Some(r#""32KiB""#)),
    key("server.header_timeout", Kind::Duration(WAIT), Some(r#""10s""#)),
    key("server.keepalive_timeout", Kind::Duration(WAIT), Some(r#""75s""#)),
    key("server.shutdown_grace", Kind::Duration(Duration::ZERO..=DAY), Some(r#""30s""#)),
    key("server.proxy_protocol", Kind::Switch, Some("false")),
    key("server.tls.listen", Kind::List, None),
    key("server.tls.cert", Kind::Text, None),
    key("server.tls.key", Kind::Text, None),
    key("server.tls.redirect_http", Kind::Switch, Some("false")),
    key("server.tls.more.*.cert", Kind::Text, None),
    key("server.tls.more.*.key", Kind::Text, None),
    key("admin.listen", Kind::Text, None),
    key("admin.token", Kind::Secret, None),
    key("official_account.app_id", Kind::Text, None),
    key("official_account.app_secret", Kind::Secret, None),
    key("official_account.scope", SCOPES, Some(r#""base""#)),
    key("official_account.snapshot", Kind::Choice(&["page", "pass", "deny"]), Some(r#""page""#)),
    key("official_account.token", Kind::Choice(&["stable", "classic"]), Some(r#""stable""#)),
    key("website_app.app_id", Kind::Text, None),
    key("website_app.app_secret", Kind::Secret, None),
    key("wecom.corp_id", Kind::Text, None),
    key("wecom.agent_id", Kind::Text, None),
    key("wecom.secret", Kind::Secret, None),
    key("wecom.scope", Kind::Choice(&["base", "privateinfo"]), Some(r#""base""#)),
    key("sign_in.handoff", Kind::Switch, Some("false")),
    key("sign_in.keep_fragment", Kind::Switch, Some("false")),
    key("sign_in.attempts_per_minute", Kind::Integer(0..=1_000_000), Some("600")),
    key("sign_in.verify_files", Kind::List, Some("[]")),
    key("sign_in.language", Kind::Choice(&["auto", "zh-CN", "en"]), Some(r#""auto""#)),
    key("pages.site_name", Kind::Text, None),
    key("pages.logo_file", Kind::Text, None),
    key("session.secret", Kind::Secrets, None),
    key("session.ttl", Kind::Duration(COOKIE_LIFE), Some(r#""7d""#)),
    key("session.idle", Kind::DurationOrOff(COOKIE_LIFE), Some(r#""24h""#)),
    key("session.cookie_name", Kind::Text, Some(r#""wxgate""#)),
    key("session.cookie_domain", Kind::Text, None),
    key("session.same_site", Kind::Choice(&["lax", "strict", "none"]), Some(r#""lax""#)),
    key("identity.headers", Kind::Switch, Some("true")),
    key("identity.encoding", Kind::Choice(&["percent", "base64"]), Some(r#""percent""#)),
    key("identity.jwt.header", Kind::Text, None),
    key("identity.jwt.cookie", Kind::Text, None),
    key("identity.jwt.key", Kind::Secret, None),
    key("identity.jwt.algorithm", Kind::Choice(&["ES256", "EdDSA", "RS256", "HS256"]), Some(r#""ES256""#)),
    key("identity.jwt.audience", Kind::Text, Some(r#""""#)),
    key("identity.jwt.ttl", Kind::Duration(SECOND..=DAY), Some(r#""5m""#)),
    key("jssdk.path", Kind::Text, Some(r#""/jsconfig""#)),
    key("jssdk.hosts", Kind::List, Some("[]")),
    key("jssdk.api_list", Kind::List, Some("[]")),
    key("jssdk.open_tags", Kind::List, Some("[]")),
    key("paths.prefix", Kind::Text, Some(r#""/_wechat""#)),
    key("paths.login", Kind::Text, None),
    key("paths.callback", Kind::Text, None),
    key("paths.logout", Kind::Text, None),
    key("paths.me", Kind::Text, None),
    later("store.redis", Kind::Secret, None),
    later("store.key_prefix", Kind::Text, Some(r#""wxgate:""#)),
    key("log.format", Kind::Choice(&["text", "json"]), Some(r#""text""#)),
    key("log.level", Kind::Choice(&["error", "warn", "info", "debug"]), Some(r#""info""#)),
    key("log.access", Kind::Switch, Some("true")),
    later("telemetry.otlp", Kind::Text, None),
    key("endpoints.open", Kind::Text, Some(r#""https://open.weixin.qq.com""#)),
    key("endpoints.api", Kind::Text, Some(r#""https://api.weixin.qq.com""#)),
    key("endpoints.qyapi", Kind::Text, Some(r#""https://qyapi.weixin.qq.com""#)),
    key("endpoints.wwlogin", Kind::Text, Some(r#""https://login.work.weixin.qq.com""#)),
    key("route.*.path", Kind::Text, None),
    key("route.*.methods", Kind::List, Some("[]")),
    key("route.*.auth", Kind::Choice(&["required", "optional", "none"]), Some(r#""required""#)),
    key("route.*.scope", SCOPES, None),
    key("route.*.on_anonymous", Kind::Choice(&["redirect", "401"]), None),
    key("route.*.allow", Kind::List, None),
    key("route.*.upstream.url", Kind::Text, None),
    key("route.*.upstream.connect_timeout", Kind::Duration(WAIT), None),
    key("route.*.upstream.response_timeout", Kind::Duration(WAIT), None),
    key("route.*.upstream.idle_timeout", Kind::Duration(WAIT), None),
    key("route.*.upstream.preserve_host", Kind::Switch, None),
    key("route.*.upstream.ca_file", Kind::Text, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_refused_has_a_remedy_and_no_other_has() {
        for key in KEYS {
            assert_eq!(unbuilt(key.path).is_some(), key.support == Support::Later, "{}", key.path);
        }
    }

    #[test]
    fn no_key_is_listed_twice_or_lies_below_another() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(!is_section(key.path), "{}", key.path);
            assert!(KEYS[index + 1..].iter().all(|other| other.path != key.path), "{}", key.path);
        }
    }

    #[test]
    fn tables_of_lists_are_found_by_any_index() {
        assert_eq!(find("route.12.auth").map(|key| key.path), Some("route.*.auth"));
        assert_eq!(find("server.tls.more.3.key").map(|key| key.path), Some("server.tls.more.*.key"));
        assert!(find("server.tls.more.key").is_none());
        assert!(find("route.x.auth").is_none());
        assert!(is_section("route.3.upstream"));
        assert!(!is_section("route.3.path"));
    }

    #[test]
    fn lists_are_shown_table_by_table() {
        let mut paths =
            ["route.1.path", "admin.listen", "server.tls.more.10.cert", "route.0.auth", "server.tls.more.2.key"];
        paths.sort_by_cached_key(|path| rank(path));
        let sorted =
            ["server.tls.more.2.key", "server.tls.more.10.cert", "admin.listen", "route.0.auth", "route.1.path"];
        assert_eq!(paths, sorted);
    }
}
