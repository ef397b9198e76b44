//! The literal URLs that begin a sign-in at WeChat.
//!
//! WeChat checks them by a strict pattern, so they are written out in its order and never built from a map.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Accounts;
use super::door::Door;
use super::flow::State;
use crate::config;
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

/// Nothing may follow it, and nothing at open.weixin.qq.com works without it.
const FRAGMENT: &str = "#wechat_redirect";

/// The ways out to WeChat that this site has, each but for what differs from sign-in to sign-in.
#[derive(Debug, Clone)]
pub(super) struct Links {
    official_account: Option<Link>,
    website_app: Option<Link>,
    wecom_webview: Option<Link>,
    wecom_desktop: Option<Link>,
}

/// Everything before the scope, or before the state where no scope is named; and everything after the state.
#[derive(Debug, Clone)]
struct Link {
    head: String,
    names_scope: bool,
    tail: String,
}

impl Links {
    /// Hosts come from `endpoints`; `redirect_uri` from `public_url`, and nothing a request says (R38).
    pub(super) fn new(
        public_url: &config::PublicUrl,
        paths: &config::Paths,
        accounts: Accounts<'_>,
        endpoints: &config::Endpoints,
    ) -> Self {
        let Accounts { official_account, website_app, wecom } = accounts;
        let back = format!("{}{}", public_url.origin, paths.callback);
        let back = utf8_percent_encode(&back, COMPONENT);
        let open = &endpoints.open;
        let in_app = |id: &AppId, tail: String| Link {
            head: format!(
                "{open}/connect/oauth2/authorize?appid={}&redirect_uri={back}&response_type=code&scope=",
                id.as_str()
            ),
            names_scope: true,
            tail,
        };
        let by_qr_code = |app: &config::WebsiteApp| Link {
            head: format!(
                "{open}/connect/qrconnect?appid={}&redirect_uri={back}&response_type=code&scope=",
                app.app_id.as_str()
            ),
            names_scope: true,
            tail: FRAGMENT.to_owned(),
        };
        let by_wecoms_code = |wecom: &config::WeCom| Link {
            head: format!(
                "{}/wwlogin/sso/login?login_type=CorpApp&appid={}&agentid={}&redirect_uri={back}",
                endpoints.wwlogin,
                wecom.corp_id.as_str(),
                wecom.agent_id.as_str()
            ),
            names_scope: false,
            tail: "&lang=zh".to_owned(),
        };
        let in_wecom =
            |wecom: &config::WeCom| in_app(&wecom.corp_id, format!("&agentid={}{FRAGMENT}", wecom.agent_id.as_str()));
        Self {
            official_account: official_account.map(|account| in_app(&account.app_id, FRAGMENT.to_owned())),
            website_app: website_app.map(by_qr_code),
            wecom_webview: wecom.map(in_wecom),
            wecom_desktop: wecom.map(by_wecoms_code),
        }
    }

    /// The whole URL; `None` for a door that leads to no account of ours.
    pub(super) fn url(&self, door: &Door, scope: Scope, state: State) -> Option<String> {
        let link = match door {
            Door::OfficialAccount => &self.official_account,
            Door::WebsiteApp => &self.website_app,
            Door::WeComWebview => &self.wecom_webview,
            Door::WeComDesktop => &self.wecom_desktop,
            Door::Handoff | Door::Choose(_) | Door::None(..) => &None,
        };
        link.as_ref().map(|link| link.url(scope, state))
    }
}

