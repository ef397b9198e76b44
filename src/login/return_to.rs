//! The only judge of where a visitor may be sent afterwards (R2): to this site, as a browser would understand it.

use url::Url;

use crate::config::PublicUrl;

/// A place on this site: path, query and fragment, all printable ASCII. Starts with exactly one slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(Box<str>);

impl ReturnTo {
    /// A longer place loses its fragment, or becomes `/`: five of them, sealed, have to fit into one request's cookies.
    pub const MAX_BYTES: usize = 2048;

    /// The site's front page.
    #[must_use]
    pub fn home() -> Self {
        Self("/".into())
    }

    /// The place `text` names, or `/` when that is not on this site, not plainly a place, or too long.
    ///
    /// `text` is an absolute path, or an absolute URL of exactly our own origin.
    #[must_use]
    pub fn parse(text: &str, site: &PublicUrl) -> Self {
        Self::on_site(text, site).unwrap_or_else(Self::home)
    }

    fn on_site(text: &str, site: &PublicUrl) -> Option<Self> {
        let site = Url::parse(&site.origin).ok()?;
        let url = resolve(text, &site)?;
        let ours = url.origin() == site.origin() && url.username().is_empty() && url.password().is_none();
        let whole = &url[url::Position::BeforePath..];
        let place = if whole.len() <= Self::MAX_BYTES {
            whole
        } else {
            &url[url::Position::BeforePath..url::Position::AfterQuery]
        };
        // A place that starts with two slashes would be a host to the browser that gets it without ours in front.
        let plain = place.starts_with('/') && !place.starts_with("//") && place.bytes().all(|b| b.is_ascii_graphic());
        (ours && plain && place.len() <= Self::MAX_BYTES).then(|| Self(place.into()))
    }

    /// Path, query and fragment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For the return from WeChat: always with a fragment, an empty one if need be, lest the browser carry
    /// `#wechat_redirect` over (RFC 9110 section 10.2.2).
    #[must_use]
    pub fn with_fragment(&self) -> String {
        if self.0.contains('#') { self.0.clone().into() } else { format!("{}#", self.0) }
    }
}

/// What a browser on this site makes of `text`. The WHATWG parser beneath is the browsers' own.
fn resolve(text: &str, site: &Url) -> Option<Url> {
    let seen: String = text.chars().filter(|c| !matches!(c, '\t' | '\r' | '\n')).collect();
    let seen = seen.trim_matches(|c: char| c <= ' ');
    // Without a leading slash only a whole URL will do: "evil.example" is a file name to a browser, and a host to whoever
    // wrote it.
    if seen.starts_with('/') { site.join(seen).ok() } else { Url::parse(seen).ok() }
}
