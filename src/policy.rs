//! Decides, from method and path alone, who may pass; then, with the visitor, who does. Pure: no clock, no network.

#[cfg(any(test, fuzzing))]
pub(crate) mod properties;

use std::borrow::Cow;
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use http::Method;

use crate::config::{Allow, Auth, OnAnonymous, PathPattern, Route};
use crate::request::{decode_path, without_parameters};
use crate::types::{Scope, Visitor};

/// The site's rules, ready to be asked.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Arc<[Rule]>,
    default_scope: Scope,
}

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    methods: Vec<Method>,
    auth: Auth,
    scope: Option<Scope>,
    on_anonymous: Option<OnAnonymous>,
    allow: Vec<Allow>,
    has_upstream: bool,
}

/// The common shapes need no glob.
#[derive(Debug)]
enum Pattern {
    Exact(Box<[u8]>),
    /// `/static/**`
    Below(Box<[u8]>),
    Glob(GlobMatcher),
}

/// What a request must bring.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    pub auth: Auth,
    pub scope: Scope,
    pub on_anonymous: Option<OnAnonymous>,
    pub upstream: Target,
    /// Each reading of the path may have a list; all must be satisfied.
    allow: [&'a [Allow]; 3],
}

/// Which upstream a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Site,
    /// The upstream of the route with this index.
    Route(usize),
}

/// A request that may pass, with whoever makes it. Only [`Access::admit`] makes one, and only what holds one goes
/// further.
#[derive(Debug)]
pub struct Admitted<V> {
    visitor: Option<V>,
    auth: Auth,
    upstream: Target,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Verdict<V> {
    Pass(Admitted<V>),
    /// Nobody, or somebody who has shown too little of themselves; who they are so far comes along.
    SignIn(SignIn<V>),
    Refuse,
}

/// A sign-in that has to come first.
#[derive(Debug)]
pub struct SignIn<V> {
    pub scope: Scope,
    pub on_anonymous: Option<OnAnonymous>,
    pub visitor: Option<V>,
}

impl Policy {
    /// `default_scope` is asked for where a route says nothing.
    ///
    /// # Errors
    /// The pattern that is no glob; configuration has refused it before.
    pub fn new(routes: &[Route], default_scope: Scope) -> Result<Self, globset::Error> {
        let rules = routes.iter().map(Rule::new).collect::<Result<_, _>>()?;
        Ok(Self { rules, default_scope })
    }

    /// The stricter of the verdicts on the raw path and on what a lenient upstream may make of it: decoded, and without
    /// the parameters that some cut off after `;`. The query never counts (R5).
    #[must_use]
    pub fn decide(&self, method: &Method, path: &str) -> Access<'_> {
        let raw = self.first_match(method, path.as_bytes());
        let decoded = decode_path(path);
        let access = match &decoded {
            Cow::Borrowed(_) => raw,
            Cow::Owned(decoded) => raw.stricter(self.first_match(method, decoded)),
        };
        match without_parameters(&decoded) {
            None => access,
            Some(bare) => access.stricter(self.first_match(method, &bare)),
        }
    }

    fn first_match(&self, method: &Method, path: &[u8]) -> Access<'_> {
        let found = self.rules.iter().enumerate().find(|(_, rule)| rule.matches(method, path));
        let Some((index, rule)) = found else {
            return Access {
                auth: Auth::Required,
                scope: self.default_scope,
                on_anonymous: None,
                upstream: Target::Site,
                allow: [&[], &[], &[]],
            };
        };
        Access {
            auth: rule.auth,
            scope: rule.scope.unwrap_or(self.default_scope),
            on_anonymous: rule.on_anonymous,
            upstream: if rule.has_upstream { Target::Route(index) } else { Target::Site },
            allow: [&rule.allow, &[], &[]],
        }
    }
}

impl Rule {
    fn new(route: &Route) -> Result<Self, globset::Error> {
        Ok(Self {
            pattern: Pattern::new(&route.path)?,
            methods: route.methods.clone(),
            auth: route.auth,
            scope: route.scope,
            on_anonymous: route.on_anonymous,
            allow: route.allow.clone(),
            has_upstream: route.upstream.is_some(),
        })
    }

    fn matches(&self, method: &Method, path: &[u8]) -> bool {
        let methods = &self.methods;
        let method_fits = methods.is_empty()
            || methods.contains(method)
            || (method == Method::HEAD && methods.contains(&Method::GET));
        method_fits && self.pattern.matches(path)
    }
}

impl Pattern {
    fn new(PathPattern(text): &PathPattern) -> Result<Self, globset::Error> {
        if !text.contains('*') {
            return Ok(Self::Exact(text.as_bytes().into()));
        }
        if let Some(prefix) = text.strip_suffix("**")
            && prefix.ends_with('/')
            && !prefix.contains('*')
        {
            return Ok(Self::Below(prefix.as_bytes().into()));
        }
        // Only `*` and `**` are special to us (R34).
        let mut escaped = String::with_capacity(text.len() + 8);
        for character in text.chars() {
            if matches!(character, '?' | '[' | ']' | '{' | '}' | '\\') {
                escaped.extend(['[', character, ']']);
            } else {
                escaped.push(character);
            }
        }
        let glob = GlobBuilder::new(&escaped).literal_separator(true).backslash_escape(false).build()?;
        Ok(Self::Glob(glob.compile_matcher()))
    }

    fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => path == exact.as_ref(),
            Self::Below(prefix) => path.starts_with(prefix),
            Self::Glob(glob) => {
                use std::os::unix::ffi::OsStrExt;
                glob.is_match(std::path::Path::new(std::ffi::OsStr::from_bytes(path)))
            }
        }
    }
}

impl<'a> Access<'a> {
    /// `required` over `optional` over `none`; every allow list holds; the wider scope is asked for. The upstream is
    /// the raw path's: that is the path it will get.
    fn stricter(self, other: Self) -> Self {
        let rank = |auth| match auth {
            Auth::Required => 2,
            Auth::Optional => 1,
            Auth::None => 0,
        };
        let (strict, _) = if rank(other.auth) > rank(self.auth) { (other, self) } else { (self, other) };
        let mut allow = self.allow;
        if let Some(free) = allow.iter_mut().find(|list| list.is_empty()) {
            *free = other.allow[0];
        }
        Self {
            auth: strict.auth,
            scope: self.scope.max(other.scope),
            on_anonymous: strict.on_anonymous,
            upstream: self.upstream,
            allow,
        }
    }

    /// The verdict on a visitor, evaluated anew for every request (R26).
    #[must_use]
    pub fn admit<V: Visitor>(&self, visitor: Option<V>) -> Verdict<V> {
        let pass = |visitor| Verdict::Pass(Admitted { visitor, auth: self.auth, upstream: self.upstream });
        match (self.auth, visitor) {
            (Auth::None, _) => pass(None),
            (Auth::Optional, visitor) => pass(visitor),
            (Auth::Required, Some(visitor)) if !self.allows(&visitor) && !self.may_yet_allow(&visitor) => {
                Verdict::Refuse
            }
            (Auth::Required, Some(visitor)) if visitor.covers(self.scope) => pass(Some(visitor)),
            (Auth::Required, visitor) => {
                Verdict::SignIn(SignIn { scope: self.scope, on_anonymous: self.on_anonymous, visitor })
            }
        }
    }

    /// Whether somebody whom the lists do not name may turn out to be one they do: a unionid shows in a wider scope.
    fn may_yet_allow(&self, visitor: &impl Visitor) -> bool {
        let unknown = visitor.unionid().is_none() && !visitor.covers(self.scope);
        unknown && self.allow.iter().flat_map(|list| list.iter()).any(|entry| matches!(entry, Allow::UnionId(_)))
    }

    fn allows(&self, visitor: &impl Visitor) -> bool {
        self.allow.iter().filter(|list| !list.is_empty()).all(|list| {
            list.iter().any(|entry| match entry {
                Allow::OpenId(id) => visitor.openid() == Some(id.as_str()),
                Allow::UnionId(id) => visitor.unionid() == Some(id.as_str()),
                Allow::UserId(id) => visitor.userid() == Some(id.as_str()),
            })
        })
    }
}

impl<V> Admitted<V> {
    #[must_use]
    pub fn visitor(&self) -> Option<&V> {
        self.visitor.as_ref()
    }