impl Link {
    fn url(&self, scope: Scope, state: State) -> String {
        let Self { head, names_scope, tail } = self;
        let scope = if *names_scope { scope.as_str() } else { "" };
        format!("{head}{scope}&state={}{tail}", state.to_hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Paths, PublicUrl};
    use crate::secret::Secret;
    use crate::types::AgentId;

    fn url(door: &Door, origin: &str, callback: &str, scope: Scope) -> Option<String> {
        let public_url = PublicUrl { origin: origin.into(), https: true, host: "m.example.com".into(), port: None };
        let app_id = |text| AppId::parse(text).expect("a valid appid");
        let paths = Paths {
            prefix: "/_wechat".into(),
            login: "/login".into(),
            callback: callback.into(),
            logout: "/logout".into(),
            me: "/me".into(),
        };
        let secret = || Secret::new("planted".to_owned());
        let official = config::OfficialAccount {
            app_id: app_id("wx0123456789abcdef"),
            app_secret: secret(),
            scope: Scope::Base,
            snapshot: config::SnapshotPolicy::Page,
            token: config::TokenSource::Stable,
        };
        let website = config::WebsiteApp { app_id: app_id("wxfedcba9876543210"), app_secret: secret() };
        let wecom = config::WeCom {
            corp_id: app_id("ww0123456789abcdef"),
            agent_id: AgentId::parse("1000002").expect("a valid agentid"),
            secret: secret(),
            scope: Scope::Base,
        };
        let endpoints = config::Endpoints {
            open: "https://open.weixin.qq.com".into(),
            api: String::new(),
            qyapi: String::new(),
            wwlogin: "https://login.work.weixin.qq.com".into(),
        };
        let accounts = Accounts { official_account: Some(&official), website_app: Some(&website), wecom: Some(&wecom) };
        Links::new(&public_url, &paths, accounts, &endpoints).url(door, scope, State::restore([0xab; 16]))
    }

    #[test]
    fn r38_the_urls_are_literal_and_from_the_public_url() {
        for (door, scope, expected) in [
            (
                Door::OfficialAccount,
                Scope::Base,
                "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0123456789abcdef\
                 &redirect_uri=https%3A%2F%2Fm.example.com%2F_wechat%2Fcallback&response_type=code&scope=snsapi_base\
                 &state=abababababababababababababababab#wechat_redirect",
            ),
            (
                Door::WebsiteApp,
                Scope::Login,
                "https://open.weixin.qq.com/connect/qrconnect?appid=wxfedcba9876543210\
                 &redirect_uri=https%3A%2F%2Fm.example.com%2F_wechat%2Fcallback&response_type=code&scope=snsapi_login\
                 &state=abababababababababababababababab#wechat_redirect",
            ),
            (
                Door::WeComWebview,
                Scope::PrivateInfo,
                "https://open.weixin.qq.com/connect/oauth2/authorize?appid=ww0123456789abcdef\
                 &redirect_uri=https%3A%2F%2Fm.example.com%2F_wechat%2Fcallback&response_type=code\
                 &scope=snsapi_privateinfo&state=abababababababababababababababab&agentid=1000002#wechat_redirect",
            ),
            (
                Door::WeComDesktop,
                Scope::Base,
                "https://login.work.weixin.qq.com/wwlogin/sso/login?login_type=CorpApp&appid=ww0123456789abcdef\
                 &agentid=1000002&redirect_uri=https%3A%2F%2Fm.example.com%2F_wechat%2Fcallback\
                 &state=abababababababababababababababab&lang=zh",
            ),
        ] {
            let made = url(&door, "https://m.example.com", "/_wechat/callback", scope);
            assert_eq!(made.as_deref(), Some(expected), "{door:?}");
        }
        assert_eq!(
            url(&Door::OfficialAccount, "http://127.0.0.1:4180", "/wx~back(1)/回", Scope::UserInfo).as_deref(),
            Some(
                "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0123456789abcdef\
                 &redirect_uri=http%3A%2F%2F127.0.0.1%3A4180%2Fwx~back(1)%2F%E5%9B%9E&response_type=code\
                 &scope=snsapi_userinfo&state=abababababababababababababababab#wechat_redirect"
            )
        );
        assert_eq!(url(&Door::Handoff, "https://m.example.com", "/_wechat/callback", Scope::Base), None);
    }
}
