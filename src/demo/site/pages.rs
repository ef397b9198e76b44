//! The pages of the sample site: templates from `assets/`, filled with escaped text.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use http::HeaderValue;
use serde_json::Value;

use super::html::Html;
use super::visitor::{Fact, Token, Told};

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/member.js");
const LAYOUT: &str = include_str!("assets/layout.html");
/// Doors a visitor would not be led to without asking: here every browser counts as WeChat's.
const WAYS: &str = r#"<p class="ways"><a class="quiet" href="{{gate}}/login?rd=/home&amp;door=website_app">电脑扫码 <small>QR code</small></a> <a class="quiet" href="{{gate}}/login?rd=/home&amp;door=wecom">企业微信 <small>WeCom</small></a></p>"#;
const LANDING: &str = include_str!("assets/landing.html");
const MEMBER: &str = include_str!("assets/member.html");
const NOTICE: &str = include_str!("assets/notice.html");
const MOUNTAINS: &str = include_str!("assets/mountains.svg");

/// What the registered claims and the gate's own mean, in Chinese and English.
const CLAIMS: [(&str, &str, &str); 14] = [
    ("iss", "签发者：本站地址", "issuer: this site's public address"),
    ("aud", "给谁用", "who it is meant for"),
    ("sub", "访客编号", "the visitor"),
    ("iat", "签发时间", "issued at"),
    ("nbf", "生效时间", "not before"),
    ("exp", "失效时间", "expires at"),
    ("jti", "令牌编号", "id of this token"),
    ("appid", "公众号", "the account"),
    ("account", "账号类型", "kind of account"),
    ("scope", "授权范围", "what was agreed to"),
    ("unionid", "跨应用编号", "across accounts"),
    ("nickname", "昵称", "nickname"),
    ("picture", "头像", "picture"),
    ("sid", "会话编号", "id of the session"),
];

/// All pages, with what is the same on each computed once.
pub(super) struct Pages {
    gate: Html,
    policy: HeaderValue,
}

impl Pages {
    pub(super) fn new(gate_prefix: &str) -> Self {
        // Style and script are inline and never hold anybody's data, so their hashes can allow them and nothing else.
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; img-src http: https: data:; \
             connect-src 'self' ws: wss:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        let policy = HeaderValue::try_from(policy).expect("a policy of plain ASCII");
        Self { gate: Html::text(gate_prefix), policy }
    }

    /// The Content-Security-Policy that fits every page.
    pub(super) fn policy(&self) -> HeaderValue {
        self.policy.clone()
    }

    /// For everybody.
    pub(super) fn landing(&self, told: &Told) -> String {
        let welcome = match told.nickname() {
            Some(nickname) => Html::text(&format!("欢迎回来，{nickname}")),
            None if told.is_signed_in() => Html::ours("欢迎回来"),
            None => Html::ours("微信进入"),
        };
        let ways = if told.is_signed_in() { Html::empty() } else { Html::fill(WAYS, &[("gate", &self.gate)]) };
        let main =
            Html::fill(LANDING, &[("mountains", &Html::ours(MOUNTAINS)), ("welcome", &welcome), ("ways", &ways)]);
        layout("山间茶事 · Shanjian Tea", &main, &Html::empty())
    }

    /// For a visitor the gate has signed in.
    pub(super) fn member(&self, told: &Told) -> String {
        let nickname = told.nickname();
        let rows = Html::join(told.facts.iter().map(fact));
        let main = Html::fill(
            MEMBER,
            &[
                ("mountains", &Html::ours(MOUNTAINS)),
                ("gate", &self.gate),
                ("picture", &picture(told, nickname.as_deref())),
                ("nickname", &nickname.as_deref().map_or_else(|| Html::ours("山间茶友"), Html::text)),
                ("who", &Html::text(told.raw("x-wechat-openid").or(told.raw("x-wechat-userid")).unwrap_or_default())),
                ("badges", &badges(told)),
                ("share", &self.share(told)),
                ("count", &Html::number(told.facts.len())),
                ("rows", &rows),
                ("token", &told.token.as_ref().map_or_else(no_token, |token| self.token(token))),
            ],
        );
        layout("我的茶席 · My table", &main, &Html::ours(SCRIPT))
    }

    /// For whoever reached a member's page without a visitor in the headers: not through the gate.
    pub(super) fn stranger(&self) -> String {
        notice(
            "这一页要经过 wxgate 才看得到",
            "This page is for visitors that wxgate has signed in. You seem to have come past the gate.",
        )
    }

