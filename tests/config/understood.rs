//! What was written is what the gate works with.

use std::path::PathBuf;
use std::time::Duration;

use wxgate::config::*;
use wxgate::types::Scope;

use super::{load, with};

#[test]
fn the_smallest_configuration_has_the_defaults_of_the_contract() {
    let config = load(&with("", "")).config;
    assert_eq!(config.public_url.origin, "https://m.example.com");
    assert_eq!(
        (config.public_url.https, config.public_url.host.as_str(), config.public_url.port),
        (true, "m.example.com", None)
    );
    assert_eq!(config.upstream.address, UpstreamAddress::Http { host: "127.0.0.1".to_owned(), port: 8080 });
    assert!(config.upstream.preserve_host);
    assert_eq!(config.server.listen, [Listen::Tcp("0.0.0.0:4180".parse().expect("an address"))]);
    assert_eq!(
        (config.server.workers, config.server.max_connections, config.server.max_header_bytes),
        (0, 20_000, 32_768)
    );
    assert_eq!(config.session.ttl, Duration::from_secs(7 * 86_400));
    assert_eq!(config.session.idle, Some(Duration::from_secs(86_400)));
    assert_eq!((config.session.same_site, config.session.cookie_domain), (SameSite::Lax, None));
    let account = config.official_account.as_ref().expect("it is there");
    assert_eq!((account.scope, account.snapshot), (Scope::Base, SnapshotPolicy::Page));
    assert_eq!(account.token, TokenSource::Stable);
    assert_eq!((config.sign_in.attempts_per_minute, config.sign_in.language), (600, Language::Auto));
    assert_eq!((config.identity.headers, config.identity.encoding), (true, Encoding::Percent));
    assert!(config.identity.jwt.is_none() && config.routes.is_empty());
    assert_eq!(config.paths.login, "/_wechat/login");
    assert_eq!(config.log, Log { format: LogFormat::Text, level: LogLevel::Info, access: true });
    assert_eq!(config.endpoints.open, "https://open.weixin.qq.com");
    assert!(config.admin.is_none());
}

#[test]
fn the_operators_listener_has_an_address_and_perhaps_a_token() {
    for listen in ["127.0.0.1:4181", "[::1]:4181", "10.1.2.3:1", "127.0.0.1:0"] {
        let admin = load(&with("", &format!("[admin]\nlisten = \"{listen}\""))).config.admin.expect("a listener");
        assert_eq!((admin.listen.to_string().as_str(), admin.token.is_none()), (listen, true));
    }
    let text = with("", "[admin]\nlisten = \"127.0.0.1:4181\"\ntoken = \"0123456789abcdef\"");
    let admin = load(&text).config.admin.expect("a listener");
    assert_eq!(admin.token.expect("a token").expose(), b"0123456789abcdef");
}

/// Every word of every choice.
#[test]
fn words_stand_for_what_they_say() {
    for (word, meaning) in
        [("page", SnapshotPolicy::Page), ("pass", SnapshotPolicy::Pass), ("deny", SnapshotPolicy::Deny)]
    {
        let text = with("", "").replace("app_id", &format!("snapshot = \"{word}\"\napp_id"));
        assert_eq!(load(&text).config.official_account.expect("it is there").snapshot, meaning);
    }
    for (word, meaning) in [("base", Scope::Base), ("userinfo", Scope::UserInfo)] {
        let text = with("", "").replace("app_id", &format!("scope = \"{word}\"\napp_id"));
        assert_eq!(load(&text).config.official_account.expect("it is there").scope, meaning);
        assert_eq!(route(&format!("scope = \"{word}\"")).scope, Some(meaning));
    }
    for (word, meaning) in [("stable", TokenSource::Stable), ("classic", TokenSource::Classic)] {
        let text = with("", "").replace("app_id", &format!("token = \"{word}\"\napp_id"));
        assert_eq!(load(&text).config.official_account.expect("it is there").token, meaning);
    }
    for (word, meaning) in [("auto", Language::Auto), ("zh-CN", Language::Chinese), ("en", Language::English)] {
        assert_eq!(load(&with("", &format!("[sign_in]\nlanguage = \"{word}\""))).config.sign_in.language, meaning);
    }
    for (word, meaning) in [("true", true), ("false", false)] {
        assert_eq!(load(&with("", &format!("[sign_in]\nhandoff = {word}"))).config.sign_in.handoff, meaning);
    }
    for (word, meaning) in [("lax", SameSite::Lax), ("strict", SameSite::Strict), ("none", SameSite::None)] {
        let text = with("", &format!("[session]\nsecret = {{ env = \"SEALING\" }}\nsame_site = \"{word}\""));
        assert_eq!(load(&text).config.session.same_site, meaning);
    }
    for (word, meaning) in [("percent", Encoding::Percent), ("base64", Encoding::Base64)] {
        assert_eq!(load(&with("", &format!("[identity]\nencoding = \"{word}\""))).config.identity.encoding, meaning);
    }
    for (word, meaning) in [("text", LogFormat::Text), ("json", LogFormat::Json)] {
        assert_eq!(load(&with("", &format!("[log]\nformat = \"{word}\""))).config.log.format, meaning);
    }
    for (word, meaning) in
        [("error", LogLevel::Error), ("warn", LogLevel::Warn), ("info", LogLevel::Info), ("debug", LogLevel::Debug)]
    {
        assert_eq!(load(&with("", &format!("[log]\nlevel = \"{word}\""))).config.log.level, meaning);
    }
    for (word, meaning) in [("required", Auth::Required), ("optional", Auth::Optional), ("none", Auth::None)] {
        assert_eq!(route(&format!("auth = \"{word}\"")).auth, meaning);
    }
    for (word, meaning) in [
        ("\"redirect\"", OnAnonymous::Redirect),
        ("\"401\"", OnAnonymous::Unauthorized),
        ("401", OnAnonymous::Unauthorized),
    ] {
        assert_eq!(route(&format!("on_anonymous = {word}")).on_anonymous, Some(meaning));
    }
}

