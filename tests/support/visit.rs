//! The steps of a sign-in, one at a time, and what the site was told at its end.

use http::Method;
use serde_json::Value;
use url::Url;

use super::{Answer, Browser, WECHAT, World};

/// The session cookie's name where `public_url` is http.
pub const SESSION: &str = "wxgate";
/// How the names of flow cookies begin there.
pub const FLOW: &str = "wxgate-flow-";

impl World {
    /// Where the gate listens, as `Host` has it.
    pub fn host(&self) -> String {
        self.gate.to_string()
    }

    /// A WeChat browser whose owner is this user of the simulator's.
    pub fn visitor(&self, user: &str) -> Browser {
        let mut browser = self.browser(WECHAT);
        browser.headers.insert("x-sim-user", user.parse().expect("a name"));
        browser
    }

    /// A browser in which this user has just signed in.
    pub async fn signed_in(&self, user: &str) -> Browser {
        let mut browser = self.visitor(user);
        self.sign_in(&mut browser, "/").await;
        browser
    }

    /// Goes to a path, through WeChat, and back; the answer is the site's.
    pub async fn sign_in(&self, browser: &mut Browser, path: &str) -> Answer {
        let callback = self.callback_of(browser, path).await;
        let back = browser.get(&callback).await;
        assert_eq!(back.status, 303, "{}", back.text());
        let target = back.location().expect("a 303 has a location");
        let answer = browser.get(&self.here(&target)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    /// The first half of a sign-in: the gate sends the browser to WeChat.
    pub async fn begin(&self, browser: &mut Browser, path: &str) -> Url {
        let answer = browser.get(&self.url(path)).await;
        assert_eq!(answer.status, 302, "{path}: {}", answer.text());
        self.authorize_url(&answer)
    }

    /// WeChat's own half: the visitor says yes, and is sent back with a code.
    pub async fn consent(&self, browser: &mut Browser, authorize: &Url) -> String {
        let mut answer = browser.get(authorize.as_str()).await;
        for _ in 0..4 {
            let next =
                answer.location().unwrap_or_else(|| panic!("WeChat did not send anybody back: {}", answer.text()));
            if next.path() != authorize.path() {
                return self.here(&next);
            }
            answer = browser.get(next.as_str()).await;
        }
        panic!("WeChat goes round in circles");
    }

    /// Both halves: the callback's address, not yet asked for.
    pub async fn callback_of(&self, browser: &mut Browser, path: &str) -> String {
        let authorize = self.begin(browser, path).await;
        self.consent(browser, &authorize).await
    }

    /// The authorize link an answer leads to.
    pub fn authorize_url(&self, answer: &Answer) -> Url {
        let location = answer.location().unwrap_or_else(|| panic!("{}: no location", answer.status));
        assert!(self.is_wechat(&location), "{location} is not WeChat's");
        location
    }

    /// Whether an address is the authorize link of this world's WeChat.
    pub fn is_wechat(&self, url: &Url) -> bool {
        let ways = ["/connect/oauth2/authorize", "/connect/qrconnect", "/wwlogin/sso/login"];
        url.authority() == self.simulator.to_string() && ways.contains(&url.path())
    }

    /// The gate's address of a page of the site, whatever `public_url` calls it.
    pub fn here(&self, page: &Url) -> String {
        self.url(&page[url::Position::BeforePath..url::Position::AfterQuery])
    }

    /// What happened at the simulator of one kind.
    pub async fn events_of(&self, kind: &str) -> Vec<Value> {
        self.wechat_events().await.into_iter().filter(|event| event["kind"] == kind).collect()
    }

    /// How many codes were brought to WeChat.
    pub async fn exchanges(&self) -> usize {
        self.events_of("exchange").await.len()
    }

    /// Lets this go wrong at WeChat from now on.
    pub async fn fault(&self, fault: &str) {
        self.tell_wechat("faults", fault).await;
    }

    /// A user of the simulator's as it tells about them: openids, nickname bytes.
    pub async fn person(&self, user: &str) -> Value {
        let answer = Browser::new("test").get(&format!("http://{}/__sim/users", self.simulator)).await;
        let users = answer.json();
        let found = users.as_array().expect("a list of users").iter().find(|person| person["id"] == user);
        found.unwrap_or_else(|| panic!("no user {user}")).clone()
    }

    /// A user's openid at the account of the tests.
    pub async fn openid(&self, user: &str) -> String {
        self.person(user).await["openids"][wxgate::simulator::APP_ID].as_str().expect("an openid").to_owned()
    }

    /// Moves the gate's time and WeChat's.
    pub async fn pass_time(&self, time: std::time::Duration) {
        self.clock.advance(time);
        self.tell_wechat("clock", &format!(r#"{{"advance":{}}}"#, time.as_secs())).await;
    }

    /// The cookies a browser keeps for the gate.
    pub fn jar<'b>(&self, browser: &'b mut Browser) -> &'b mut std::collections::BTreeMap<String, String> {
        browser.cookies.entry(self.host()).or_default()
    }

    /// The session cookie's value, if there is one.
    pub fn session_of(&self, browser: &mut Browser) -> Option<String> {
        self.jar(browser).get(SESSION).cloned()
    }

    /// How many sign-ins a browser has under way, by its cookies.
    pub fn flows_of(&self, browser: &mut Browser) -> Vec<String> {
        self.jar(browser).keys().filter(|name| name.starts_with(FLOW)).cloned().collect()
    }

    /// Signs out, as the confirming page does.
    pub async fn sign_out(&self, browser: &mut Browser) -> Answer {
        let origin = format!("http://{}", self.gate);
        let form = [("origin", &*origin), ("content-type", "application/x-www-form-urlencoded")];
        browser.send(Method::POST, &self.url("/_wechat/logout"), &form, "rd=%2Fbye".into()).await
    }
}

impl Answer {
    /// The one value of a header that the site received, when it received one.
    pub fn told(&self, name: &str) -> Option<String> {
        assert_eq!(self.status, 200, "{}: {}", self.url, self.text());
        let json = self.json();
        let pairs = json["headers"].as_array().expect("the site tells its headers");
        let mut values = pairs.iter().filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().expect("text"));
        let first = values.next().map(str::to_owned);
        assert!(values.next().is_none(), "{name} came twice: {pairs:?}");
        first
    }

    /// Names of all headers the site received that speak of WeChat.
    pub fn told_names(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}: {}", self.url, self.text());
        let json = self.json();
        let pairs = json["headers"].as_array().expect("the site tells its headers");
        let names = pairs.iter().map(|pair| pair[0].as_str().expect("text").to_owned());
        names.filter(|name| name.contains("wechat")).collect()
    }

