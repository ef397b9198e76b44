//! Which pages get a signature, and over what exactly.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::support::visit::{component, within};
use crate::support::{Answer, WECHAT, World};
use crate::{TICKET, ask, assert_signed, sign, world};

/// A request that has a `Referer`.
async fn from_page(world: &World, query: &str, referer: &str) -> Answer {
    let headers = [("accept", "application/json"), ("referer", referer)];
    world.browser(WECHAT).send(Method::GET, &world.url(&format!("/jsconfig{query}")), &headers, Bytes::new()).await
}

#[tokio::test]
async fn a_page_gets_what_wx_config_needs_and_nothing_else() {
    let world = world("").await;
    let config =
        assert_signed(&sign(&world, "https://m.example.com/a?b=c&d=e").await, "https://m.example.com/a?b=c&d=e");
    let names: Vec<&str> = config.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(names, ["appId", "debug", "jsApiList", "nonceStr", "openTagList", "signature", "timestamp"]);
    assert_eq!(
        (&config["debug"], &config["jsApiList"], &config["openTagList"]),
        (&json!(false), &json!([]), &json!([]))
    );
    let again = sign(&world, "https://m.example.com/a?b=c&d=e").await.json();
    assert_ne!(config["nonceStr"], again["nonceStr"]);
    assert_eq!(world.site.requests(), 0, "nothing of it is the site's business");
}

#[tokio::test]
async fn the_url_is_signed_as_it_came_without_its_fragment() {
    let world = world("").await;
    for page in [
        "https://m.example.com",
        "https://m.example.com/",
        "https://m.example.com:443/",
        "http://m.example.com:8080/",
        "HTTPS://M.example.com/",
        "https://m.example.com/a/../b//c;d?x=%2F%2f&y=a+b&z=%E8%8C%B6&from=singlemessage&isappinstalled=0",
        "https://m.example.com/商品?名=茶 壶",
        "https://m.example.com/?code=a&state=b",
    ] {
        assert_signed(&sign(&world, page).await, page);
        assert_signed(&sign(&world, &format!("{page}#/route?x#y")).await, page);
    }
    // As some write it: not encoded at all.
    assert_signed(&ask(&world, "?url=https://m.example.com/a?b=c+d").await, "https://m.example.com/a?b=c+d");
    assert_signed(&ask(&world, "?_=7&url=https://m.example.com/%2520&x=%ff").await, "https://m.example.com/%20");
}

#[tokio::test]
async fn it_is_at_its_path_and_below_the_prefix_and_nowhere_else() {
    let moved = world("[jssdk]\npath = '/getJsConfig'\n[paths]\nprefix = '/gate'\n").await;
    let page = "https://m.example.com/";
    for (path, status) in [("/getJsConfig", 200), ("/gate/jsconfig", 200), ("/jsconfig", 401), ("/getJsConfig/", 401)] {
        let answer = moved.browser(WECHAT).fetch(&moved.url(&format!("{path}?url={}", component(page)))).await;
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            assert_signed(&answer, page);
        }
    }
    let off = world("[jssdk]\npath = ''\n").await;
    for path in ["/jsconfig", "/_wechat/jsconfig"] {
        let answer = off.browser(WECHAT).fetch(&off.url(&format!("{path}?url={}", component(page)))).await;
        assert_eq!(answer.slug(), "login-required", "{path}: an ordinary page of the site");
    }
    assert_eq!(moved.wechat_events().await.len() + off.wechat_events().await.len(), 2, "one token and one ticket");
}

#[tokio::test]
async fn without_url_the_referer_is_signed() {
    let world = world("").await;
    for page in ["https://m.example.com/a?b=%2B+c", "https://m.example.com"] {
        assert_signed(&from_page(&world, "", page).await, page);
        assert_signed(&from_page(&world, "?jsApiList=a", page).await, page);
    }
    for referer in
        ["https://evil.example/", "https://m.example.com.evil.example/", "https://m.example.com@evil.example/"]
    {
        let answer = from_page(&world, "", referer).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (403, "jsconfig-url-not-allowed"), "{referer}");
    }
    for referer in ["", "about:blank", "m.example.com"] {
        assert_eq!(from_page(&world, "", referer).await.status, 400, "{referer}");
    }
    // A URL that is named is the one that counts.
    assert_signed(
        &from_page(&world, "?url=https://m.example.com/b", "https://evil.example/").await,
        "https://m.example.com/b",
    );
    for query in ["", "?", "?url=", "?jsApiList=a", "?Url=https://m.example.com/"] {
        let answer = ask(&world, query).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (400, "jsconfig-url-missing"), "{query}");
    }
}

#[tokio::test]
async fn r45_only_listed_hosts_are_signed_for() {
    let world = world("[jssdk]\nhosts = ['M.Example.com', 'shop.example.com:8443', '微信.example']\n").await;
    for page in [
        "https://m.example.com/",
        "https://m.example.com:8443/",
        "https://shop.example.com:8443/",
        "https://xn--vuqz89a.example/",
        "https://微信.example/",
    ] {
        assert_signed(&sign(&world, page).await, page);
    }
    for page in [
        "https://example.com/",
        "https://am.example.com/",
        "https://m.example.com.evil.example/",
        "https://m.example.com./",
        "https://shop.example.com/",
        "https://shop.example.com:443/",
        "https://m.example.com@evil.example/",
        "https://user:password@m.example.com/",
        "https://evil.example\\@m.example.com/",
        "https://evil.example/?https://m.example.com/",
    ] {
        let answer = sign(&world, page).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (403, "jsconfig-url-not-allowed"), "{page}");
        assert!(!answer.text().contains("signature"), "{page}");
    }
    let here = sign(&crate::world("").await, "https://shop.example.com:8443/").await;
    assert_eq!(here.slug(), "jsconfig-url-not-allowed", "by default only the host of public_url");
}