fn route(lines: &str) -> Route {
    load(&with("", &format!("[[route]]\npath = \"/x\"\n{lines}"))).config.routes.remove(0)
}

#[test]
fn algorithms_go_with_keys_of_their_kind() {
    let pem = "\"\"\"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n\"\"\"";
    for (word, key, meaning) in [
        ("ES256", pem, Algorithm::Es256),
        ("EdDSA", pem, Algorithm::EdDsa),
        ("RS256", pem, Algorithm::Rs256),
        ("HS256", "{ env = \"SEALING\" }", Algorithm::Hs256),
    ] {
        let text =
            with("", &format!("[identity.jwt]\nheader = \"Authorization\"\nalgorithm = \"{word}\"\nkey = {key}"));
        let jwt = load(&text).config.identity.jwt.expect("configured");
        assert_eq!(jwt.algorithm, meaning);
        assert_eq!((jwt.header, jwt.cookie), (Some(http::header::AUTHORIZATION), None));
        assert_eq!((jwt.audience.as_str(), jwt.ttl), ("https://m.example.com", Duration::from_secs(300)));
    }
}

#[test]
fn upstreams_are_texts_or_tables_and_routes_inherit() {
    let top = "upstream = { url = \"unix:/run/app.sock\", idle_timeout = \"1m\", preserve_host = false }";
    let config = load(&with(top, "[[route]]\npath = \"/a\"\nupstream = \"http://[::1]:81\"\n[[route]]\npath = \"/b\"\nupstream = { response_timeout = \"9s\", preserve_host = true }")).config;
    assert_eq!(config.upstream.address, UpstreamAddress::Unix(PathBuf::from("/run/app.sock")));
    let [a, b] = config.routes.as_slice() else { panic!("two routes") };
    let (a, b) = (a.upstream.as_ref().expect("set"), b.upstream.as_ref().expect("set"));
    assert_eq!(a.address, UpstreamAddress::Http { host: "::1".to_owned(), port: 81 });
    assert_eq!((a.idle_timeout.as_secs(), a.preserve_host), (60, false));
    assert_eq!(b.address, config.upstream.address);
    assert_eq!((b.response_timeout.as_secs(), b.idle_timeout.as_secs(), b.preserve_host), (9, 60, true));
}

#[test]
fn a_name_and_a_logo_are_read_at_the_start() {
    let logo = tempfile::NamedTempFile::new().expect("a temporary file");
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    std::fs::write(logo.path(), svg).expect("written");
    let text = format!("[pages]\nsite_name = \" 山风茶舍 \"\nlogo_file = '{}'", logo.path().display());
    let pages = load(&with("", &text)).config.pages;
    assert_eq!(pages.site_name.as_deref(), Some("山风茶舍"));
    assert_eq!(pages.logo, Some(Logo { bytes: svg.to_vec(), picture: Picture::Svg }));
    assert_eq!(load(&with("", "")).config.pages, Pages { site_name: None, logo: None });
}

#[test]
fn single_values_pass_for_lists_and_addresses_for_networks() {
    let server = load(&with(
        "",
        "[server]\nlisten = \"[::]:0\"\ntrusted_proxies = [\"127.0.0.1\", \"10.1.2.3/8\", \"fd00::/8\"]",
    ))
    .config
    .server;
    assert_eq!(server.listen, [Listen::Tcp("[::]:0".parse().expect("an address"))]);
    let networks: Vec<String> = server.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]);
}

