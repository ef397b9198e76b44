//! A stand-in for the gate's key set, with tokens signed well and badly.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};

/// Signs tokens with a key that [`Keys::serve`] publishes.
pub(crate) struct Keys {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { pair, random: SystemRandom::new() }
    }

    /// Serves the public key for as long as the test runs; the URL has no path.
    pub(crate) fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let point = self.pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let key = json!({ "kty": "EC", "crv": "P-256", "kid": "one", "alg": "ES256", "use": "sig",
            "x": BASE64URL_NOPAD.encode(x), "y": BASE64URL_NOPAD.encode(y) });
        let body = json!({ "keys": [key] }).to_string();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let path_known = lines.next().is_some_and(|line| line.starts_with("GET /_wechat/jwks.json "));
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                let status = if path_known { "200 OK" } else { "404 Not Found" };
                let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
                let _ = write!(&stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
            }
        });
        url
    }

    /// The public point, uncompressed.
    pub(crate) fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

/// What `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes.
pub(crate) fn fresh_pem() -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let key = pair.to_pkcs8v1().expect("a document");
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(key.as_ref()))
}

pub(crate) fn encode(part: &Value) -> String {
    BASE64URL_NOPAD.encode(part.to_string().as_bytes())
}

/// Seconds since the epoch.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
