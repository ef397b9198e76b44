//! WeChat's own page with a QR code, as the simulator plays it: a desktop and a phone, two real browsers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::children::{self, Running};
use crate::chrome::Tab;

fn wechat() -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wxgate"));
    command.args(["simulate", "--listen", "127.0.0.1:0"]);
    let running = children::start(command, "http://127.0.0.1:");
    let url = format!("http://127.0.0.1:{}", running.port);
    (running, url)
}

/// The desktop waits by itself; the phone opens what the code says, and its owner picks and confirms.
fn sign_in(desktop: &mut Tab, phone: &mut Tab, link: &str, user: &str) {
    desktop.go(link);
    let scan =
        desktop.until("document.querySelector('.code').naturalWidth > 0 && document.querySelector('.aside a').href");
    phone.go(scan.as_str().expect("an address"));
    phone.click(&format!("button[name=user][value={user}]"));
    phone.until("document.querySelector('.allow')");
    desktop.until("getComputedStyle(document.querySelector('[data-on=\"404\"]')).display === 'block'");
    phone.click("button[value=allow]");
    phone.until("document.querySelector('.icon.good')");
    let query = desktop.until("location.pathname === '/back' && location.search");
    let query = query.as_str().expect("a query");
    assert!(query.starts_with("?code=") && query.ends_with("&state=s"), "{query}");
}

/// Moves the simulated time.
fn five_minutes_later(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let request =
        "POST /__sim/clock HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 16\r\n\r\n{\"advance\": 300}";
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn the_desktop_goes_on_by_itself_once_the_phone_has_confirmed() {
    let (running, url) = wechat();
    let back: String = form_urlencoded::byte_serialize(format!("{url}/back").as_bytes()).collect();
    let website = format!(
        "{url}/connect/qrconnect?appid=wx51a71a70fa4e0002&redirect_uri={back}&response_type=code&scope=snsapi_login&state=s#wechat_redirect"
    );
    let wecom = format!(
        "{url}/wwlogin/sso/login?login_type=CorpApp&appid=ww51a71a70fa4e0003&agentid=1000002&redirect_uri={back}&state=s&lang=zh"
    );
    let (mut desktop, mut phone) = (Tab::open(&[]), Tab::open(&[]));
    sign_in(&mut desktop, &mut phone, &website, "lin");
    sign_in(&mut desktop, &mut phone, &wecom, "zhang");

    // Five minutes later the code is too old, and the page has another.
    desktop.go(&website);
    let first = desktop.until("document.querySelector('[data-told=\"408\"] .code').src");
    five_minutes_later(running.port);
    desktop.until("getComputedStyle(document.querySelector('[data-on=\"402\"]')).display === 'block'");
    desktop.click("[data-on='402'] a");
    let second = desktop
        .until(&format!("document.querySelector('.code').src !== {first} && document.querySelector('.code').src"));
    assert_ne!(first, second);
}