#[test]
fn own_endpoints_move_with_the_prefix_or_alone() {
    let paths = load(&with("", "[paths]\nprefix = \"/gate\"\nlogin = \"/wxAuthorize\"")).config.paths;
    let expected = ["/gate", "/wxAuthorize", "/gate/callback", "/gate/logout", "/gate/me"].map(str::to_owned);
    assert_eq!([paths.prefix, paths.login, paths.callback, paths.logout, paths.me], expected);
}

#[test]
fn pages_are_signed_for_at_home_unless_hosts_are_named() {
    let of = |lines: &str| load(&with("", lines)).config.jssdk;
    let signed = |host: &str, port| SignedHost { host: host.to_owned(), port };
    let jssdk = of("");
    assert_eq!((jssdk.path.as_deref(), jssdk.hosts), (Some("/jsconfig"), vec![signed("m.example.com", None)]));
    assert!(jssdk.api_list.is_empty() && jssdk.open_tags.is_empty());
    let jssdk = of("[jssdk]\npath = \"/_wechat/jsconfig\"\nhosts = [\"m.example.com\", \"n.example.com:8443\"]");
    assert_eq!(jssdk.path.as_deref(), Some("/_wechat/jsconfig"));
    assert_eq!(jssdk.hosts, [signed("m.example.com", None), signed("n.example.com", Some(8443))]);
    assert_eq!(of("[jssdk]\npath = \"\"").path, None);
}

#[test]
fn cookies_may_cover_the_domain_above() {
    for (domain, kept) in
        [("example.com", "example.com"), (".Example.COM", "example.com"), ("m.example.com", "m.example.com")]
    {
        let text = with(
            "",
            &format!("[session]\nsecret = {{ env = \"SEALING\" }}\ncookie_domain = \"{domain}\"\nidle = \"off\""),
        );
        let session = load(&text).config.session;
        assert_eq!((session.cookie_domain.as_deref(), session.idle), (Some(kept), None));
    }
}

#[test]
fn verify_files_hold_their_own_token() {
    let file = load(&with("", "[sign_in]\nverify_files = \"MP_verify_7Y9HLc4m7Aa8OPvS.txt\""))
        .config
        .sign_in
        .verify_files
        .remove(0);
    assert_eq!((file.name.as_str(), file.token.as_str()), ("MP_verify_7Y9HLc4m7Aa8OPvS.txt", "7Y9HLc4m7Aa8OPvS"));
}

#[test]
fn a_file_saved_on_windows_is_read_all_the_same() {
    let text = with("", "[log]\nlevel = \"debug\"").replace('\n', "\r\n");
    assert_eq!(load(&format!("\u{feff}{text}")).config.log.level, LogLevel::Debug);
}

#[test]
fn any_one_of_the_three_accounts_is_enough() {
    let website = "[website_app]\napp_id = \"wxfedcba9876543210\"\napp_secret = { env = \"WECHAT\" }\n";
    let wecom = |agent: &str| {
        format!("[wecom]\ncorp_id = \"ww0123456789abcdef\"\nagent_id = {agent}\nsecret = {{ env = \"WECHAT\" }}\n")
    };
    for (accounts, official, web, corp) in [
        (super::ACCOUNT.to_owned(), true, false, false),
        (website.to_owned(), false, true, false),
        (wecom("1000002"), false, false, true),
        (wecom("\"1000002\"") + website, false, true, true),
        (wecom("1000002") + website + super::ACCOUNT, true, true, true),
    ] {
        let config = load(&format!("{}{accounts}{}", super::HEAD, super::SESSION)).config;
        let there = (config.official_account.is_some(), config.website_app.is_some(), config.wecom.is_some());
        assert_eq!(there, (official, web, corp), "{accounts}");
        if let Some(wecom) = config.wecom {
            assert_eq!((wecom.corp_id.as_str(), wecom.agent_id.as_str()), ("ww0123456789abcdef", "1000002"));
            assert_eq!(wecom.scope, Scope::Base);
        }
    }
}

#[test]
fn members_of_wecom_are_allowed_by_name() {
    let text = with(
        "",
        "[wecom]\ncorp_id = \"ww0123456789abcdef\"\nagent_id = 1\nsecret = { env = \"WECHAT\" }\nscope = \"privateinfo\"\n[[route]]\npath = \"/a\"\nallow = \"userid:zhang.san@x\"",
    );
    let config = load(&text).config;
    assert_eq!(config.wecom.expect("it is there").scope, Scope::PrivateInfo);
    assert!(matches!(&config.routes[0].allow[..], [Allow::UserId(id)] if id.as_str() == "zhang.san@x"));
}
