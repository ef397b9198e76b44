//! The gate as browsers meet it: `wxgate demo` in an ordinary one, the course page in WeChat's webviews.

#[path = "../examples/children.rs"]
#[expect(dead_code, reason = "the examples start more programs than this")]
mod children;
mod chrome;
mod fragment;
mod gallery;
mod handoff;
#[path = "../examples/http.rs"]
#[expect(dead_code, reason = "the examples ask more than this")]
mod http;
mod matrix;
mod pages;
mod qr;
mod spa;
mod town;
#[path = "../examples/walk.rs"]
#[expect(dead_code, reason = "a real browser walks here")]
mod walk;

use std::process::Command;

use children::Running;
use chrome::Tab;

fn demo() -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wxgate"));
    command.args(["demo", "--listen", "127.0.0.1:0"]);
    // The first address it tells is the gate's.
    let demo = children::start(command, "http://127.0.0.1:");
    let url = format!("http://127.0.0.1:{}", demo.port);
    (demo, url)
}

/// From the landing page to the member's page, as `user` of the pretend WeChat.
fn enter(tab: &mut Tab, url: &str, user: &str) {
    tab.go(url);
    tab.click("a[href='/home']");
    tab.click(&format!("button[name=user][value={user}]"));
    tab.click("button[name=answer][value=allow]");
    tab.until("location.pathname === '/home' && document.querySelector('.card')");
}

#[test]
fn a_desktop_browser_enters_the_demo_and_leaves_it() {
    let (_demo, url) = demo();
    let mut tab = Tab::open(&[]);
    enter(&mut tab, &url, "lin");
    let origin = tab.until("location.origin");
    assert_eq!(origin, url.as_str());
    assert_eq!(tab.until("location.hash === '' && document.querySelector('h1').innerText"), "林小雨🌧️");
    assert_eq!(tab.until("document.cookie === '' && 'hidden'"), "hidden", "no cookie of the gate is for scripts");

    // The token: taken apart by the site, its signature proved in the browser.
    tab.until("document.querySelectorAll('#token .checks .yes').length === 3");
    tab.until("document.querySelectorAll('.checks .no').length === 0");
    tab.until("document.querySelector('#token').innerText.includes('signature valid')");
    tab.until("document.querySelector('.avatar').naturalWidth > 0");

    // The WebSocket and the event stream, through the gate.
    tab.until("document.querySelector('#echo .live')");
    tab.until("(document.querySelector('#echo input').value = '你好，<b>山</b>', true)");
    tab.click("#echo button");
    tab.until("document.querySelector('#echo .lines').innerText.includes('你好，<b>山</b>')");
    tab.until("(window.seen ??= new Set()).add(document.querySelector('output').value).size >= 3");

    tab.click("form[action='/_wechat/logout'] button");
    tab.until("location.pathname === '/' && document.querySelector('.hero .button').innerText.includes('微信进入')");
    tab.click("a[href='/home']");
    let asked = tab.until("document.querySelector('button[name=user]') && location.origin");
    assert_ne!(asked, url.as_str(), "signed out: the pretend WeChat asks again");
}

#[test]
fn a_desktop_browser_may_scan_instead_and_is_the_same_person() {
    let (_demo, url) = demo();
    let mut tab = Tab::open(&[]);
    enter(&mut tab, &url, "lin");
    let fact = |name: &str| {
        format!(
            "[...document.querySelectorAll('tr')].find((row) => row.innerText.includes('{name}'))?.cells[1].innerText"
        )
    };
    let (openid, unionid) = (tab.until(&fact("X-Wechat-Openid")), tab.until(&fact("X-Wechat-Unionid")));
    tab.click("form[action='/_wechat/logout'] button");
    tab.until("location.pathname === '/'");
    tab.click("a[href*='door=website_app']");
    let scan = tab.until("document.querySelector('.aside a')?.href");
    let mut phone = Tab::open(&[]);
    phone.go(scan.as_str().expect("an address"));
    phone.click("button[name=user][value=lin]");
    phone.click("button[name=answer][value=allow]");
    tab.until("location.pathname === '/home' && document.querySelector('.card')");
    assert_eq!(tab.until(&fact("X-Wechat-Unionid")), unionid);
    assert_ne!(tab.until(&fact("X-Wechat-Openid")), openid);
    assert_eq!(tab.until(&fact("X-Wechat-Account")), "website_app");
    tab.click("form[action='/_wechat/logout'] button");
    tab.until("location.pathname === '/'");
    tab.click("a[href*='door=wecom']");
    let scan = tab.until("document.querySelector('.aside a')?.href");
    phone.go(scan.as_str().expect("an address"));
    phone.click("button[name=user][value=zhang]");
    phone.click("button[name=answer][value=allow]");
    tab.until("location.pathname === '/home' && document.querySelector('.card')");
    assert_eq!(tab.until(&fact("X-Wechat-Userid")), "ZhangWei");
}

#[test]
fn r14_the_oddest_names_are_only_text() {
    let (_demo, url) = demo();
    let mut tab = Tab::open(&[]);
    for user in ["mimi", "chang", "wang", "doudou"] {
        enter(&mut tab, &url, user);
        tab.until("document.querySelectorAll('#token .checks .yes').length === 3");
        tab.until("document.querySelectorAll('b, i, script').length > 0 && !document.querySelector('h1 *, td b')");
        tab.until("document.documentElement.scrollWidth <= document.documentElement.clientWidth");
        tab.click("form[action='/_wechat/logout'] button");
        tab.until("location.pathname === '/'");
    }
}

#[test]
fn one_who_declines_gets_a_way_back_and_no_loop() {
    let (_demo, url) = demo();
    let mut tab = Tab::open(&[]);
    tab.go(&format!("{url}/home"));
    tab.click("button[name=user][value=lin]");
    tab.click("button[name=answer][value=refuse]");
    tab.until(&format!("location.origin === '{url}' && document.querySelector(\"a[href*='/_wechat/login']\")"));
    tab.click("a[href*='/_wechat/login']");
    tab.until(&format!("location.origin !== '{url}' && document.querySelector('button')"));
}
