//! The gate's own answers: a page for whoever looks at one, a problem document for everyone else.
//!
//! Pages come from auto-escaping templates; no script holds request data (R14), no header holds any unencoded (R21).

mod entrance;
mod guard;
mod icon;
mod problem;
mod qr;
mod text;
mod view;

use bytes::Bytes;
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

pub use self::entrance::{Confirm, Settled, Waiting, Way};
use self::guard::Nonce;
use self::text::Tongue;
use self::view::View;
use super::fault::{Fault, Reason};
use crate::config;
use crate::request::Asker;
use crate::types::Scope;

const X_WECHAT_LOGIN_URL: HeaderName = HeaderName::from_static("x-wechat-login-url");

/// What a return target keeps as it is inside a query: the unreserved characters and the slash.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

const TEMPLATES: [(&str, &str); 17] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("advice.html", include_str!("templates/advice.html")),
    ("small.html", include_str!("templates/small.html")),
    ("fault.html", include_str!("templates/fault.html")),
    ("qr.html", include_str!("templates/qr.html")),
    ("snapshot.html", include_str!("templates/snapshot.html")),
    ("outside.html", include_str!("templates/outside.html")),
    ("logout.html", include_str!("templates/logout.html")),
    ("fragment.html", include_str!("templates/fragment.html")),
    ("choose.html", include_str!("templates/choose.html")),
    ("waiting.html", include_str!("templates/waiting.html")),
    ("confirm.html", include_str!("templates/confirm.html")),
    ("notice.html", include_str!("templates/notice.html")),
    ("style.css", include_str!("templates/style.css")),
    ("copy.js", include_str!("templates/copy.js")),
    ("waiting.js", include_str!("templates/waiting.js")),
    ("fragment.js", include_str!("templates/fragment.js")),
];

/// Makes the gate's own answers. Built once; the templates are parsed then.
#[derive(Debug)]
pub struct Pages {
    templates: Environment<'static>,
    origin: Box<str>,
    site: Box<str>,
    /// Path of the picture beside it, where there is one.
    logo: Option<Box<str>>,
    /// Path of the endpoint, ready for a URL.
    login: Box<str>,
    logout: Box<str>,
    language: config::Language,
}

impl Pages {
    /// Parses the templates.
    #[must_use]
    pub fn new(
        public_url: &config::PublicUrl,
        paths: &config::Paths,
        pages: &config::Pages,
        language: config::Language,
    ) -> Self {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|_| AutoEscape::Html);
        for (name, source) in TEMPLATES {
            templates.add_template(name, source).expect("our own templates parse: they never change at run time");
        }
        Self {
            templates,
            origin: public_url.origin.as_str().into(),
            site: pages.site_name.as_deref().unwrap_or(&public_url.host).into(),
            logo: pages.logo.as_ref().map(|_| format!("{}/logo", paths.prefix).into()),
            login: utf8_percent_encode(&paths.login, CONTROLS).to_string().into(),
            logout: utf8_percent_encode(&paths.logout, CONTROLS).to_string().into(),
            language,
        }
    }

    /// The answer to a request that went wrong. Logs the fault's cause.
    #[must_use]
    pub fn answer(&self, fault: &Fault, asker: &Asker) -> Response<Bytes> {
        fault.log(&asker.id);
        let reason = fault.reason();
        let login_url = match reason {
            Reason::LoginRequired { target, scope } => Some(self.origin.to_string() + &self.login_link(target, *scope)),
            _ => None,
        };
        let mut response = if asker.wants_page {
            self.render(&View::of_fault(reason, self.tongue(asker), self), asker)
        } else {
            let document = problem::document(reason, &asker.id, login_url.as_deref());
            guard::problem(reason.status(), document, &asker.id)
        };
        let headers = response.headers_mut();
        if let Some(url) = login_url {
            let url = HeaderValue::try_from(url).expect("an origin and a percent-encoded path make a header value");
            headers.insert(X_WECHAT_LOGIN_URL, url);
        }
        if let Some(seconds) = reason.retry_after_seconds() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        for cookie in fault.cookies() {
            headers.append(SET_COOKIE, cookie.clone());
        }
        response
    }

    /// The page of `GET P/logout`: a form that signs out, then goes to `rd`, a judged path of this site.
    #[must_use]
    pub fn confirm_logout(&self, rd: &str, asker: &Asker) -> Response<Bytes> {
        self.render(&View::of_logout(rd, self.tongue(asker), self), asker)
    }

    /// The page that goes on to sign in with the fragment of its own address, which no request carries. `target` is a
    /// judged path of this site.
    #[must_use]
    pub fn keep_fragment(&self, target: &str, scope: Option<Scope>, asker: &Asker) -> Response<Bytes> {
        self.render(&View::of_fragment(target, scope, self.tongue(asker), self), asker)
    }

    /// Several ways in: the visitor picks one, and comes back to `target`, a judged path of this site.
    #[must_use]
    pub fn choose(&self, ways: &[Way], target: &str, scope: Option<Scope>, asker: &Asker) -> Response<Bytes> {
        self.render(&View::of_choice(ways, &self.login_link(target, scope), self.tongue(asker)), asker)
    }

    /// The desktop's page while a phone decides.
    #[must_use]
    pub fn waiting(&self, waiting: &Waiting<'_>, asker: &Asker) -> Response<Bytes> {
        self.render(&View::of_waiting(waiting, self.tongue(asker), self), asker)
    }

    /// The phone's page that asks whether a desktop may come in.
    #[must_use]
    pub fn confirm(&self, confirm: &Confirm<'_>, asker: &Asker) -> Response<Bytes> {
        self.render(&View::of_confirm(confirm, self.tongue(asker), self), asker)
    }

    /// The phone's page when that has been answered.
    #[must_use]
    pub fn settled(&self, settled: Settled, asker: &Asker) -> Response<Bytes> {
        self.render(&View::of_settled(settled, self.tongue(asker)), asker)
    }

    /// What the site is called.
    fn name(&self) -> &str {
        &self.site
    }

    fn tongue(&self, asker: &Asker) -> Tongue {
        Tongue::of(self.language, asker)
    }

    /// `P/login?rd=…`, on this site; with the scope that a visitor still lacks.
    fn login_link(&self, target: &str, scope: Option<Scope>) -> String {
        let wider = if scope == Some(Scope::UserInfo) { "&scope=userinfo" } else { "" };
        format!("{}?rd={}{wider}", self.login, utf8_percent_encode(target, QUERY))
    }

    /// The whole address of a path of this site. Never leaves the site, whatever the target is: what follows the
    /// origin starts with a slash.
    fn address(&self, target: &str) -> String {
        format!("{}{}", self.origin, if target.starts_with('/') { target } else { "/" })
    }

    fn render(&self, view: &View, asker: &Asker) -> Response<Bytes> {
        let nonce = Nonce::fresh();
        let page = self
            .templates
            .get_template(view.template)
            .and_then(|template| {
                template.render(context! {
                    nonce => nonce.as_str(),
                    site => &*self.site,
                    logo => self.logo.as_deref(),
                    request_id => asker.id.to_string(),
                    ..view.context.clone()
                })
            })
            .expect("every template is there and is given all it names");
        guard::page(view.status, page, &nonce, view.needs, self.logo.is_some(), &asker.id)
    }
}

#[cfg(test)]
mod tests;
