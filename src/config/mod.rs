//! The operator's wishes as checked, typed sections. A leaf: no live object, no socket, no runtime.
//!
//! Each part of the gate takes its own section only; `app` alone sees the whole.

mod accounts;
mod admin;
mod env;
mod files;
mod jssdk;
mod jwt;
mod listen;
mod load;
mod nearest;
mod pages;
mod parse;
mod paths;
mod problem;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod reader;
mod roots;
mod routes;
pub mod schema;
mod secrets;
mod sections;
mod session;
mod site;
mod source;
mod tls;
mod upstream;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use rustls_pki_types::CertificateDer;

pub use env::variable;
pub use load::Loaded;
pub use problem::{Origin, Problem, Problems};
pub use reader::Effective;

use crate::secret::Secret;
pub use crate::tls::Pair;
use crate::types::{AgentId, AppId, OpenId, Scope, UnionId, UserId};

/// Everything `config.toml` and the environment said, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub public_url: PublicUrl,
    pub upstream: Upstream,
    pub server: Server,
    /// `None`: no admin listener.
    pub admin: Option<Admin>,
    /// At least one of the three accounts is there.
    pub official_account: Option<OfficialAccount>,
    pub website_app: Option<WebsiteApp>,
    pub wecom: Option<WeCom>,
    pub sign_in: SignIn,
    pub pages: Pages,
    pub session: Session,
    pub identity: Identity,
    pub jssdk: JsSdk,
    pub paths: Paths,
    pub log: Log,
    pub endpoints: Endpoints,
    /// In file order; the first match wins, and what none matches is `auth = "required"`.
    pub routes: Vec<Route>,
}

/// The site's own origin: the only source of `redirect_uri`, never `Host` (R38).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// `scheme://host[:port]`, no slash at the end, host lower-case and as A-labels.
    pub origin: String,
    pub https: bool,
    /// Lower-case A-labels, no trailing dot; an IPv6 address in brackets.
    pub host: String,
    /// `None` when it is the scheme's own.
    pub port: Option<u16>,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub address: UpstreamAddress,
    pub connect_timeout: Duration,
    /// Until the response head; a body may then last as long as it moves.
    pub response_timeout: Duration,
    /// A body or tunnel that moves no byte for this long is cut.
    pub idle_timeout: Duration,
    /// `false`: `Host` becomes the upstream's own.
    pub preserve_host: bool,
    /// For an https address: certificates (DER) to trust beside the well-known authorities.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

/// An address requests can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UpstreamAddress {
    /// `http://host:port`; the host is a name or an address, IPv6 without brackets.
    Http { host: String, port: u16 },
    /// `https://host:port`; the host as for `Http`, and the name its certificate must have.
    Https { host: String, port: u16 },
    /// `unix:/path.sock`
    Unix(PathBuf),
}

/// The listening side.
#[derive(Debug, Clone)]
pub struct Server {
    /// Without TLS; empty only where there is TLS.
    pub listen: Vec<Listen>,
    /// Peers whose `Forwarded`, `X-Forwarded-*` and `X-Real-IP` are believed (R9).
    pub trusted_proxies: Vec<IpNet>,
    /// Connections of `trusted_proxies` begin with a PROXY header that says who is really there.
    pub proxy_protocol: bool,
    /// `0`: one per core.
    pub workers: usize,
    pub max_connections: usize,
    /// Request line and headers, bytes.
    pub max_header_bytes: usize,
    /// From accept, or from the first byte of a next request, to the end of its head.
    pub header_timeout: Duration,
    pub keepalive_timeout: Duration,
    pub shutdown_grace: Duration,
    /// `None`: no TLS.
    pub tls: Option<Tls>,
}

/// TLS by the gate itself.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Beside the plain places of [`Server::listen`]; never empty, none in both.
    pub listen: Vec<Listen>,
    /// Never empty, each found good; the first is for whoever asks for no name, or none of the others'.
    pub pairs: Vec<Pair>,
    /// The plain listeners answer 308 to `public_url`, which is https then.
    pub redirect_http: bool,
}

/// Where connections come in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Listen {
    Tcp(SocketAddr),
    /// `unix:/path.sock`, absolute.
    Unix(PathBuf),
    /// `systemd:NAME`: whatever systemd holds under this name and hands to the gate.
    Systemd(String),
}

/// The operator's own listener.
#[derive(Debug, Clone)]
pub struct Admin {
    pub listen: SocketAddr,
    /// At least 16 bytes of graphic ASCII; `None`: what it would guard is closed (R29).
    pub token: Option<Secret<Vec<u8>>>,
}

/// 公众号 (service account): visitors inside WeChat.
#[derive(Debug, Clone)]
pub struct OfficialAccount {
    pub app_id: AppId,
    pub app_secret: Secret<String>,
    /// What a route asks for unless it says otherwise: `Base` or `UserInfo`.
    pub scope: Scope,
    pub snapshot: SnapshotPolicy,
    pub token: TokenSource,
}

/// 网站应用 of the Open Platform: visitors on a desktop, who scan a QR code.
#[derive(Debug, Clone)]
pub struct WebsiteApp {
    pub app_id: AppId,
    pub app_secret: Secret<String>,
}

/// One application of a corporation in 企业微信: visitors inside WeCom, and on a desktop by its QR code.
#[derive(Debug, Clone)]
pub struct WeCom {
    pub corp_id: AppId,
    pub agent_id: AgentId,
    /// The application's own.
    pub secret: Secret<String>,
    /// What visitors inside WeCom are asked for: `Base` or `PrivateInfo`.
    pub scope: Scope,
}

