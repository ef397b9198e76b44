//! Who may use whom, as data. A change here is a change of the design: say why in the commit.

/// A room of the house, and the rooms above it that it may use. Order matters: nobody may use what comes later, so
/// there can be no cycle. Liberties beyond the first map: `config`, `store` and `request` use `clock` (a random
/// secret, expiries, ids), `config` asks `tls` whether certificates are good before anything starts, and `upstream` reads which upstream `policy` chose. `metrics` lies high up since whoever does
/// something counts it; `admin` lies beside `edge` and knows nothing of visitors' requests.
pub(crate) const ROOMS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("secret", &[]),
    ("clock", &[]),
    ("tls", &["clock"]),
    ("stream", &[]),
    ("patience", &[]),
    ("metrics", &["types"]),
    ("simulator", &[]),
    ("config", &["types", "secret", "clock", "tls"]),
    ("store", &["types", "clock"]),
    ("request", &["types", "clock", "config"]),
    ("attempts", &["clock", "store", "request"]),
    ("policy", &["types", "config", "request"]),
    ("wechat", &["types", "secret", "clock", "tls", "metrics", "config", "store"]),
    ("session", &["types", "secret", "clock", "config", "store", "request"]),
    ("login", &["types", "secret", "clock", "metrics", "config", "store", "request", "attempts", "wechat", "session"]),
    ("identity", &["types", "secret", "clock", "config", "request", "policy", "session"]),
    (
        "local",
        &["types", "secret", "clock", "config", "request", "attempts", "policy", "wechat", "session", "identity"],
    ),
    ("upstream", &["types", "tls", "stream", "patience", "metrics", "config", "request", "policy", "identity"]),
    (
        "edge",
        &[
            "types", "secret", "clock", "patience", "metrics", "config", "store", "request", "policy", "wechat",
            "session", "login", "identity", "local", "upstream",
        ],
    ),
    ("listener", &["types", "stream", "patience", "config"]),
    (
        "admin",
        &[
            "types", "secret", "clock", "metrics", "config", "store", "request", "attempts", "wechat", "session",
            "login", "listener",
        ],
    ),
    (
        "app",
        &[
            "types", "secret", "clock", "tls", "patience", "metrics", "config", "store", "request", "attempts",
            "policy", "wechat", "session", "login", "identity", "local", "upstream", "edge", "listener", "admin",
        ],
    ),
    // The sample site knows the gate by headers and URLs only, like any site behind it.
    ("demo/site", &[]),
    ("demo", &["types", "secret", "clock", "simulator", "config", "app"]),
    ("cli", &["types", "secret", "clock", "simulator", "config", "wechat", "edge", "app", "demo"]),
    ("main", &["cli"]),
];

/// What is named in few places, so that it can be replaced or audited there.
pub(crate) const CONFINED: &[(&str, &[&str])] = &[
    ("aws_lc_rs::aead", &["session"]),
    ("aws_lc_rs::rand", &["clock", "identity", "demo"]),
    ("clap", &["cli"]),
    ("cookie", &["session"]),
    ("hyper::client", &["upstream", "simulator"]),
    ("hyper::server", &["listener", "admin/connections", "simulator", "demo"]),
    ("jsonwebtoken", &["identity"]),
    ("listenfd", &["listener/inherited"]),
    ("minijinja", &["edge/pages"]),
    ("moka", &["store/memory"]),
    ("prometheus_client", &["admin/exposition"]),
    ("qrcode", &["edge/pages", "simulator"]),
    ("redis", &["store/redis"]),
    ("reqwest", &["wechat/http"]),
    ("rustix", &["stream", "cli/descriptors"]),
    ("std::time::SystemTime", &["clock", "simulator"]),
    ("tokio_rustls", &["stream", "listener", "upstream/dial"]),
    ("webpki", &["tls"]),
    ("webpki_roots", &["tls"]),
    ("toml", &["config"]),
    ("tracing_appender", &["cli"]),
    ("tracing_subscriber", &["cli"]),
];

/// What a room stays free of, and why.
pub(crate) const FREE: &[(&str, &[&str], &str)] = &[
    ("types", &["std::fs", "std::io", "std::net", "tokio"], "no I/O"),
    ("secret", &["std::fs", "std::io", "std::net", "tokio"], "no I/O"),
    ("clock", &["std::fs", "std::io", "std::net", "tokio"], "no I/O"),
    ("config", &["tokio", "hyper", "moka", "reqwest"], "no live objects"),
    ("policy", &["tokio", "hyper", "http_body", "http_body_util", "bytes"], "pure: no bodies, nothing to wait for"),
    ("wechat", &["hyper"], "browsers are not its business"),
    ("edge", &["tokio::net", "std::net::TcpStream", "std::net::TcpListener"], "no sockets"),
];

/// Words a room's code does without.
pub(crate) const UNSPOKEN: &[(&str, &[&str], &str)] = &[("policy", &["async", "await"], "pure: nothing to wait for")];
