//! A browser as far as tests need one: a cookie jar, redirects one at a time, nothing hidden.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

/// Keeps cookies per host and port, as tests need it: every server here is 127.0.0.1.
#[derive(Debug, Clone)]
pub struct Browser {
    pub user_agent: String,
    pub cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// Sent with every request.
    pub headers: HeaderMap,
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
        Self { user_agent: user_agent.to_owned(), cookies: BTreeMap::new(), headers: HeaderMap::new() }
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

    pub async fn send(&mut self, method: Method, url: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
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
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        let driven = tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("{url}: {error}")).to_bytes();
        driven.abort();
        self.keep_cookies(&host, &parts.headers);
        Answer { url, status: parts.status, headers: parts.headers, body }
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
