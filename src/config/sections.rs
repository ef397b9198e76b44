//! Builds the sections that need little thought: the listening side, sign-in, log, WeChat's hosts.

use std::net::IpAddr;

use ipnet::IpNet;

use super::listen;
use super::problem::Fault;
use super::reader::Reader;
use super::site::Site;
use super::tls;
use super::{Endpoints, Language, Log, LogFormat, LogLevel, PublicUrl, Server, SignIn, VerifyFile};

pub(super) fn public_url(read: &mut Reader<'_>) -> Option<PublicUrl> {
    const KEY: &str = "public_url";
    const EXAMPLE: &str = "https://m.example.com";
    const WECHAT: &str = "WeChat refuses it in production.";
    if !read.is_set(KEY) {
        read.missing(KEY, &format!("Write the address visitors see, such as {EXAMPLE:?}."));
    }
    let site = read.text(KEY, |text| Site::parse(text, EXAMPLE))?;
    if !site.https {
        read.warn(KEY, "is http, so cookies travel in the clear", WECHAT);
    }
    if site.ip().is_some() {
        read.warn(KEY, "has an IP address for a host", WECHAT);
    }
    if site.port.is_some() {
        read.warn(KEY, "has a port other than the scheme's own", WECHAT);
    }
    Some(PublicUrl { origin: site.origin(), https: site.https, host: site.host.to_string(), port: site.port })
}

pub(super) fn server(read: &mut Reader<'_>, public_url: Option<&PublicUrl>) -> Server {
    let has_tls = read.source.has_section("server.tls");
    let listen = listen::places(read, "server.listen", has_tls);
    let tls = tls::tls(read, &listen, public_url);
    let trusted_proxies = trusted_proxies(read);
    Server {
        listen,
        proxy_protocol: proxy_protocol(read, &trusted_proxies),
        trusted_proxies,
        workers: read.integer("server.workers"),
        max_connections: read.integer("server.max_connections"),
        max_header_bytes: read.integer("server.max_header_bytes"),
        header_timeout: read.duration("server.header_timeout"),
        keepalive_timeout: read.duration("server.keepalive_timeout"),
        shutdown_grace: read.duration("server.shutdown_grace"),
        tls,
    }
}

fn proxy_protocol(read: &mut Reader<'_>, trusted_proxies: &[IpNet]) -> bool {
    const KEY: &str = "server.proxy_protocol";
    let wanted = read.switch(KEY);
    // R4: what cannot be done is refused, not passed over.
    if wanted && trusted_proxies.is_empty() {
        let remedy = "Name your proxies in server.trusted_proxies, or write false.";
        read.refuse(KEY, Fault::new("is asked of trusted_proxies only, and there are none", remedy));
    }
    wanted
}

fn trusted_proxies(read: &mut Reader<'_>) -> Vec<IpNet> {
    const KEY: &str = "server.trusted_proxies";
    let networks = read.list(KEY, |text| {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(|network| network.trunc()).map_err(|_| {
            Fault::new("is not a network", r#"Write it as "10.0.0.0/8", or a single address as "127.0.0.1"."#)
        })
    });
    if networks.iter().any(|network| network.prefix_len() == 0) {
        read.warn(
            KEY,
            "trusts every address there is, so any visitor can claim any other",
            "Name only your own proxies.",
        );
    }
    networks
}

pub(super) fn sign_in(read: &mut Reader<'_>) -> SignIn {
    SignIn {
        handoff: handoff(read),
        keep_fragment: read.switch("sign_in.keep_fragment"),
        attempts_per_minute: read.integer("sign_in.attempts_per_minute"),
        verify_files: verify_files(read),
        language: read.choice("sign_in.language", [Language::Auto, Language::Chinese, Language::English]),
    }
}

fn handoff(read: &mut Reader<'_>) -> bool {
    const KEY: &str = "sign_in.handoff";
    let wanted = read.switch(KEY);
    // R4: what cannot be done is refused, not passed over.
    if wanted && !read.source.has_section("official_account") {
        let remedy = "Write [official_account] too, or false: the phone signs in through it.";
        read.refuse(KEY, Fault::new("needs an official account", remedy));
    }
    wanted
}

fn verify_files(read: &mut Reader<'_>) -> Vec<VerifyFile> {
    const KEY: &str = "sign_in.verify_files";
    let files = read.list(KEY, |name| {
        let token =
            ["MP_verify_", "WW_verify_"].iter().find_map(|prefix| name.strip_prefix(prefix)?.strip_suffix(".txt"));
        match token {
            Some(token) if token.len() == 16 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                Ok(VerifyFile { name: name.to_owned(), token: token.to_owned() })
            }
            _ => Err(Fault::new(
                "is not the name of a file WeChat gives out",
                r#"Write it as downloaded: "MP_verify_" or "WW_verify_", 16 letters or digits, ".txt"."#,
            )),
        }
    });
    if files.iter().enumerate().any(|(index, file)| files[..index].contains(file)) {
        read.refuse(KEY, Fault::new("names a file twice", "Keep one of them."));
    }
    files
}

pub(super) fn log(read: &mut Reader<'_>) -> Log {
    Log {
        format: read.choice("log.format", [LogFormat::Text, LogFormat::Json]),
        level: read.choice("log.level", [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug]),
        access: read.switch("log.access"),
    }
}

pub(super) fn endpoints(read: &mut Reader<'_>) -> Endpoints {
    let mut origin = |path| {
        // After a mistake the empty text stands in; the problem keeps it from being used.
        read.text(path, |text| {
            let site = Site::parse(text, "https://relay.example.com")?;
            if site.https || site.is_loopback() {
                Ok(site.origin())
            } else {
                // Codes and the AppSecret go there (R47).
                Err(Fault::new(
                    "is http beyond this machine",
                    "Write https; http is for 127.0.0.0/8, [::1] and localhost.",
                ))
            }
        })
        .unwrap_or_default()
    };
    Endpoints {
        open: origin("endpoints.open"),
        api: origin("endpoints.api"),
        qyapi: origin("endpoints.qyapi"),
        wwlogin: origin("endpoints.wwlogin"),
    }
}