    pub(super) fn missing(&self) -> String {
        notice("山里没有这条路", "There is no such page.")
    }

    /// A visitor known by openid only may be asked for name and picture: the gate steps the session up.
    fn share(&self, told: &Told) -> Html {
        if told.raw("x-wechat-nickname").is_some() || told.raw("x-wechat-userid").is_some() {
            return Html::empty();
        }
        const SHARE: &str = r#"<a class="quiet" href="{{gate}}/login?rd=/home&amp;scope=userinfo">授权昵称与头像 <small>Share name and picture</small></a>"#;
        Html::fill(SHARE, &[("gate", &self.gate)])
    }

    fn token(&self, token: &Token) -> Html {
        const PARTS: &str = include_str!("assets/token.html");
        let mut parts = token.raw.splitn(3, '.').map(Html::text);
        let (header, claims, signature) = (parts.next(), parts.next(), parts.next());
        let known = CLAIMS.iter().filter_map(|&(name, chinese, english)| {
            Some(row(&Html::text(name), &shown(token.claims.get(name)?), chinese, english))
        });
        let others = token.claims.iter().filter(|(name, _)| CLAIMS.iter().all(|(known, ..)| known != name));
        let others = others.map(|(name, value)| row(&Html::text(name), &shown(value), "", ""));
        Html::fill(
            PARTS,
            &[
                ("gate", &self.gate),
                ("header", &header.unwrap_or_default()),
                ("claims", &claims.unwrap_or_default()),
                ("signature", &signature.unwrap_or_default()),
                ("alg", &token.header.get("alg").map_or_else(Html::empty, shown)),
                ("rows", &Html::join(known.chain(others))),
            ],
        )
    }
}

fn hash(inline: &str) -> String {
    format!("sha256-{}", BASE64.encode(digest(&SHA256, inline.as_bytes()).as_ref()))
}

fn layout(title: &'static str, main: &Html, script: &Html) -> String {
    let script = match script {
        none if *none == Html::empty() => Html::empty(),
        some => Html::fill("<script>{{script}}</script>", &[("script", some)]),
    };
    let values = [("title", &Html::ours(title)), ("style", &Html::ours(STYLE)), ("main", main), ("script", &script)];
    Html::fill(LAYOUT, &values).into_string()
}

fn notice(chinese: &'static str, english: &'static str) -> String {
    let main = Html::fill(
        NOTICE,
        &[("mountains", &Html::ours(MOUNTAINS)), ("chinese", &Html::ours(chinese)), ("english", &Html::ours(english))],
    );
    layout("山间茶事 · Shanjian Tea", &main, &Html::empty())
}

/// The avatar, or the first character of the name where there is none.
fn picture(told: &Told, nickname: Option<&str>) -> Html {
    match told.raw("x-wechat-avatar") {
        Some(address) if address.starts_with("https://") || address.starts_with("http://") => Html::fill(
            r#"<img class="avatar" src="{{address}}" alt="" width="72" height="72" referrerpolicy="no-referrer">"#,
            &[("address", &Html::text(address))],
        ),
        _ => Html::fill(
            r#"<span class="avatar" aria-hidden="true">{{initial}}</span>"#,
            &[("initial", &Html::text(&nickname.and_then(|name| name.chars().next()).unwrap_or('茶').to_string()))],
        ),
    }
}

