//! A browser as far as tests need one: a cookie jar, redirects one at a time, nothing hidden.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use url::Url;

/// Keeps cookies per host and port, as tests need it: every server here is 127.0.0.1.
#[derive(Debug, Clone)]
pub struct Browser {
    pub user_agent: String,
    pub cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// Sent with every request.
    pub headers: HeaderMap,
    /// How it speaks TLS; needed for addresses that begin with https.
    pub tls: Option<Arc<ClientConfig>>,
}

/// An answer whose body is still to come.
type Begun = (Url, Response<Incoming>, JoinHandle<Result<(), hyper::Error>>);

/// A body that is read as it comes. Ends its connection when dropped.
pub struct Stream {
    url: Url,
    pub headers: HeaderMap,
    body: Incoming,
    driven: JoinHandle<Result<(), hyper::Error>>,
}

impl Stream {
    /// The next piece, once it is there; `None` at the end. A body that breaks off fails the test.
    pub async fn next(&mut self) -> Option<String> {
        let frame = self.body.frame().await?.unwrap_or_else(|error| panic!("{}: {error}", self.url));
        let bytes = frame.into_data().unwrap_or_default();
        Some(String::from_utf8(bytes.to_vec()).expect("text"))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.driven.abort();
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Browser {
    pub fn new(user_agent: &str) -> Self {
        Self { user_agent: user_agent.to_owned(), cookies: BTreeMap::new(), headers: HeaderMap::new(), tls: None }
    }

    /// A navigation, as browsers make them; redirects are not followed.
    pub async fn get(&mut self, url: &str) -> Answer {
        self.send(Method::GET, url, &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")], Bytes::new()).await
    }

    /// A request of a script's.
    pub async fn fetch(&mut self, url: &str) -> Answer {
        self.send(Method::GET, url, &[("accept", "application/json"), ("sec-fetch-mode", "cors")], Bytes::new()).await
    }

    pub async fn post_json(&mut self, url: &str, json: &str) -> Answer {
        self.send(Method::POST, url, &[("content-type", "application/json")], Bytes::copy_from_slice(json.as_bytes()))
            .await
    }

    /// Goes on until an answer is no redirect.
    pub async fn follow(&mut self, url: &str) -> Answer {
        let mut answer = self.get(url).await;
        for _ in 0..20 {
            let Some(next) = answer.location() else { return answer };
            answer = self.get(next.as_str()).await;
        }
        panic!("redirects do not end at {}", answer.url);
    }

    /// What comes bit by bit, as a script listens to it.
    pub async fn listen(&mut self, url: &str) -> Stream {
        let headers = [("accept", "text/event-stream"), ("sec-fetch-mode", "cors")];
        let (url, response, driven) = self.ask(Method::GET, url, &headers, Bytes::new()).await;
        assert_eq!(response.status(), StatusCode::OK, "{url}");
        Stream { url, headers: response.headers().clone(), body: response.into_body(), driven }
    }

    pub async fn send(&mut self, method: Method, url: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
        let (url, response, driven) = self.ask(method, url, headers, body).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("{url}: {error}")).to_bytes();
        driven.abort();
        Answer { url, status: parts.status, headers: parts.headers, body }
    }

    async fn ask(&mut self, method: Method, url: &str, headers: &[(&str, &str)], body: Bytes) -> Begun {
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let host = format!("{}:{}", url.host_str().expect("a host"), url.port_or_known_default().expect("a port"));
        let mut request =
            Request::builder().method(method).uri(&url[url::Position::BeforePath..url::Position::AfterQuery]);
        request = request.header(HOST, &host).header(USER_AGENT, &self.user_agent);
        if let Some(cookies) = self.cookies.get(&host).filter(|jar| !jar.is_empty()) {
            let line = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            request = request.header(COOKIE, line);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Full::new(body)).expect("a well-formed request");
        request.headers_mut().extend(self.headers.clone());

        let stream = TcpStream::connect(&host).await.unwrap_or_else(|error| panic!("{host}: {error}"));
        let (response, driven) = if url.scheme() == "https" {
            let name = ServerName::try_from(url.host_str().expect("a host").to_owned()).expect("a name");
            let connector = TlsConnector::from(self.tls.clone().expect("this browser speaks TLS"));
            exchange(connector.connect(name, stream).await.unwrap_or_else(|error| panic!("{url}: {error}")), request)
                .await
        } else {
            exchange(stream, request).await
        };
        self.keep_cookies(&host, response.headers());
        (url, response, driven)
    }

    fn keep_cookies(&mut self, host: &str, headers: &HeaderMap) {
        let jar = self.cookies.entry(host.to_owned()).or_default();
        for line in headers.get_all(SET_COOKIE) {
            let cookie = cookie::Cookie::parse(line.to_str().expect("cookies are text").to_owned()).expect("a cookie");
            if cookie.max_age().is_some_and(cookie::time::Duration::is_zero) {
                jar.remove(cookie.name());
            } else {
                jar.insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> (Response<Incoming>, JoinHandle<Result<(), hyper::Error>>) {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    let driven = tokio::spawn(connection);
    let target = request.uri().clone();
    (sender.send_request(request).await.unwrap_or_else(|error| panic!("{target}: {error}")), driven)
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.url, self.text()))
    }

    /// Where it sends the browser, resolved as a browser would.
    pub fn location(&self) -> Option<Url> {
        let location = self.headers.get(LOCATION)?.to_str().expect("locations are text");
        Some(self.url.join(location).expect("a location is a URL"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    pub fn content_type(&self) -> &str {
        self.headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().expect("text"))
    }

    /// The slug of a problem document.
    pub fn slug(&self) -> String {
        assert_eq!(self.content_type(), "application/problem+json", "{} {}", self.status, self.text());
        let json = self.json();
        json["type"].as_str().and_then(|kind| kind.strip_prefix("urn:wxgate:")).expect("a slug").to_owned()
    }
}
