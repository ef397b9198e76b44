//! What is wrong is said in full, once, with what to write instead.

use wxgate::config::schema::{self, Support};
use wxgate::config::{Config, variable};
use wxgate::policy::Policy;
use wxgate::types::Scope;

use super::{ACCOUNT, HEAD, SESSION, load, problems, secrets_in_env, warnings, with};

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
