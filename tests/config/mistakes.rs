//! Every mistake one can make with a single key, and the words for it.

use super::{problems, with};

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
            r#"server.listen: is not an address and a port. Write an IP address and a port, such as "127.0.0.1:4180" or "[::]:4180"; or "unix:/path.sock", or "systemd:NAME"."#,
        ),
        (
            "",
            "[server]\nlisten = []",
            r#"server.listen: is empty. Write an IP address and a port, such as "127.0.0.1:4180" or "[::]:4180"; or "unix:/path.sock", or "systemd:NAME"."#,
        ),
        (
            "",
            "[server]\nlisten = [\"[::1]:1\", \"[::1]:1\"]",
            "server.listen: names an address twice. Keep one of them.",
        ),
        (
            "",
            "[server]\nlisten = [\"0.0.0.0:80\", \"[::]:80\"]",
            "server.listen: names an address that another one includes. Keep the wider one: 0.0.0.0 is every IPv4 address of this machine, [::] every address at all.",
        ),
        (
            "",
            "[server]\nlisten = [\"127.0.0.1:80\", \"[::1]:80\", \"[::ffff:127.0.0.1]:80\"]",
            "server.listen: names an address that another one includes. Keep the wider one: 0.0.0.0 is every IPv4 address of this machine, [::] every address at all.",
        ),
        (
            "",
            "[server]\nlisten = [\"127.0.0.1:0\", \"unix:run/x\"]",
            r#"server.listen: item 2: is not the absolute path of a socket. Write "unix:" and an absolute path, such as "unix:/run/app.sock"."#,
        ),
        (
            "",
            "[server]\nlisten = [\"unix:/run/x\", \"unix:/run//x\"]",
            "server.listen: names an address twice. Keep one of them.",
        ),
        (
            "",
            "[server]\nlisten = \"systemd:a:b\"",
            r#"server.listen: is not the name of a socket that systemd holds. Write "systemd:" and FileDescriptorName of the socket unit, or the unit's own name with ".socket"."#,
        ),
        (
            "upstream = \"unix:/run/x\"",
            "[server]\nlisten = \"unix:/run/x\"",
            "upstream.url: is the gate's own address, so every request would circle. Write the address of your application.",
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
            "server.proxy_protocol: is asked of trusted_proxies only, and there are none. Name your proxies in server.trusted_proxies, or write false.",
        ),
        (
            "",
            "[admin]\nlisten = \"4181\"",
            r#"admin.listen: is not an address and a port. Write an IP address and a port, such as "127.0.0.1:4181"."#,
        ),
        ("", "[admin]\nlisten = \"127.0.0.1:4180\"", "admin.listen: is an address for visitors. Choose another port."),
        ("", "[admin]\nlisten = \"[::]:4180\"", "admin.listen: is an address for visitors. Choose another port."),
        (
            "upstream = \"http://localhost:4181\"",
            "[admin]\nlisten = \"127.0.0.1:4181\"",
            "upstream.url: is the operator's address, admin.listen. Write the address of your application.",
        ),
        (
            "",
            "[admin]\nlisten = \"0.0.0.0:4181\"\n[[route]]\npath = \"/app\"\nupstream = \"http://127.0.0.1:4181\"",
            "route.0.upstream.url: is the operator's address, admin.listen. Write the address of your application.",
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
