//! What is wrong is said in full, once, with what to write instead.

use wxgate::config::schema::{self, Support};
use wxgate::config::{Config, variable};
use wxgate::policy::Policy;
use wxgate::types::Scope;

use super::{ACCOUNT, HEAD, SESSION, load, problems, secrets_in_env, warnings, with};

/// One mistake each, and every word of the answer.
#[test]
fn each_mistake_has_its_words() {
    for (top, rest, expected) in [
        ("public_url = 1", "", "public_url: is a number. Write text in quotes."),
        (
            r#"public_url = "m.example.com""#,
            "",
            r#"public_url: is not a URL. Write scheme, host and, if need be, port: "https://m.example.com"."#,
        ),
        (
            r#"public_url = "https://m.example.com/app""#,
            "",
            r#"public_url: has a path. Write scheme, host and, if need be, port: "https://m.example.com"."#,
        ),
        (
            r#"upstream = "https://a..b""#,
            "",
            "upstream.url: has a host that no certificate can name. Write a DNS name or an IP address.",
        ),
        (
            r#"upstream = "unix:app.sock""#,
            "",
            r#"upstream.url: is not the absolute path of a socket. Write "unix:" and an absolute path, such as "unix:/run/app.sock"."#,
        ),
        (
            r#"upstream = "http://127.0.0.1:4180""#,
            "",
            "upstream.url: is the gate's own address, so every request would circle. Write the address of your application.",
        ),
        ("upsteram = 1", "", "upsteram: unknown key. The nearest known key is upstream."),
        (
            "server = 1",
            "",
            "server: is a number, not a section. Write [server] on a line of its own, and its keys below.",
        ),
        ("route = 1", "", "route: is not a list of tables. Write [[route]] on a line of its own, and its keys below."),
        ("route = [1]", "", "route.0: is not a table. Write [[route]] on a line of its own, and its keys below."),
        (
            "",
            "[server]\nlisten = \":4180\"",
            r#"server.listen: is not an address and a port. Write an IP address and a port, such as "127.0.0.1:4180" or "[::]:4180"."#,
        ),
        (
            "",
            "[server]\nlisten = []",
            r#"server.listen: is empty. Write an IP address and a port, such as "127.0.0.1:4180" or "[::]:4180"."#,
        ),
        (
            "",
            "[server]\nlisten = [\"[::1]:1\", \"[::1]:1\"]",
            "server.listen: names an address twice. Keep one of them.",
        ),
        (
            "",
            "[server]\nlisten = [\"127.0.0.1:0\", \"unix:/run/x\"]",
            r#"server.listen: item 2: not supported yet. Write an IP address and a port, such as "127.0.0.1:4180" or "[::]:4180"."#,
        ),
        (
            "",
            "[server]\nlisten = \"systemd:gate\"",
            r#"server.listen: not supported yet. Write an IP address and a port, such as "127.0.0.1:4180" or "[::]:4180"."#,
        ),
        (
            "",
            "[server]\ntrusted_proxies = [\"10.0.0.0/33\"]",
            r#"server.trusted_proxies: is not a network. Write it as "10.0.0.0/8", or a single address as "127.0.0.1"."#,
        ),
        (
            "",
            "[server]\nworkers = 513",
            "server.workers: is out of bounds. Write a whole number from 0 to 512, without quotes.",
        ),
        (
            "",
            "[server]\nworkers = \"4\"",
            "server.workers: is text. Write a whole number from 0 to 512, without quotes.",
        ),
        (
            "",
            "[server]\nworkers = 1.5",
            "server.workers: is a number with a fraction. Write a whole number from 0 to 512, without quotes.",
        ),
        (
            "",
            "[server]\nheader_timeout = 10",
            r#"server.header_timeout: has no unit. Write a whole number and a unit, such as "500ms", "10s", "5m", "24h" or "7d"."#,
        ),
        (
            "",
            "[server]\nheader_timeout = \"0s\"",
            "server.header_timeout: is out of bounds. Write a duration from 1ms to 1d.",
        ),
        (
            "",
            "[server]\nmax_header_bytes = \"32KB\"",
            r#"server.max_header_bytes: is not a size. Write a whole number and a unit, such as "16KiB" or "1MiB"."#,
        ),
        (
            "",
            "[server]\nmax_header_bytes = \"2MiB\"",
            "server.max_header_bytes: is out of bounds. Write a size from 4KiB to 1MiB.",
        ),
        (
            "",
            "[server]\nproxy_protocol = true",
            "server.proxy_protocol: not supported yet. Write false or remove it. Let the proxy in front send X-Forwarded-For, and name it in server.trusted_proxies.",
        ),
        (
            "",
            "[server.tls]\ncert = 1",
            "server.tls: not supported yet. Remove it, and let nginx or Caddy in front of the gate speak TLS; name that in server.trusted_proxies.",
        ),
        (
            "",
            "[admin]\nlisten = \"4181\"",
            r#"admin.listen: is not an address and a port. Write an IP address and a port, such as "127.0.0.1:4181"."#,
        ),
        (
            "",
            "[admin]\nlisten = \"127.0.0.1:4180\"",
            "admin.listen: is an address of server.listen. Choose another port.",
        ),
        (
            "",
            "[admin]\nlisten = \"127.0.0.1:4181\"\ntoken = \"15 bytes, or so\"",
            "admin.token: is shorter than 16 bytes. Use the output of `wxgate secret`.",
        ),
        (
            "",
            "[admin]\nlisten = \"127.0.0.1:4181\"\ntoken = \"sixteen or more, spaced\"",
            "admin.token: contains a space or something else that no header can carry. Use the output of `wxgate secret`.",
        ),
        (
            "",
            "[sign_in]\nverify_files = [\"MP_verify_0123456789abcde.txt\"]",
            r#"sign_in.verify_files: is not the name of a file WeChat gives out. Write it as downloaded: "MP_verify_" or "WW_verify_", 16 letters or digits, ".txt"."#,
        ),
        (
            "",
            "[sign_in]\nlanguage = \"de\"",
            r#"sign_in.language: is none of the words known here. Write "auto", "zh-CN" or "en"."#,
        ),
        ("", "[session]\ncookie_name = \"a;b\"", "session.cookie_name: contains ';'. Use letters, digits, '-' or '_'."),
        (
            "",
            "[session]\ncookie_domain = \"other.com\"",
            r#"session.cookie_domain: does not cover the host of public_url. Write the host of public_url or a domain above it, such as "example.com"."#,
        ),
        (
            "",
            "[session]\ncookie_domain = \"xample.com\"",
            r#"session.cookie_domain: does not cover the host of public_url. Write the host of public_url or a domain above it, such as "example.com"."#,
        ),
        (
            "",
            "[session]\ncookie_domain = \"com\"",
            r#"session.cookie_domain: is a whole top-level domain, for which browsers keep no cookies. Write the host of public_url or a domain above it, such as "example.com"."#,
        ),
        (
            "",
            "[session]\ncookie_domain = \"1.2.3.4\"",
            r#"session.cookie_domain: is an IP address. Write the host of public_url or a domain above it, such as "example.com"."#,
        ),
        (
            r#"public_url = "http://m.example.com""#,
            "[session]\nsame_site = \"none\"",
            "session.same_site: is none, which browsers accept only over https. Write \"lax\", or make public_url https.",
        ),
        (
            "",
            "[session]\nidle = \"of\"",
            r#"session.idle: is not a duration. Write a whole number and a unit, such as "500ms", "10s", "5m", "24h" or "7d"."#,
        ),
        ("", "[session]\nsecret = []", "session.secret: is empty. Name at least one secret, or remove the key."),
        (
            "",
            "[session]\nsecret = { evn = \"A\" }",
            "session.secret: has the unknown key evn. The nearest known one is env.",
        ),
        (
            "",
            "[session]\nsecret = {}",
            r#"session.secret: needs either env or file. Write the secret in quotes, { env = "NAME" } or { file = "PATH" }."#,
        ),
        (
            "",
            "[official_account]\napp_secret = \"a b\"\napp_id = \"wx0123456789abcdef\"",
            "official_account.app_secret: contains a space or something else that no AppSecret has. Copy it again.",
        ),
        (
            "",
            "[official_account]\napp_id = \"wx-1\"\napp_secret = { env = \"WECHAT\" }",
            r#"official_account.app_id: is not an AppID. WeChat's are "wx" and 16 digits or letters from a to f."#,
        ),
        (
            "",
            "[website_app]\napp_id = \"wx0123456789abcdef\"\napp_secret = { env = \"WECHAT\" }",
            "website_app.app_id: is the official account's. Write the AppID of a website app (网站应用), as open.weixin.qq.com shows it.",
        ),
        (
            "",
            "[website_app]\napp_id = \"wxfedcba9876543210\"",
            r#"website_app.app_secret: missing. Write { file = "PATH" } or { env = "NAME" } to say where the AppSecret lies."#,
        ),
        (
            "",
            "[wecom]\ncorp_id = \"ww 1\"\nagent_id = 1000002\nsecret = { env = \"WECHAT\" }",
            r#"wecom.corp_id: is not the id of a corporation. WeCom's are "ww" or "wx" and 16 digits or letters from a to f."#,
        ),
        (
            "",
            "[wecom]\ncorp_id = \"ww0123456789abcdef\"\nagent_id = -1\nsecret = { env = \"WECHAT\" }",
            r#"wecom.agent_id: is not an AgentId. WeCom's are numbers, such as "1000002"."#,
        ),
        (
            "",
            "[wecom]\ncorp_id = \"ww0123456789abcdef\"\nsecret = { env = \"WECHAT\" }",
            "wecom.agent_id: missing. Write the AgentId that work.weixin.qq.com shows for the app.",
        ),
        (
            "",
            "[wecom]\ncorp_id = \"ww0123456789abcdef\"\nagent_id = \"1000002\"\nsecret = \"a b\"",
            "wecom.secret: contains a space or something else that no Secret has. Copy it again.",
        ),
        (
            "",
            "[wecom]\ncorp_id = \"ww0123456789abcdef\"\nagent_id = 1\nsecret = { env = \"WECHAT\" }\nscope = \"userinfo\"",
            r#"wecom.scope: is none of the words known here. Write "base" or "privateinfo"."#,
        ),
        (
            "",
            "[official_account]\napp_secret = { env = \"WECHAT\" }",
            "official_account.app_id: missing. Write the AppID that mp.weixin.qq.com shows under Basic configuration.",
        ),
        (
            "",
            "[identity.jwt]\nkey = { env = \"SEALING\" }\nalgorithm = \"HS256\"",
            r#"identity.jwt: has neither header nor cookie, so the token would go nowhere. Write header = "X-Wechat-Jwt", cookie = "wechat_jwt", or both."#,
        ),
        (
            "",
            "[identity.jwt]\nheader = \"Host\"\nkey = { env = \"SEALING\" }\nalgorithm = \"HS256\"",
            r#"identity.jwt.header: is a header with a meaning of its own. Write a name of its own, such as "X-Wechat-Jwt"."#,
        ),
        (
            "",
            "[identity.jwt]\ncookie = \"wxgate\"\nkey = { env = \"SEALING\" }\nalgorithm = \"HS256\"",
            r#"identity.jwt.cookie: is a name of the gate's own cookies. Choose a name of its own, such as "wechat_jwt"."#,
        ),
        (
            "",
            "[identity.jwt]\ncookie = \"WXGate_flow\"\nkey = { env = \"SEALING\" }\nalgorithm = \"HS256\"",
            r#"identity.jwt.cookie: is a name of the gate's own cookies. Choose a name of its own, such as "wechat_jwt"."#,
        ),
        (
            "",
            "[identity.jwt]\nheader = \"X-Jwt\"\nkey = { env = \"SEALING\" }",
            "identity.jwt.key: is not a PEM private key. Make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.",
        ),
        (
            "",
            "[identity.jwt]\nheader = \"X-Jwt\"",
            r#"identity.jwt.key: missing. Write { file = "PATH" } of a PEM private key, or of a secret of 32 bytes or more for HS256."#,
        ),
        ("", "[paths]\nprefix = \"/a/\"", r#"paths.prefix: ends with a slash. Write it without, such as "/_wechat"."#),
        (
            "",
            "[paths]\nlogin = \"/in\"\ncallback = \"/in\"",
            "paths.callback: is taken by another endpoint of the gate. Choose a path of its own.",
        ),
        (
            "",
            "[jssdk]\npath = \"jsconfig\"",
            r#"jssdk.path: does not start with a slash. Write an absolute path of letters, digits, '-', '_' and '.', such as "/wxAuthorize"."#,
        ),
        (
            "",
            "[jssdk]\npath = \"/_wechat/me\"",
            "jssdk.path: is taken by another endpoint of the gate. Choose a path of its own.",
        ),
        (
            "",
            "[jssdk]\nhosts = [\"m.example.com\", \"https://n.example.com\"]",
            r#"jssdk.hosts: item 2: is not a plain host. Write a host, such as "m.example.com"; with a port where only that one may be signed for."#,
        ),
        (
            "",
            "[jssdk]\napi_list = \"scan QR code\"",
            r#"jssdk.api_list: is no name of WeChat's. Write it as WeChat's documentation does, such as "scanQRCode"."#,
        ),
        (
            "",
            "[jssdk]\nopen_tags = \"<wx-open-audio>\"",
            r#"jssdk.open_tags: is no name of WeChat's. Write it as WeChat's documentation does, such as "wx-open-launch-weapp"."#,
        ),
        (
            "",
            "[paths]\nme = \"/_wechat/wx.js\"",
            "paths.me: is taken by another endpoint of the gate. Choose a path of its own.",
        ),
        ("", "[[route]]\nauth = \"none\"", r#"route.0.path: missing. Write the path it is for, such as "/static/**"."#),
        (
            "",
            "[[route]]\npath = \"/a\"\nmethods = [\"get\"]",
            r#"route.0.methods: is not in capitals. Write methods as "GET" and "POST"."#,
        ),
        (
            "",
            "[[route]]\npath = \"/a\"\nscope = \"privateinfo\"",
            r#"route.0.scope: belongs to WeCom. Write "base" or "userinfo" here, and "privateinfo" under [wecom]."#,
        ),
        (
            "",
            "[[route]]\npath = \"/a\"\nallow = [\"userid:zhang san\"]",
            r#"route.0.allow: is not a userid. Write openids as WeChat gives them, "unionid:" and a unionid, or "userid:" and a WeCom userid."#,
        ),
        (
            "",
            "[[route]]\npath = \"/a\"\nallow = [\"openid:oABCDEFGH\"]",
            r#"route.0.allow: is neither an openid nor a unionid nor a userid. Write openids as WeChat gives them, "unionid:" and a unionid, or "userid:" and a WeCom userid."#,
        ),
        (
            "",
            "[[route]]\npath = \"/a\"\nupstream = \"ftp://x\"",
            r#"route.0.upstream.url: is neither http nor https. Write scheme, host and, if need be, port: "http://127.0.0.1:8080"."#,
        ),
    ] {
        let text = with(top, rest);
        let found = problems(&text);
        assert_eq!(found, [expected], "{text}");
    }
}

#[test]
fn r4_what_cannot_be_kept_is_refused() {
    let required = r#"Remove it, or write auth = "required"."#;
    for (route, expected) in [
        (
            "auth = \"none\"\nallow = [\"oABCDEFGH\"]",
            format!("route.0.allow: cannot be kept where auth lets anybody in. {required}"),
        ),
        (
            "auth = \"optional\"\nallow = [\"oABCDEFGH\"]",
            format!("route.0.allow: cannot be kept where auth lets anybody in. {required}"),
        ),
        (
            "auth = \"none\"\nscope = \"base\"",
            format!("route.0.scope: cannot be asked for where auth is \"none\". {required}"),
        ),
        (
            "auth = \"optional\"\non_anonymous = 401",
            format!("route.0.on_anonymous: never happens where auth lets anybody in. {required}"),
        ),
        (
            "allow = []",
            "route.0.allow: is empty. Name somebody, or remove the key to let in everybody who signs in.".to_owned(),
        ),
    ] {
        assert_eq!(problems(&with("", &format!("[[route]]\npath = \"/a/**\"\n{route}"))), [expected]);
    }
    let handoff = with(
        "",
        "[sign_in]\nhandoff = true\n[website_app]\napp_id = \"wxfedcba9876543210\"\napp_secret = { env = \"WECHAT\" }",
    );
    load(&handoff);
    let (before, rest) = handoff.split_once("[official_account]").expect("the section");
    let (_, after) = rest.split_once("\n[").expect("another section");
    let remedy = "Write [official_account] too, or false: the phone signs in through it.";
    assert_eq!(
        problems(&format!("{before}[{after}")),
        [format!("sign_in.handoff: needs an official account. {remedy}")]
    );
    load(&with("", "[[route]]\npath = \"/a/**\"\nallow = [\"oABCDEFGH\"]\nscope = \"userinfo\"\non_anonymous = 401"));
}

#[test]
fn r46_short_secrets_are_refused() {
    let hs256 = |secret: &str| {
        with("", &format!("[identity.jwt]\nheader = \"X-Jwt\"\nalgorithm = \"HS256\"\nkey = \"{secret}\""))
    };
    let session = |secret: &str| with("", &format!("[session]\nsecret = {secret}"));
    let long = "0123456789abcdef0123456789abcdef";
    let short = &long[1..];
    let remedy = "is shorter than 32 bytes. Use the output of `wxgate secret`.";
    assert_eq!(problems(&session(&format!("\"{short}\""))), [format!("session.secret: {remedy}")]);
    assert_eq!(
        problems(&session(&format!("[\"{long}\", \"{short}\"]"))),
        [format!("session.secret: item 2: {remedy}")]
    );
    assert_eq!(problems(&hs256(short)), [format!("identity.jwt.key: {remedy}")]);
    load(&session(&format!("\"{long}\"")));
    load(&hs256(long));
}

#[test]
fn r47_wechat_is_spoken_to_by_https_or_on_this_machine() {
    for (url, good) in [
        ("https://relay.example.com", true),
        ("http://127.0.0.1:4190", true),
        ("http://127.8.9.10", true),
        ("http://[::1]:4190", true),
        ("http://localhost:4190", true),
        ("http://api.weixin.qq.com", false),
        ("http://10.0.0.1", false),
        ("http://localhost.example.com", false),
        ("http://127.0.0.1.example.com", false),
        ("https://relay.example.com/path", false),
    ] {
        let text = with("", &format!("[endpoints]\napi = \"{url}\"\nopen = \"{url}\""));
        match Config::parse(&text, &secrets_in_env()) {
            Ok(loaded) => assert!(good && loaded.config.endpoints.api == url, "{url}"),
            Err(problems) => assert!(!good && problems.0.len() == 2, "{url}: {problems}"),
        }
    }
}

#[test]
fn what_comes_later_is_refused_by_name_and_never_as_unknown() {
    for key in schema::keys().iter().filter(|key| key.support == Support::Later) {
        let path = key.path.replace('*', "0");
        let remedy = schema::unbuilt(&path).expect("has a remedy");
        let expected = format!("not supported yet. {remedy}");

        let mut env = secrets_in_env();
        env.push((variable(&path), "1".to_owned()));
        if path.starts_with("route") {
            env.push((variable("route.0.path"), "/x".to_owned()));
        }
        let problems = Config::parse(&with("", ""), &env).expect_err(&path).0;
        let [problem] = problems.as_slice() else { panic!("{path}: {problems:?}") };
        assert_eq!(problem.to_string(), format!("{}: {path}: {expected}", variable(&path)));

        let (section, name) = path.rsplit_once('.').expect("lies in a section");
        let text = match section {
            "official_account" => with("", &format!("{ACCOUNT}{name} = 1")),
            "route.0.upstream" => with("", &format!("[[route]]\npath = \"/x\"\n[route.upstream]\n{name} = 1")),
            section => with("", &format!("[{section}]\n{name} = 1")),
        };
        let found = super::problems(&text);
        assert!(found.len() == 1 && found[0].ends_with(&expected), "{path}: {found:?}");
    }
}

#[test]
fn every_problem_of_one_run_is_reported_in_the_order_of_the_file() {
    let text = "public_url = \"ftp://x\"\ntypo = 1\n[server]\nworkers = -1\nlisten = [\"a\", \"b\"]\n[session]\nttl = \"1\"\nsecret = \"short\"\n[[route]]\npath = \"x\"\n[[route]]\npath = \"/y\"\nauth = \"maybe\"\n";
    let env = super::pairs(&[("WXGATE_LOG__LEVEL", "loud"), ("WXGATE_NOTHING", "")]);
    let problems = Config::parse(text, &env).expect_err("nearly everything is wrong");
    let places: Vec<String> = problems.0.iter().map(|p| format!("{} {:?} {}", p.origin, p.line(), p.key)).collect();
    assert_eq!(
        places,
        [
            "config.toml:1 Some(1) public_url",
            "config.toml:2 Some(2) typo",
            "config.toml:4 Some(4) server.workers",
            "config.toml:5 Some(5) server.listen",
            "config.toml:5 Some(5) server.listen",
            "config.toml:7 Some(7) session.ttl",
            "config.toml:8 Some(8) session.secret",
            "config.toml:10 Some(10) route.0.path",
            "config.toml:13 Some(13) route.1.auth",
            "WXGATE_LOG__LEVEL None log.level",
            "WXGATE_NOTHING None ",
            "default None upstream",
            "default None official_account",
        ]
    );
    let shown = problems.to_string();
    assert_eq!(shown.lines().count(), places.len());
    assert!(shown.contains("config.toml:2: typo: unknown key. The nearest known key is "), "{shown}");
}

#[test]
fn what_is_no_toml_is_the_only_problem() {
    for (text, line) in
        [("a = ", 1), ("x = 1\n\n[server\n", 3), ("a = 1\na = 2", 2), ("x = hunter2", 1), ("a = \"\u{0}\"", 1)]
    {
        let problems = Config::parse(text, &[]).expect_err(text).0;
        assert_eq!((problems.len(), problems[0].line()), (1, Some(line)), "{text:?}: {problems:?}");
        assert!(problems[0].message.starts_with("not TOML: "), "{text:?}");
        assert!(!problems[0].to_string().contains("hunter2"), "{}", problems[0]);
    }
}

#[test]
fn doubtful_choices_are_warned_of_and_accepted() {
    for (top, rest, expected) in [
        (r#"public_url = "http://m.example.com""#, "", "public_url: is http, so cookies travel in the clear"),
        (r#"public_url = "https://10.0.0.1""#, "", "public_url: has an IP address for a host"),
        (r#"public_url = "https://m.example.com:8443""#, "", "public_url: has a port other than the scheme's own"),
        (
            r#"upstream = "http://www.example.com""#,
            "",
            "upstream.url: looks public: whoever reaches it directly can claim to be anybody",
        ),
        (
            "",
            "[server]\ntrusted_proxies = [\"::/0\"]",
            "server.trusted_proxies: trusts every address there is, so any visitor can claim any other",
        ),
        (
            "",
            "[admin]\nlisten = \"0.0.0.0:4181\"",
            "admin.listen: is not limited to this machine or a private network: whoever reaches it can read the metrics",
        ),
        ("", "[admin]\ntoken = \"0123456789abcdef\"", "admin.token: guards nothing"),
        (
            "",
            "[session]\nttl = \"1h\"\nidle = \"2h\"\nsecret = { env = \"SEALING\" }",
            "session.idle: is longer than session.ttl, so it never counts",
        ),
        (
            "",
            "[session]\nsecret = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
            "session.secret: repeats itself and is easily guessed",
        ),
        (
            "",
            "[session]\nsecret = { env = \"SEALING\" }\nsame_site = \"strict\"",
            "session.same_site: is strict: a browser that comes back from WeChat, or by a link from elsewhere, does not show the cookie",
        ),
        (
            "",
            "[identity]\nheaders = false",
            "identity.headers: is off and there is no identity.jwt, so the upstream never learns who is there",
        ),
        (
            "",
            "[official_account]\napp_id = \"ww0123456789abcdef\"\napp_secret = { env = \"WECHAT\" }",
            "official_account.app_id: does not look like an official account's",
        ),
        (
            "",
            "[official_account]\napp_id = \"wx0123456789abcdef\"\napp_secret = \"abc\"",
            "official_account.app_secret: is not 32 characters long, as WeChat's are",
        ),
        (
            "",
            "[official_account]\napp_id = \"wx0123456789abcdef\"\napp_secret = { env = \"WECHAT\" }\nscope = \"userinfo\"\n[website_app]\napp_id = \"wxabc\"\napp_secret = { env = \"WECHAT\" }",
            "website_app.app_id: does not look like a website app's",
        ),
        (
            "",
            "[wecom]\ncorp_id = \"abcdef\"\nagent_id = 1\nsecret = \"0123456789abcdef0123456789abcdef0123456789a\"",
            "wecom.corp_id: does not look like a corporation's",
        ),
        (
            "",
            "[wecom]\ncorp_id = \"ww0123456789abcdef\"\nagent_id = 1\nsecret = { env = \"WECHAT\" }",
            "wecom.secret: is not 43 characters long, as WeChat's are",
        ),
        (
            "",
            "[[route]]\npath = \"/a\"\nallow = [\"userid:zhang\"]",
            "route.0.allow: names members of WeCom, and there is no [wecom] for them to sign in through",
        ),
        (
            "",
            "[jssdk]\nhosts = [\"n.example.com\", \"m.example.com:8443\"]",
            "jssdk.hosts: does not name the host of public_url, so no page there can use the JS-SDK",
        ),
        (
            "",
            "[[route]]\npath = \"/**\"\nauth = \"none\"\n[[route]]\npath = \"/admin/**\"",
            "route.1.path: never gets its turn: route.0 matches all of it first",
        ),
        (
            "",
            "[[route]]\npath = \"/登录\"\nauth = \"none\"",
            "route.0.path: has a space or a character beyond ASCII, so a sign-in is asked for all the same",
        ),
        (
            "",
            "[[route]]\npath = \"/a\"\nauth = \"optional\"\nscope = \"userinfo\"",
            "route.0.scope: is never asked for where auth is \"optional\"",
        ),
    ] {
        let text = with(top, rest);
        assert_eq!(warnings(&text), [expected], "{text}");
    }
    assert_eq!(warnings(&format!("{HEAD}{ACCOUNT}{SESSION}")), Vec::<String>::new());
    // A shorter ttl alone makes nobody's idle wrong.
    assert_eq!(warnings(&with("", "[session]\nttl = \"1h\"\nsecret = { env = \"SEALING\" }")), Vec::<String>::new());
}

#[test]
fn r34_every_accepted_pattern_is_one_the_policy_understands() {
    for path in ["/a[b", "/{", "/a]{}*", "/**/x", "/*", "/**/*.txt", "/[!a]/*", "/a,b/*", "/100%/*", "/中/**/x"] {
        let loaded = load(&with("", &format!("[[route]]\npath = '{path}'")));
        assert!(Policy::new(&loaded.config.routes, Scope::Base).is_ok(), "{path}");
    }
}

#[test]
fn a_logo_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str, contents: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, contents).expect("written");
        path
    };
    let kinds = "Name a PNG, JPEG or SVG file of at most 64 KiB.";
    let found = "A relative path counts from the working directory of the gate.";
    let mut large = b"\x89PNG\r\n\x1a\n".to_vec();
    large.resize((64 << 10) + 1, 0);
    for (path, why, remedy) in [
        (file("logo.gif", b"GIF89a"), "is neither PNG, JPEG nor SVG", kinds),
        (file("empty.png", b""), "is neither PNG, JPEG nor SVG", kinds),
        (file("cut.png", &large[..100]), "breaks off", kinds),
        (file("large.png", &large), "is larger than 64 KiB", kinds),
        (folder.path().join("missing.svg"), "cannot be read: entity not found", found),
        (folder.path().to_owned(), "cannot be read: is a directory", found),
    ] {
        let expected = format!("pages.logo_file: the file {} {why}. {remedy}", path.display());
        let told = problems(&with("", &format!("[pages]\nlogo_file = '{}'", path.display())));
        assert!(told.len() == 1 && told[0].ends_with(&expected), "{told:?}");
    }
    for (name, why) in [("", "is empty"), ("a\\u202Eb", "contains '\\u{202e}'")] {
        let told = problems(&with("", &format!("[pages]\nsite_name = \"{name}\"")));
        assert!(told.len() == 1 && told[0].contains(&format!("pages.site_name: {why}. ")), "{told:?}");
    }
}

#[test]
fn a_ca_file_that_is_none_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let good = std::fs::read_to_string(super::AUTHORITY).expect("text");
    let path = file.path().display().to_string();
    let text = |url: &str| with(&format!("upstream = {{ url = \"{url}\", ca_file = \"{path}\" }}"), "");
    for (pem, problem) in [
        (String::new(), "holds no certificate"),
        ("no PEM at all".to_owned(), "holds no certificate"),
        (format!("{good}{}", &good[..good.len() / 2]), "breaks off within certificate number 2"),
        (good.replacen('\n', "\n!!!!", 1), "holds no base64 in certificate number 1"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            "holds no good certificate as number 1: ",
        ),
    ] {
        std::fs::write(&file, &pem).expect("written");
        let found = problems(&text("https://127.0.0.1"));
        let expected = format!("upstream.ca_file: the file {path} {problem}");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}\nis not\n{expected}");
    }
    std::fs::write(&file, &good).expect("written");
    assert_eq!(load(&text("https://127.0.0.1:8443")).config.upstream.extra_roots.len(), 1);
    let found = problems(&text("http://127.0.0.1:8080"));
    assert_eq!(
        found,
        ["upstream.ca_file: is for an https upstream, and this one is not. Write https:// or remove it."]
    );
}
