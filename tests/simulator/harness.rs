//! A running simulator and the smallest client that can see what it does, resets included.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use wxgate::simulator::{APP_ID, APP_SECRET, Account, AccountKind, Scope, Settings, Simulator};

pub const PHONE: &str =
    "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.31(0x18001f2f) NetType/WIFI Language/zh_CN";
pub const CALLBACK: &str = "http://127.0.0.1:4180/_wechat/callback";
/// An official account, bound to no Open Platform account.
pub const OFFICIAL: &str = "wx00000000000000aa";
pub const WEBSITE: &str = "wx00000000000000bb";

/// A simulator that runs until this is dropped.
pub struct Sim {
    pub address: SocketAddr,
    _running: oneshot::Sender<()>,
}

/// An answer, read to the end of the connection.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Sim {
    /// Starts with a fixed seed, the default accounts, and two that keep WeChat's rules about hosts.
    pub async fn start() -> Self {
        Self::with(Settings { seed: Some(1), ..Settings::default() }).await
    }

    pub async fn with(mut settings: Settings) -> Self {
        let more = |app_id: &str, kind| Account {
            app_id: app_id.to_owned(),
            kind,
            redirect_hosts: vec!["m.example.com".to_owned()],
            open_platform: None,
            ..Account::default()
        };
        settings.accounts.push(more(OFFICIAL, AccountKind::OfficialAccount));
        let scopes = vec![Scope::Login];
        settings.accounts.push(Account { scopes, ..more(WEBSITE, AccountKind::WebsiteApp) });
        let simulator = Simulator::bind("127.0.0.1:0".parse().unwrap(), settings).await.unwrap();
        let address = simulator.address();
        let (running, stopped) = oneshot::channel::<()>();
        tokio::spawn(simulator.run(async {
            let _ = stopped.await;
        }));
        Self { address, _running: running }
    }

    /// One request over a connection of its own.
    pub async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(&[head.as_bytes(), body].concat()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.ok_or_else(|| std::io::Error::other("the connection ended before the head did"))?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other("no status"))?;
        Ok(Answer { status, head, body: answer[end + 4..].to_vec() })
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[("user-agent", PHONE)], b"").await.unwrap()
    }

    /// Follows a link with these further headers, from inside WeChat.
    pub async fn visit(&self, query: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("user-agent", PHONE)], headers].concat();
        self.ask("GET", &format!("/connect/oauth2/authorize?{query}"), &headers, b"").await.unwrap()
    }

    /// Submits one of the pages' forms.
    pub async fn submit(&self, fields: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [("user-agent", PHONE), ("content-type", "application/x-www-form-urlencoded")];
        self.ask("POST", "/connect/oauth2/pick", &headers, form.as_bytes()).await.unwrap()
    }

    /// A control request that must succeed.
    pub async fn control(&self, name: &str, body: &Value) -> Value {
        let answer = self.ask("POST", &format!("/__sim/{name}"), &[], body.to_string().as_bytes()).await.unwrap();
        assert_eq!(answer.status, 200, "{name} {body}: {}", answer.text());
        answer.json()
    }

    pub async fn events(&self, kind: &str) -> Vec<Value> {
        let Value::Array(events) = self.get(&format!("/__sim/events?kind={kind}")).await.json() else {
            panic!("the log is an array")
        };
        events
    }

    /// Waits for the first event of a kind.
    pub async fn event(&self, kind: &str) -> Value {
        loop {
            if let Some(event) = self.events(kind).await.into_iter().next() {
                return event;
            }
            tokio::task::yield_now().await;
        }
    }

    /// An account as the control side tells it.
    pub async fn account(&self, app_id: &str) -> Value {
        let accounts = self.get("/__sim/accounts").await.json();
        let found = accounts.as_array().unwrap().iter().find(|account| account["app_id"] == app_id);
        found.unwrap_or_else(|| panic!("no {app_id} in {accounts}")).clone()
    }

    /// Adds seconds to the simulated time.
    pub async fn advance(&self, seconds: u64) {
        self.control("clock", &json!({"advance": seconds})).await;
    }

    /// A fresh code of the default account.
    pub async fn code(&self, user: &str, scope: &str) -> String {
        let back = self.visit(&link(APP_ID, CALLBACK, scope, "state1"), &[("x-sim-user", user)]).await;
        parameter(back.location(), "code").unwrap_or_else(|| panic!("no code: {back:?}"))
    }

    /// Spends a code of the default account.
    pub async fn exchange(&self, code: &str) -> Value {
        self.get(&exchange_target(code)).await.json()
    }

    /// A token of the default account, as the exchange answered.
    pub async fn token(&self, user: &str, scope: &str) -> Value {
        let code = self.code(user, scope).await;
        self.exchange(&code).await
    }

    pub async fn userinfo(&self, token: &Value) -> Answer {
        let (access_token, openid) = (text(token, "access_token"), text(token, "openid"));
        self.get(&format!("/sns/userinfo?access_token={access_token}&openid={openid}&lang=zh_CN")).await
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Where a 302 leads.
    pub fn location(&self) -> &str {
        assert_eq!(self.status, 302, "{}", self.text());
        self.header("location").unwrap()
    }

    /// Whether this is a page with this text: HTTP 200, whatever it says.
    pub fn shows(&self, text: &str) -> bool {
        let html = self.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        self.status == 200 && html && self.text().contains(text)
    }

    pub fn errcode(&self) -> i64 {
        self.json()["errcode"].as_i64().unwrap_or_else(|| panic!("no errcode: {}", self.text()))
    }
}

/// An authorize query that has been through the hop.
pub fn link(app_id: &str, redirect_uri: &str, scope: &str, state: &str) -> String {
    format!("{}&connect_redirect=1", bare_link(app_id, redirect_uri, scope, state))
}

/// An authorize query as a site writes it.
pub fn bare_link(app_id: &str, redirect_uri: &str, scope: &str, state: &str) -> String {
    let redirect_uri: String = form_urlencoded::byte_serialize(redirect_uri.as_bytes()).collect();
    format!("appid={app_id}&redirect_uri={redirect_uri}&response_type=code&scope={scope}&state={state}")
}

pub fn exchange_target(code: &str) -> String {
    format!("/sns/oauth2/access_token?appid={APP_ID}&secret={APP_SECRET}&code={code}&grant_type=authorization_code")
}

/// A parameter of an address, decoded.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let query = address.split_once('?')?.1.split('#').next()?;
    form_urlencoded::parse(query.as_bytes()).find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

pub fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}