/// Where platform tokens come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenSource {
    /// `cgi-bin/stable_token`: any number of programs may ask.
    Stable,
    /// `cgi-bin/token`: every call makes the token before it die.
    Classic,
}

/// What to do with the virtual visitors of WeChat's snapshot page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotPolicy {
    /// A page that tells the visitor to tap 使用完整服务.
    Page,
    /// A session of at most ten minutes, marked.
    Pass,
    /// 403.
    Deny,
}

/// How visitors are signed in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Desktop visitors may scan with WeChat and sign in through the official account.
    pub handoff: bool,
    /// `#/route` is carried across the sign-in, by a page of the gate's own.
    pub keep_fragment: bool,
    /// Sign-ins begun per client address (IPv6: per /64) and minute; `0` is off.
    pub attempts_per_minute: u32,
    pub verify_files: Vec<VerifyFile>,
    pub language: Language,
}

/// A file by which WeChat proves who owns the domain: `MP_verify_<token>.txt` or `WW_verify_<token>.txt` at the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyFile {
    /// The file's name, as in the URL after the slash.
    pub name: String,
    /// The 16 characters that are its whole body.
    pub token: String,
}

/// Of the gate's own pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// By `Accept-Language`.
    Auto,
    Chinese,
    English,
}

/// What the gate's own pages show of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// `None`: the host of `public_url`. One line, at most 40 characters.
    pub site_name: Option<String>,
    pub logo: Option<Logo>,
}

/// The site's logo, read when the gate starts.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// At most 64 KiB.
    pub bytes: Vec<u8>,
    pub picture: Picture,
}

/// A format that every browser shows in an `<img>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    Png,
    Jpeg,
    Svg,
}

/// The browser's session cookie.
#[derive(Debug, Clone)]
pub struct Session {
    /// Never empty. The first seals, all open. Each at least 32 bytes.
    pub secrets: Vec<Secret<Vec<u8>>>,
    /// Nobody has configured one: it was drawn when the configuration was read.
    pub is_drawn: bool,
    /// Absolute life.
    pub ttl: Duration,
    /// Since last seen; `None` when off.
    pub idle: Option<Duration>,
    /// As configured, without `__Host-`.
    pub cookie_name: String,
    pub cookie_domain: Option<String>,
    pub same_site: SameSite,
}

/// Of the session cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    Lax,
    Strict,
    None,
}

/// How the upstream learns who is there.
#[derive(Debug, Clone)]
pub struct Identity {
    pub headers: bool,
    pub encoding: Encoding,
    pub jwt: Option<Jwt>,
}

/// Of header values that are not plain ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Percent,
    Base64,
}

/// The signed token for the upstream.
#[derive(Debug, Clone)]
pub struct Jwt {
    /// Lower-case header name. At least one of `header` and `cookie` is set.
    pub header: Option<http::HeaderName>,
    pub cookie: Option<String>,
    /// PEM private key, or the shared secret of HS256.
    pub key: Secret<Vec<u8>>,
    pub algorithm: Algorithm,
    /// Never empty: `public_url` unless configured.
    pub audience: String,
    pub ttl: Duration,
}

/// RFC 7518 and RFC 8037 names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Es256,
    EdDsa,
    Rs256,
    Hs256,
}

/// Signing for WeChat's JS-SDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsSdk {
    /// Beside `P/jsconfig`; `None` when signing is off.
    pub path: Option<String>,
    /// Whose pages are signed for; never empty.
    pub hosts: Vec<SignedHost>,
    /// When a request names none.
    pub api_list: Vec<String>,
    /// When a request names none.
    pub open_tags: Vec<String>,
}

/// A host whose pages are signed for; literal (R34).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHost {
    /// Lower-case A-labels, no trailing dot; an IPv6 address in brackets.
    pub host: String,
    /// `None`: whatever the port.
    pub port: Option<u16>,
}

/// The gate's own endpoints: absolute paths, no two the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// No slash at the end.
    pub prefix: String,
    pub login: String,
    pub callback: String,
    pub logout: String,
    pub me: String,
}

/// What is written to standard error, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    pub format: LogFormat,
    pub level: LogLevel,
    /// One line per request.
    pub access: bool,
}

/// Of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// The least important thing that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// WeChat's hosts: origins without a slash at the end; https, or http on loopback (R47).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    pub open: String,
    pub api: String,
    /// WeCom's.
    pub qyapi: String,
    /// Where WeCom shows its QR codes.
    pub wwlogin: String,
}

/// One `[[route]]`.
#[derive(Debug, Clone)]
pub struct Route {
    pub path: PathPattern,
    /// Empty: any. `GET` includes `HEAD`.
    pub methods: Vec<http::Method>,
    pub auth: Auth,
    /// What visitors of the official account are asked for; `None`: the account's own.
    pub scope: Option<Scope>,
    pub on_anonymous: Option<OnAnonymous>,
    /// Empty: anybody who is signed in.
    pub allow: Vec<Allow>,
    /// Another upstream for this route.
    pub upstream: Option<Upstream>,
}

/// An exact path or a glob: `*` within a segment, `**` for whole segments. Anchored at both ends (R5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(pub String);

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    Required,
    /// Anybody; the upstream is told who, if signed in.
    Optional,
    /// Anybody; nobody looks at the session.
    None,
}

/// What a stranger gets on a `required` route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnAnonymous {
    Redirect,
    Unauthorized,
}

/// One entry of an allow list; literal (R34).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    OpenId(OpenId),
    UnionId(UnionId),
    UserId(UserId),
}
