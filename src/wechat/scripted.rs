//! A WeChat on a loopback socket that answers as a test tells it to, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::config::{Endpoints, OfficialAccount, SnapshotPolicy, TokenSource, WeCom, WebsiteApp};
use crate::secret::Secret;
use crate::types::{AgentId, AppId, Scope};

pub(crate) const OPENID: &str = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M";
pub(crate) const APP_ID: &str = "wx0123456789abcdef";
pub(crate) const WEBSITE_APP_ID: &str = "wxfedcba9876543210";
pub(crate) const CORP_ID: &str = "ww0123456789abcdef";
pub(crate) const APP_SECRET: &str = "secret0123456789secret0123456789";

/// What to do with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Body(Vec<u8>),
    /// The body, once a permit is there to be taken.
    Held(Arc<Semaphore>, Vec<u8>),
    /// The connection is cut after the request was read.
    Reset,
    /// Nothing, for ever.
    Silence,
}

type Script = dyn Fn(&str) -> Reply + Send + Sync;

/// The server. Ends with its runtime.
pub(crate) struct Scripted {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Arc<Script>>>,
}

impl Reply {
    pub(crate) fn json(text: &str) -> Self {
        Self::Body(text.into())
    }

    pub(crate) fn errcode(errcode: i64) -> Self {
        Self::Body(format!(r#"{{"errcode":{errcode},"errmsg":"hints: [ req_id: rA.h ]"}}"#).into())
    }

    /// The documented answer to a code or refresh token.
    pub(crate) fn token(scope: &str) -> Self {
        Self::Body(token(OPENID, scope).into())
    }

    /// The documented answer to a question for the profile.
    pub(crate) fn profile(nickname: &str) -> Self {
        Self::Body(
            format!(
                r#"{{"openid":"{OPENID}","nickname":"{nickname}","sex":0,"headimgurl":"https:\/\/thirdwx.qlogo.cn\/x\/132","privilege":[]}}"#
            )
            .into(),
        )
    }
}

/// A token's JSON. The tokens are told apart from everything a page or log may show.
pub(crate) fn token(openid: &str, scope: &str) -> String {
    format!(
        r#"{{"access_token":"ACCESS-TOKEN-1","expires_in":7200,"refresh_token":"REFRESH-TOKEN-1","openid":"{openid}","scope":"{scope}"}}"#
    )
}

impl Scripted {
    /// Listens, and answers each request target by the script.
    pub(crate) async fn begin(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let scripted = Self {
            address: listener.local_addr().expect("a bound socket"),
            asked: Arc::default(),
            script: Arc::new(Mutex::new(Arc::new(script))),
        };
        let (asked, script) = (Arc::clone(&scripted.asked), Arc::clone(&scripted.script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&asked), Arc::clone(&script)));
            }
        });
        scripted
    }

    /// From now on, another script.
    pub(crate) fn now(&self, script: impl Fn(&str) -> Reply + Send + Sync + 'static) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
    }

    /// The targets of all requests for `path`, in order. A body stands where a query would.
    pub(crate) fn asked(&self, path: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|target| target.starts_with(&format!("{path}?"))).cloned().collect()
    }

    pub(crate) fn endpoints(&self) -> Endpoints {
        let here = format!("http://{}", self.address);
        Endpoints { api: here.clone(), qyapi: here, ..nowhere() }
    }
}

/// WeChat's own addresses for browsers, and none for the gate.
pub(crate) fn nowhere() -> Endpoints {
    Endpoints {
        open: "https://open.weixin.qq.com".into(),
        api: String::new(),
        qyapi: String::new(),
        wwlogin: "https://login.work.weixin.qq.com".into(),
    }
}

pub(crate) fn website_app() -> WebsiteApp {
    WebsiteApp {
        app_id: AppId::parse(WEBSITE_APP_ID).expect("a valid appid"),
        app_secret: Secret::new(APP_SECRET.into()),
    }
}

pub(crate) fn corporation() -> WeCom {
    WeCom {
        corp_id: AppId::parse(CORP_ID).expect("a valid id"),
        agent_id: AgentId::parse("1000002").expect("a valid id"),
        secret: Secret::new(APP_SECRET.into()),
        scope: Scope::Base,
    }
}

pub(crate) fn account() -> OfficialAccount {
    OfficialAccount {
        app_id: AppId::parse(APP_ID).expect("a valid appid"),
        app_secret: Secret::new(APP_SECRET.into()),
        scope: Scope::Base,
        snapshot: SnapshotPolicy::Page,
        token: TokenSource::Stable,
    }
}

async fn serve(mut stream: TcpStream, asked: Arc<Mutex<Vec<String>>>, script: Arc<Mutex<Arc<Script>>>) {
    while let Some(target) = read_target(&mut stream).await {
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(target.clone());
        let script = Arc::clone(&script.lock().unwrap_or_else(PoisonError::into_inner));
        let body = match script(&target) {
            Reply::Body(body) => body,
            Reply::Held(permits, body) => {
                permits.acquire().await.expect("tests leave it open").forget();
                body
            }
            Reply::Reset => {
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a live socket");
                return;
            }
            Reply::Silence => return std::future::pending().await,
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
            return;
        }
    }
}

/// The target of the next request, and its body as a query; `None` when the client is gone.
async fn read_target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let (method, rest) = head.split_once(' ')?;
    let target = rest.split(' ').next()?;
    if method == "GET" {
        return Some(target.to_owned());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(format!("{target}?{}", String::from_utf8(body).ok()?))
}
