//! The steps of a hand-off, one at a time, on either screen.

use bytes::Bytes;
use http::Method;

use crate::support::browser::Stream;
use crate::support::visit::component;
use crate::support::{Answer, Browser, CHROME, World};

pub const HANDOFF: &str = "[sign_in]\nhandoff = true\n";

/// A desktop browser that shows a code.
#[derive(Clone)]
pub struct Desktop {
    pub browser: Browser,
    pub page: Answer,
    /// What a thief of the code has.
    pub id: String,
}

impl Desktop {
    pub async fn open(world: &World, path: &str) -> Self {
        Self::open_in(world, world.browser(CHROME), path).await
    }

    pub async fn open_in(world: &World, mut browser: Browser, path: &str) -> Self {
        let page = browser.get(&world.url(path)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let id = given(&page, "events").split_once("?t=").expect("a ticket").1.to_owned();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        Self { browser, page, id }
    }

    /// How things stand, as its script would learn.
    pub async fn state(&mut self, world: &World) -> String {
        let answer = self.browser.fetch(&world.url(&given(&self.page, "poll"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        answer.text()
    }

    /// The number it shows, once a phone is there.
    pub async fn number(&mut self, world: &World) -> String {
        let state = self.state(world).await;
        let number = state.strip_prefix("scanned ").unwrap_or_else(|| panic!("no phone yet: {state}"));
        assert!(number.len() == 2 && number.parse::<u8>().is_ok(), "{state}");
        number.to_owned()
    }

    /// Listens; the first word has been heard.
    pub async fn listen(&self, world: &World) -> (String, News) {
        let stream = self.browser.clone().listen(&world.url(&given(&self.page, "events"))).await;
        assert_eq!(stream.headers["content-type"], "text/event-stream");
        assert_eq!(stream.headers["cache-control"], "no-store");
        let mut news = News { stream, ahead: String::new(), last: String::new() };
        (news.next().await.expect("how things stand"), news)
    }

    /// Goes on, as its script does at the end.
    pub async fn finish(&mut self, world: &World) -> Answer {
        self.browser.get(&world.url(&given(&self.page, "next"))).await
    }

    pub async fn assert_no_way_in(&mut self, world: &World) {
        let on = self.finish(world).await;
        assert!(on.status != 303 && !on.gives_a_session(), "{} {}", on.status, on.text());
        let inside = self.browser.fetch(&world.url("/inside")).await;
        assert_eq!(inside.status, 401, "{}", inside.text());
    }
}

/// What a desktop hears. The gate says the same again when it has long had nothing else to say, which is no news.
pub struct News {
    stream: Stream,
    ahead: String,
    last: String,
}

impl News {
    /// The next event, once it is there; `None` at the end.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let Some((event, rest)) = self.ahead.split_once("\n\n") else {
                let Some(more) = self.stream.next().await else {
                    assert_eq!(self.ahead, "", "half an event");
                    return None;
                };
                self.ahead += &more;
                continue;
            };
            let (event, rest) = (format!("{event}\n\n"), rest.to_owned());
            self.ahead = rest;
            if event != self.last {
                self.last.clone_from(&event);
                return Some(event);
            }
        }
    }

    /// All that still comes.
    pub async fn rest(mut self) -> String {
        let mut all = String::new();
        while let Some(event) = self.next().await {
            all += &event;
        }
        all
    }
}

/// What the page tells its script.
pub fn given(page: &Answer, name: &str) -> String {
    let shown = page.shown();
    // Where to go on is a link, for those without script.
    let mark = if name == "next" { " id=\"next\" href=\"".to_owned() } else { format!(" data-{name}=\"") };
    let (_, rest) = shown.split_once(&mark).unwrap_or_else(|| panic!("no {name}: {shown}"));
    rest.split_once('"').expect("it ends").0.to_owned()
}

/// A phone reads the code, and signs in if it has to.
pub async fn scan(world: &World, phone: &mut Browser, id: &str) -> Answer {
    phone.follow(&world.url(&format!("/_wechat/handoff?t={id}"))).await
}

/// The phone's form, sent from its page.
pub async fn say(world: &World, phone: &mut Browser, id: &str, number: &str, answer: &str) -> Answer {
    let form = format!("ticket={id}&number={}&answer={answer}", component(number));
    send(world, phone, &form, Some(&format!("http://{}", world.gate))).await
}

/// Any form, from any site.
pub async fn send(world: &World, phone: &mut Browser, form: &str, origin: Option<&str>) -> Answer {
    let mut headers = vec![("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded")];
    headers.extend(origin.map(|origin| ("origin", origin)));
    phone.send(Method::POST, &world.url("/_wechat/handoff"), &headers, Bytes::copy_from_slice(form.as_bytes())).await
}

/// Another number than this one.
pub fn other_than(number: &str) -> String {
    let number: u8 = number.parse().expect("a number");
    (10 + (number - 9) % 90).to_string()
}

impl Answer {
    /// A page that says so and went well.
    #[track_caller]
    pub fn assert_says(&self, words: &str) {
        assert!(self.status == 200 && self.text().contains(words), "{} {}", self.status, self.text());
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert!(self.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    }
}
