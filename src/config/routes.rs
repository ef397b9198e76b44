//! Builds the routes, and refuses those that promise what cannot be kept (R4): patterns that match nothing, lists of
//! visitors on paths open to everybody.

use http::Method;

use super::problem::Fault;
use super::reader::Reader;
use super::upstream::{self, Surroundings};
use super::value::quoted;
use super::{Allow, Auth, OnAnonymous, PathPattern, Route, Upstream};
use crate::types::{OpenId, Scope, UnionId, UserId};

/// Ids of people are personal data (R28): as much of one is shown as tells it from its neighbours.
const SHOWN_ID_CHARS: usize = 6;

pub(super) fn routes(read: &mut Reader<'_>, site: Option<&Upstream>, around: &Surroundings<'_>) -> Vec<Route> {
    let mut routes: Vec<(usize, Route)> = Vec::new();
    for index in 0..read.source.count("route") {
        let name = format!("route.{index}");
        // What is no table is a problem already.
        if !read.source.has_section(&name) {
            continue;
        }
        if let Some(route) = route(read, &name, site, around) {
            warn_of_shadows(read, index, &route, &routes);
            routes.push((index, route));
        }
    }
    routes.into_iter().map(|(_, route)| route).collect()
}

fn route(read: &mut Reader<'_>, name: &str, site: Option<&Upstream>, around: &Surroundings<'_>) -> Option<Route> {
    let key = |last| format!("{name}.{last}");
    if !read.is_set(&key("path")) {
        read.missing(&key("path"), r#"Write the path it is for, such as "/static/**"."#);
    }
    let path = read.text(&key("path"), pattern);
    let methods = read.list(&key("methods"), method);
    let auth = read.choice(&key("auth"), [Auth::Required, Auth::Optional, Auth::None]);
    let scope = read.optional_choice(&key("scope"), [Scope::Base, Scope::UserInfo]);
    let on_anonymous = read.optional_choice(&key("on_anonymous"), [OnAnonymous::Redirect, OnAnonymous::Unauthorized]);
    let allow = allow(read, &key("allow"));
    let upstream = upstream::of_route(read, name, site, around);

    let mut demand = |last: &str, unkept: bool, message: &str| {
        if unkept && read.is_set(&key_of(name, last)) {
            read.refuse(&key_of(name, last), Fault::new(message, "Remove it, or write auth = \"required\"."));
        }
    };
    demand("allow", auth != Auth::Required, "cannot be kept where auth lets anybody in");
    demand("on_anonymous", auth != Auth::Required, "never happens where auth lets anybody in");
    demand("scope", auth == Auth::None, "cannot be asked for where auth is \"none\"");

    if auth == Auth::Optional && scope.is_some() {
        read.warn(
            &key("scope"),
            "is never asked for where auth is \"optional\"",
            "Remove it, or write auth = \"required\".",
        );
    }
    // Browsers send such characters encoded, and of the two readings the stricter one counts.
    if auth != Auth::Required && path.as_ref().is_some_and(|path| path.contains(|c: char| !c.is_ascii() || c == ' ')) {
        let remedy = "Put * in the place of each segment with such characters.";
        read.warn(
            &key("path"),
            "has a space or a character beyond ASCII, so a sign-in is asked for all the same",
            remedy,
        );
    }

    Some(Route { path: PathPattern(path?), methods, auth, scope, on_anonymous, allow, upstream })
}

fn key_of(route: &str, last: &str) -> String {
    format!("{route}.{last}")
}

/// Checks a pattern: `*` within a segment, `**` for whole ones, everything else literal.
pub(super) fn pattern(text: &str) -> Result<String, Fault> {
    const REMEDY: &str = r#"Write a path from its first slash on, such as "/admin/**", "/api/*/list" or "/exact"."#;
    let never = |what: &str| Fault::new(format!("can never match: {what}"), REMEDY);
    if !text.starts_with('/') {
        return Err(Fault::new("does not start with a slash", REMEDY));
    }
    if text.contains(['?', '#']) {
        return Err(never("routes see the path only, without query and fragment"));
    }
    if text.contains('\\') || text.chars().any(char::is_control) {
        return Err(never("it contains a backslash or a control character"));
    }
    if text.contains("//") {
        return Err(never("repeated slashes are taken as one"));
    }
    // `%41` would guard one spelling of `A` and leave `A` itself to the next route.
    if percent_encoded(text) {
        let remedy = "Write the character itself: a route matches all of its encodings.";
        return Err(Fault::new("contains a percent-encoding", remedy));
    }
    if text.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | ".."))) {
        return Err(never("the gate refuses paths with dot segments"));
    }
    if text.split('/').any(|segment| segment.contains("**") && segment != "**") {
        let remedy = r#"Write ** alone between slashes, as in "/static/**", or a single * within a segment."#;
        return Err(Fault::new("has ** beside other characters", remedy));
    }
    Ok(text.to_owned())
}

fn percent_encoded(text: &str) -> bool {
    let digits = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    text.split('%').skip(1).any(digits)
}

fn method(text: &str) -> Result<Method, Fault> {
    let fault = |message| Fault::new(message, r#"Write methods as "GET" and "POST"."#);
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| fault("is not a method"))?;
    // Methods are case-sensitive (RFC 9110 section 9.1), so a route for "get" would guard nothing.
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(fault("is not in capitals"));
    }
    Ok(method)
}