#[tokio::test]
async fn what_is_no_url_is_refused_and_costs_no_call() {
    let world = world("").await;
    let long = format!("https://m.example.com/{}", "a".repeat(10 << 10));
    for query in [
        format!("?url={long}"),
        format!("?url=https://m.example.com/{}", "a".repeat(2048 - 21)),
        "?url=https://m.example.com/%00".to_owned(),
        "?url=https://m.example.com/%0d%0aSet-Cookie:%20a=b".to_owned(),
        "?url=https://m.example.com/%7f".to_owned(),
        "?url=https://m.example.com/%c2%85".to_owned(),
        "?url=https://m.example.com/%ff".to_owned(),
        "?url=%2Fpath".to_owned(),
        "?url=%2F%2Fm.example.com%2F".to_owned(),
        "?url=m.example.com".to_owned(),
        "?url=javascript:alert(1)".to_owned(),
        "?url=ftp://m.example.com/".to_owned(),
        "?url=https://".to_owned(),
        "?url=https://m.example.com/&url=https://m.example.com/".to_owned(),
        "?url=https://m.example.com/&%75rl=https://evil.example/".to_owned(),
        "?url=https://m.example.com/&jsApiList=%22%5D%7D".to_owned(),
        "?url=https://m.example.com/&openTagList=%3Cscript%3E".to_owned(),
    ] {
        let answer = ask(&world, &query).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (400, "bad-request"), "{query}");
        assert!(!answer.text().contains("signature") && !answer.text().contains("m.example.com"), "{query}");
    }
    let post = world.browser(WECHAT).post_json(&world.url("/jsconfig?url=https://m.example.com/"), "{}").await;
    assert_eq!((post.status.as_u16(), &*post.slug()), (400, "bad-request"), "only GET");
    assert_eq!(world.wechat_events().await, Vec::<Value>::new());

    let longest = format!("https://m.example.com/{}", "a".repeat(2048 - 22));
    assert_signed(&sign(&world, &longest).await, &longest);
    let headers = [("accept", "application/json")];
    let url = world.url("/jsconfig?url=https://m.example.com/");
    let head = world.browser(WECHAT).send(Method::HEAD, &url, &headers, Bytes::new()).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn lists_come_from_the_request_else_from_the_configuration() {
    let world =
        world("[jssdk]\napi_list = ['scanQRCode', 'menu:share:qq']\nopen_tags = 'wx-open-launch-weapp'\n").await;
    let page = "https://m.example.com/";
    for (more, apis, tags) in [
        ("", json!(["scanQRCode", "menu:share:qq"]), json!(["wx-open-launch-weapp"])),
        ("&jsApiList=&openTagList=", json!(["scanQRCode", "menu:share:qq"]), json!(["wx-open-launch-weapp"])),
        ("&jsApiList=a%2Cb,%20c", json!(["a", "b", "c"]), json!(["wx-open-launch-weapp"])),
        ("&openTagList=x,y", json!(["scanQRCode", "menu:share:qq"]), json!(["x", "y"])),
    ] {
        let config = assert_signed(&ask(&world, &format!("?url={}{more}", component(page))).await, page);
        assert_eq!((&config["jsApiList"], &config["openTagList"]), (&apis, &tags), "{more}");
    }
}

#[tokio::test]
async fn r28_debug_shows_what_was_signed_but_not_the_ticket() {
    let world = world("").await;
    let page = "https://m.example.com/\"茶\\?a=+";
    let answer = ask(&world, &format!("?debug=1&url={}", component(&format!("{page}#/x")))).await;
    let config = assert_signed(&answer, page);
    assert_eq!((&config["debug"], &config["url"]), (&json!(true), &json!(page)));
    let (nonce, timestamp) = (config["nonceStr"].as_str().expect("text"), &config["timestamp"]);
    let expected = format!("jsapi_ticket=••••&noncestr={nonce}&timestamp={timestamp}&url={page}");
    assert_eq!(config["string1"], expected.as_str());
    assert!(!answer.text().contains(&TICKET[..12]));
}

#[tokio::test]
async fn r39_one_client_gets_ten_times_as_many_signatures_as_sign_ins() {
    let world = World::with(
        |text| {
            let text = within(&text, "server", "trusted_proxies = ['127.0.0.1']");
            text + "[sign_in]\nattempts_per_minute = 2\n"
        },
        wxgate::simulator::Settings::default(),
    )
    .await;
    let mut neighbour = world.browser(WECHAT);
    neighbour.headers.insert("x-forwarded-for", "2001:db8:1:2::7".parse().expect("a value"));
    let mut one = world.browser(WECHAT);
    one.headers.insert("x-forwarded-for", "2001:db8:1:2::1".parse().expect("a value"));
    let url = world.url(&format!("/jsconfig?url={}", component(&world.url("/"))));
    for _ in 0..20 {
        assert_eq!(one.fetch(&url).await.status, 200);
    }
    for browser in [&mut one, &mut neighbour] {
        let answer = browser.fetch(&url).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (429, "rate-limited"));
        assert_eq!(answer.header("retry-after"), Some("3"));
    }
    let mut other = world.browser(WECHAT);
    other.headers.insert("x-forwarded-for", "2001:db8:1:3::1".parse().expect("a value"));
    assert_eq!(other.fetch(&url).await.status, 200);
    assert_eq!(one.get(&world.url("/")).await.status, 302, "a sign-in is counted on its own");
}