fn badges(told: &Told) -> Html {
    let scope = told.raw("x-wechat-scope").map(|scope| match scope {
        "snsapi_base" => Html::ours(r#"<span class="badge">静默授权 <small>openid only</small></span>"#),
        "snsapi_userinfo" => Html::ours(r#"<span class="badge">已授权资料 <small>profile shared</small></span>"#),
        other => Html::fill(r#"<span class="badge">{{scope}}</span>"#, &[("scope", &Html::text(other))]),
    });
    let snapshot = told
        .raw("x-wechat-snapshot")
        .map(|_| Html::ours(r#"<span class="badge warn">快照页访客 <small>snapshot visitor</small></span>"#));
    Html::join(scope.into_iter().chain(snapshot))
}

fn fact(fact: &Fact) -> Html {
    let mut value = vec![Html::fill("<code>{{raw}}</code>", &[("raw", &Html::text(&fact.raw))])];
    if let Some(decoded) = fact.decoded() {
        value.push(Html::fill(r#"<span class="decoded">→ {{decoded}}</span>"#, &[("decoded", &Html::text(&decoded))]));
    }
    row(&Html::text(&fact.name), &Html::join(value), fact.meaning.0, fact.meaning.1)
}

fn row(name: &Html, value: &Html, chinese: &'static str, english: &'static str) -> Html {
    const ROW: &str = "<tr><th scope=\"row\">{{name}}</th><td>{{value}}</td><td class=\"meaning\">{{chinese}}<small>{{english}}</small></td></tr>\n";
    Html::fill(
        ROW,
        &[("name", name), ("value", value), ("chinese", &Html::ours(chinese)), ("english", &Html::ours(english))],
    )
}

fn shown(value: &Value) -> Html {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Html::fill("<code>{{text}}</code>", &[("text", &Html::text(&text))])
}

fn no_token() -> Html {
    Html::ours(include_str!("assets/no-token.html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderName};

    const HOSTILE: &str = r#""><script>alert(1)</script><img src=x onerror='{{gate}}'"#;

    fn told(headers: &[(&'static str, &str)]) -> Told {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("ASCII")))
            .collect();
        Told::read(&headers, &HeaderName::from_static("x-wechat-jwt"))
    }

    #[test]
    fn r14_what_visitors_send_cannot_become_markup() {
        let token = serde_json::json!({ "sub": HOSTILE, HOSTILE: HOSTILE, "deep": { "a": HOSTILE } }).to_string();
        let encode = |json: &str| data_encoding::BASE64URL_NOPAD.encode(json.as_bytes());
        let header = serde_json::json!({ "alg": HOSTILE }).to_string();
        let token = format!("{}.{}.{HOSTILE}", encode(&header), encode(&token)).replace("=x", "").replace("(1)", "");
        let everywhere: Vec<_> = [
            "x-wechat-openid",
            "x-wechat-unionid",
            "x-wechat-appid",
            "x-wechat-account",
            "x-wechat-scope",
            "x-wechat-nickname",
            "x-wechat-userid",
            "x-wechat-snapshot",
            "x-wechat-session",
        ]
        .into_iter()
        .map(|name| (name, HOSTILE))
        .chain([("x-wechat-jwt", token.as_str())])
        .collect();
        let pages = Pages::new("/_wechat");
        for avatar in ["javascript:alert(1)", &format!("https://{HOSTILE}")] {
            let told = told(&[&everywhere[..], &[("x-wechat-avatar", avatar)]].concat());
            for page in [pages.member(&told), pages.landing(&told)] {
                let scripts = page.matches("<script").count();
                assert!(scripts <= 1, "{scripts} scripts");
                assert!(!page.contains("<img src=x") && !page.contains("alert(1)</script>"), "{page}");
                assert!(!page.contains(r#"src="javascript:"#));
            }
        }
    }

    #[test]
    fn a_member_sees_name_picture_and_every_header() {
        let page = Pages::new("/gate").member(&told(&[
            ("x-wechat-openid", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"),
            ("x-wechat-scope", "snsapi_userinfo"),
            ("x-wechat-nickname", "%E8%8C%B6%E5%8F%8B"),
            ("x-wechat-avatar", "https://a.example/132"),
        ]));
        for part in [
            "茶友",
            "%E8%8C%B6",
            "src=\"https://a.example/132\"",
            "o6_bmjrPTlm6_2sgVt7hMZOPfL2M",
            "X-Wechat-Avatar",
            "action=\"/gate/logout\"",
            "profile shared",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("scope=userinfo"), "nothing more to ask for");
    }

    #[test]
    fn a_silent_visitor_may_share_more() {
        let page = Pages::new("/gate").member(&told(&[("x-wechat-openid", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M")]));
        assert!(page.contains("/gate/login?rd=/home&amp;scope=userinfo") && page.contains("山间茶友"));
    }

    #[test]
    fn policy_allows_exactly_the_inline_style_and_script() {
        let pages = Pages::new("/_wechat");
        let policy = pages.policy().to_str().expect("ASCII").to_owned();
        let page = pages.member(&told(&[("x-wechat-openid", "o")]));
        for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let inline = page.split_once(open).and_then(|(_, rest)| rest.split_once(close)).expect("inline").0;
            assert!(policy.contains(&hash(inline)), "{open}");
        }
        assert!(!page.contains(" style=") && !page.contains(" onclick="), "the policy would block it");
    }
}