fn allow(read: &mut Reader<'_>, key: &str) -> Vec<Allow> {
    const REMEDY: &str =
        r#"Write openids as WeChat gives them, "unionid:" and a unionid, or "userid:" and a WeCom userid."#;
    let set = read.is_set(key);
    let before = read.source.problems.len();
    let entries = read.list(key, |text| match text.split_once(':') {
        None => OpenId::parse(text).map(Allow::OpenId).map_err(|_| Fault::new("is not an openid", REMEDY)),
        Some(("unionid", id)) => {
            UnionId::parse(id).map(Allow::UnionId).map_err(|_| Fault::new("is not a unionid", REMEDY))
        }
        Some(("userid", id)) => UserId::parse(id).map(Allow::UserId).map_err(|_| Fault::new("is not a userid", REMEDY)),
        Some(_) => Err(Fault::new("is neither an openid nor a unionid nor a userid", REMEDY)),
    });
    if set && entries.is_empty() && read.source.problems.len() == before {
        let remedy = "Name somebody, or remove the key to let in everybody who signs in.";
        read.refuse(key, Fault::new("is empty", remedy));
    }
    if entries.iter().any(|entry| matches!(entry, Allow::UserId(_))) && !read.source.has_section("wecom") {
        let message = "names members of WeCom, and there is no [wecom] for them to sign in through";
        read.warn(key, message, "Add [wecom], or name visitors by openid or unionid.");
    }
    if let Some(line) = read.effective.iter_mut().rfind(|line| line.key == key) {
        line.shown = format!("[{}]", entries.iter().map(shortened).collect::<Vec<_>>().join(", "));
    }
    entries
}

fn shortened(entry: &Allow) -> String {
    let (kind, id) = match entry {
        Allow::OpenId(id) => ("", id.as_str()),
        Allow::UnionId(id) => ("unionid:", id.as_str()),
        Allow::UserId(id) => ("userid:", id.as_str()),
    };
    quoted(&format!("{kind}{}…", id.chars().take(SHOWN_ID_CHARS).collect::<String>()))
}

/// Says when an earlier route catches everything a later one is for.
fn warn_of_shadows(read: &mut Reader<'_>, index: usize, route: &Route, earlier: &[(usize, Route)]) {
    if let Some((other, _)) = earlier.iter().find(|(_, other)| covers(other, route)) {
        read.warn(
            &format!("route.{index}.path"),
            format!("never gets its turn: route.{other} matches all of it first"),
            "Put the narrower route above the wider one.",
        );
    }
}

/// Whether every request for `narrow` is one for `wide`, as far as plain prefixes tell.
fn covers(wide: &Route, narrow: &Route) -> bool {
    let methods = wide.methods.is_empty()
        || (!narrow.methods.is_empty() && narrow.methods.iter().all(|method| takes(&wide.methods, method)));
    let (wide, narrow) = (&wide.path.0, &narrow.path.0);
    let prefix = wide.strip_suffix("**").filter(|prefix| !prefix.contains('*'));
    methods && (wide == narrow || prefix.is_some_and(|prefix| narrow.starts_with(prefix)))
}

/// `GET` includes `HEAD`.
fn takes(methods: &[Method], method: &Method) -> bool {
    methods.contains(method) || (*method == Method::HEAD && methods.contains(&Method::GET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_patterns_are_anchored_paths() {
        for good in [
            "/",
            "/**",
            "/static/**",
            "/a/*/b",
            "/*.txt",
            "/**/x",
            "/a[1]",
            "/{id}",
            "/.well-known/**",
            "/a..b",
            "/中文/**",
            "/a b",
            "/100%",
            "/%zz",
            "/%2",
            "/a;v=1",
        ] {
            assert_eq!(pattern(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn r4_patterns_that_match_nothing_are_refused() {
        for (bad, part) in [
            ("", "does not start with a slash"),
            ("admin", "does not start with a slash"),
            ("**", "does not start with a slash"),
            ("/a?b=1", "without query"),
            ("/a#b", "without query"),
            ("/a\\b", "a backslash"),
            ("/a\u{0}", "a control character"),
            ("//a", "repeated slashes"),
            ("/a//b", "repeated slashes"),
            ("/a%2Fb", "percent-encoding"),
            ("/%61dmin", "percent-encoding"),
            ("/%e4%b8%ad/**", "percent-encoding"),
            ("/../a", "dot segments"),
            ("/a/.", "dot segments"),
            ("/a/%2E%2e/b", "percent-encoding"),
            ("/a/..;x/b", "dot segments"),
            ("/a**", "beside other characters"),
            ("/a/***", "beside other characters"),
        ] {
            let fault = pattern(bad).expect_err(bad);
            assert!(fault.message.contains(part), "{bad}: {}", fault.message);
        }
    }

    #[test]
    fn wide_routes_cover_narrow_ones_below_them() {
        let route = |path: &str, methods: &[Method]| Route {
            path: PathPattern(path.to_owned()),
            methods: methods.to_vec(),
            auth: Auth::Required,
            scope: None,
            on_anonymous: None,
            allow: Vec::new(),
            upstream: None,
        };
        for (wide, narrow, covered) in [
            (route("/**", &[]), route("/", &[]), true),
            (route("/**", &[]), route("/a/**", &[Method::POST]), true),
            (route("/**", &[Method::GET]), route("/a", &[]), false),
            (route("/**", &[Method::GET]), route("/a", &[Method::HEAD]), true),
            (route("/a/**", &[]), route("/a/b", &[]), true),
            (route("/a/**", &[]), route("/a/", &[]), true),
            (route("/a/**", &[]), route("/a", &[]), false),
            (route("/a/**", &[]), route("/ab", &[]), false),
            (route("/*/x/**", &[]), route("/*/x/y", &[]), false),
            (route("/a", &[]), route("/a", &[Method::GET]), true),
        ] {
            assert_eq!(covers(&wide, &narrow), covered, "{} {}", wide.path.0, narrow.path.0);
        }
    }
}