    /// A page's text with its character references read, for what it shows and where it leads.
    pub fn shown(&self) -> String {
        [
            ("&#x2f;", "/"),
            ("&#x3d;", "="),
            ("&#x27;", "'"),
            ("&quot;", "\""),
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&amp;", "&"),
        ]
        .into_iter()
        .fold(self.text(), |text, (reference, character)| text.replace(reference, character))
    }

    /// The `Set-Cookie` lines.
    pub fn set_cookies(&self) -> Vec<cookie::Cookie<'static>> {
        self.cookie_lines().into_iter().map(|line| cookie::Cookie::parse(line).expect("a cookie")).collect()
    }

    /// The `Set-Cookie` lines as they stand.
    pub fn cookie_lines(&self) -> Vec<String> {
        let lines = self.headers.get_all(http::header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().expect("cookies are text").to_owned()).collect()
    }

    /// Whether it gives the browser a session.
    pub fn gives_a_session(&self) -> bool {
        self.set_cookies().iter().any(|cookie| cookie.name().ends_with(SESSION) && !cookie.value().is_empty())
    }

    /// Whether it is a page of the gate's own, with this slug in its small print.
    #[track_caller]
    pub fn assert_page(&self, status: u16, slug: &str) {
        let text = self.text();
        assert_eq!(self.status, status, "{}: {text}", self.url);
        assert!(self.content_type().starts_with("text/html"), "{}: {}", self.url, self.content_type());
        assert!(text.contains(&format!("<span>{status} {slug}</span>")), "{}: no {slug} in {text}", self.url);
        assert!(self.headers.contains_key("x-request-id"), "{}", self.url);
        assert_eq!(self.header("cache-control"), Some("no-store"), "{}", self.url);
        assert!(self.location().is_none(), "{}", self.url);
    }
}

/// A good configuration that is only read, never run. More sections may follow.
pub const CONFIG: &str = "public_url = 'https://m.example.com'\nupstream = 'http://127.0.0.1:9'\n[official_account]\n\
    app_id = 'wx0123456789abcdef'\napp_secret = '0123456789abcdef0123456789abcdef'\n[session]\n\
    secret = 'a session secret for tests, 32 bytes at least'\n";

/// A configuration with these lines added to a section it has already.
pub fn within(text: &str, section: &str, lines: &str) -> String {
    let header = format!("[{section}]\n");
    assert!(text.contains(&header), "no section {section}");
    text.replacen(&header, &format!("{header}{lines}\n"), 1)
}

/// A configuration whose first line, `public_url`, is another.
pub fn at_public_url(text: &str, public_url: &str) -> String {
    let (_, rest) = text.split_once('\n').expect("more than one line");
    format!("public_url = '{public_url}'\n{rest}")
}

/// What JavaScript's `encodeURIComponent` makes of a text.
pub fn component(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
