//! The literal URLs that begin a sign-in at WeChat.
//!
//! WeChat checks them by a strict pattern, so they are written out in its order and never built from a map.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::flow::State;
use crate::config::PublicUrl;
use crate::types::{AppId, Scope};

/// What JavaScript's `encodeURIComponent` leaves alone.
pub(super) const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The official account's authorize URL, but for scope and state.
#[derive(Debug, Clone)]
pub(super) struct Authorize {
    up_to_scope: String,
}

impl Authorize {
    /// `open` is WeChat's origin; `redirect_uri` comes from `public_url` and nothing a request says (R38).
    #[must_use]
    pub(super) fn new(open: &str, app_id: &AppId, public_url: &PublicUrl, callback: &str) -> Self {
        let redirect_uri = format!("{}{callback}", public_url.origin);
        let up_to_scope = format!(
            "{open}/connect/oauth2/authorize?appid={}&redirect_uri={}&response_type=code&scope=",
            app_id.as_str(),
            utf8_percent_encode(&redirect_uri, COMPONENT),
        );
        Self { up_to_scope }
    }

    /// The whole URL. Nothing may follow the fragment, and nothing works without it.
    #[must_use]
    pub(super) fn url(&self, scope: Scope, state: State) -> String {
        format!("{}{}&state={}#wechat_redirect", self.up_to_scope, scope.as_str(), state.to_hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(origin: &str, callback: &str, scope: Scope) -> String {
        let public_url = PublicUrl { origin: origin.into(), https: true, host: "m.example.com".into(), port: None };
        let app_id = AppId::parse("wx0123456789abcdef").expect("a valid appid");
        Authorize::new("https://open.weixin.qq.com", &app_id, &public_url, callback)
            .url(scope, State::restore([0xab; 16]))
    }

    #[test]
    fn r38_the_authorize_url_is_literal_and_from_the_public_url() {
        assert_eq!(
            url("https://m.example.com", "/_wechat/callback", Scope::Base),
            "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0123456789abcdef\
             &redirect_uri=https%3A%2F%2Fm.example.com%2F_wechat%2Fcallback&response_type=code&scope=snsapi_base\
             &state=abababababababababababababababab#wechat_redirect"
        );
        assert_eq!(
            url("http://127.0.0.1:4180", "/wx~back(1)/回", Scope::UserInfo),
            "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0123456789abcdef\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A4180%2Fwx~back(1)%2F%E5%9B%9E&response_type=code\
             &scope=snsapi_userinfo&state=abababababababababababababababab#wechat_redirect"
        );
    }
}