    /// Whether this is a route where nobody looks at the session.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.auth == Auth::None
    }

    #[must_use]
    pub const fn upstream(&self) -> Target {
        self.upstream
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{Account, OpenId, UnionId};

    fn route(path: &str, auth: Auth) -> Route {
        Route {
            path: PathPattern(path.into()),
            methods: vec![],
            auth,
            scope: None,
            on_anonymous: None,
            allow: vec![],
            upstream: None,
        }
    }

    fn auth_of(policy: &Policy, path: &str) -> Auth {
        policy.decide(&Method::GET, path).auth
    }

    struct Somebody(&'static str, Scope);

    impl Visitor for Somebody {
        fn account(&self) -> Account {
            Account::OfficialAccount
        }
        fn scope(&self) -> Scope {
            self.1
        }
        fn openid(&self) -> Option<&str> {
            Some(self.0)
        }
        fn unionid(&self) -> Option<&str> {
            None
        }
        fn userid(&self) -> Option<&str> {
            None
        }
    }

    #[test]
    fn r5_patterns_are_anchored_at_both_ends() {
        let policy = Policy::new(
            &[
                route("/exact", Auth::None),
                route("/static/**", Auth::None),
                route("/a/*/c", Auth::None),
                route("/x/**/z.js", Auth::None),
                route("/odd[1]?{a}*", Auth::None),
                route("/!a^$*", Auth::None),
            ],
            Scope::Base,
        )
        .unwrap();
        for path in
            ["/exact", "/static/", "/static/a/b", "/a/b/c", "/x/z.js", "/x/y/y/z.js", "/odd[1]?{a}tail", "/!a^$b"]
        {
            assert_eq!(auth_of(&policy, path), Auth::None, "{path}");
        }
        for path in [
            "/exact/",
            "/exactly",
            "/pre/exact",
            "/static",
            "/staticx/a",
            "/a/b/b/c",
            "/a//c/d",
            "/x/z.jsx",
            "/odd1",
            "/oddtail",
            "/",
        ] {
            assert_eq!(auth_of(&policy, path), Auth::Required, "{path}");
        }
    }

    #[test]
    fn r25_the_stricter_reading_of_a_path_holds() {
        let policy = Policy::new(&[route("/admin/**", Auth::Required), route("/**", Auth::None)], Scope::Base).unwrap();
        for path in
            ["/admin/x", "/%61dmin/x", "//admin/x", "/%61%64min//x", "/admin;v=1/x", "/admin%3Bv/x", "/;/admin/x"]
        {
            assert_eq!(auth_of(&policy, path), Auth::Required, "{path}");
        }
        for path in ["/public//x%20", "/public;v=1/x", "/x;/admin/x"] {
            assert_eq!(auth_of(&policy, path), Auth::None, "{path}");
        }
        let mut listed = route("/club/**", Auth::Required);
        listed.allow = vec![Allow::OpenId(OpenId::parse("oMemberMember").unwrap())];
        let policy = Policy::new(&[route("/open//club/**", Auth::Required), listed], Scope::Base).unwrap();
        let verdict = policy.decide(&Method::GET, "/%63lub/x").admit(Some(Somebody("oStrangerStranger", Scope::Base)));
        assert!(matches!(verdict, Verdict::Refuse));
    }

    #[test]
    fn get_includes_head_and_nothing_else() {
        let mut rule = route("/feed", Auth::None);
        rule.methods = vec![Method::GET];
        let policy = Policy::new(&[rule], Scope::Base).unwrap();
        for (method, auth) in [(Method::GET, Auth::None), (Method::HEAD, Auth::None), (Method::POST, Auth::Required)] {
            assert_eq!(policy.decide(&method, "/feed").auth, auth, "{method}");
        }
    }

    #[test]
    fn visitors_pass_step_up_or_are_refused() {
        let mut wide = route("/profile", Auth::Required);
        wide.scope = Some(Scope::UserInfo);
        let mut club = route("/club", Auth::Required);
        club.allow = vec![Allow::OpenId(OpenId::parse("oMemberMember").unwrap())];
        let mut union = route("/union", Auth::Required);
        union.scope = Some(Scope::UserInfo);
        union.allow = vec![Allow::UnionId(UnionId::parse("oUnionUnion").unwrap())];
        let policy =
            Policy::new(&[wide, club, union, route("/open", Auth::Optional), route("/raw", Auth::None)], Scope::Base)
                .unwrap();
        let verdict = |path: &str, visitor: Option<Somebody>| match policy.decide(&Method::GET, path).admit(visitor) {
            Verdict::Pass(admitted) => {
                if admitted.visitor().is_some() {
                    "pass as somebody"
                } else {
                    "pass as nobody"
                }
            }
            Verdict::SignIn(_) => "sign in",
            Verdict::Refuse => "refuse",
        };
        let member = |scope| Some(Somebody("oMemberMember", scope));
        for (path, visitor, expected) in [
            ("/", None, "sign in"),
            ("/", member(Scope::Base), "pass as somebody"),
            ("/profile", member(Scope::Base), "sign in"),
            ("/profile", member(Scope::UserInfo), "pass as somebody"),
            ("/club", None, "sign in"),
            ("/club", member(Scope::Base), "pass as somebody"),
            ("/club", Some(Somebody("oMemberMemberX", Scope::Base)), "refuse"),
            ("/union", member(Scope::Base), "sign in"),
            ("/union", member(Scope::UserInfo), "refuse"),
            ("/open", None, "pass as nobody"),
            ("/open", member(Scope::Base), "pass as somebody"),
            ("/raw", member(Scope::Base), "pass as nobody"),
        ] {
            assert_eq!(verdict(path, visitor), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn r15_no_path_panics_and_encoding_a_letter_never_opens_a_door(path in "/[a-c/]{0,12}", at in any::<prop::sample::Index>()) {
            let policy = Policy::new(&[route("/a/**", Auth::Required), route("/b*", Auth::Optional), route("/**", Auth::None)], Scope::Base).unwrap();
            let strictness = |path: &str| match auth_of(&policy, path) { Auth::Required => 2, Auth::Optional => 1, Auth::None => 0 };
            let at = at.index(path.len());
            if path.as_bytes()[at] != b'/' {
                let encoded = format!("{}%{:02x}{}", &path[..at], path.as_bytes()[at], &path[at + 1..]);
                prop_assert!(strictness(&encoded) >= strictness(&decode_merged(&path)), "{encoded}");
            }
        }
    }

    fn decode_merged(path: &str) -> String {
        String::from_utf8(decode_path(path).into_owned()).unwrap()
    }
}
