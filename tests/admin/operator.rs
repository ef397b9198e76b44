//! An operator's programs: they know where the listener is, and the token.

use bytes::Bytes;
use http::Method;
use wxgate::simulator::{APP_ID, Settings};

use crate::support::{Answer, Browser, World};

/// Planted: must show up nowhere.
pub const TOKEN: &str = "pLaNtEd-admin-token";

/// A world whose gate has an admin listener.
pub async fn world() -> World {
    World::with(|text| text + &section(), Settings::default()).await
}

/// What `config.toml` says of it.
pub fn section() -> String {
    format!("[admin]\nlisten = '127.0.0.1:0'\ntoken = '{TOKEN}'\n")
}

impl World {
    /// An address of the operator's listener.
    pub fn operator_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin.expect("an admin listener"))
    }

    /// Asks without a token.
    pub async fn look(&self, path: &str) -> Answer {
        self.operate(Method::GET, path, &[], "").await
    }

    /// Asks with the token.
    pub async fn ask(&self, path: &str) -> Answer {
        self.operate(Method::GET, path, &[("authorization", &bearer(TOKEN))], "").await
    }

    /// Posts JSON with the token.
    pub async fn post(&self, path: &str, json: &str) -> Answer {
        let headers = [("authorization", &*bearer(TOKEN)), ("content-type", "application/json")];
        self.operate(Method::POST, path, &headers, json).await
    }

    pub async fn operate(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Browser::new("an operator's program").send(method, &self.operator_url(path), headers, body).await
    }

    /// The account's token, as the classic endpoint gives it.
    pub async fn token(&self) -> Answer {
        self.ask(&token_path()).await
    }
}

/// As every SDK writes it, with a secret that is nobody's.
pub fn token_path() -> String {
    format!("/cgi-bin/token?grant_type=client_credential&appid={APP_ID}&secret=pLaNtEd-secret")
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
