//! A real browser, driven over its DevTools socket (<https://chromedevtools.github.io/devtools-protocol/>).

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// Far more than any page here takes, on a busy machine too; only a hung one meets it.
const LONG: Duration = Duration::from_secs(60);

/// One tab of a fresh, ordinary desktop browser.
pub struct Tab {
    child: Child,
    socket: WebSocket<TcpStream>,
    session: Value,
    last_id: u64,
    _profile: TempDir,
}

impl Drop for Tab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Tab {
    /// Starts the browser. `more`: further command-line switches.
    pub fn open(more: &[&str]) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("chromium");
        command.args(["--headless", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu"]);
        command.args(["--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync"]);
        // As root, and in most containers, it refuses to start with its sandbox. It only sees our own pages.
        command.arg("--no-sandbox").arg(format!("--user-data-dir={}", profile.path().display())).args(more);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("chromium is installed: tests/run installs it");
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        let mut heard = Vec::new();
        let url = errors.lines().map_while(Result::ok).find_map(|line| {
            let url = line.strip_prefix("DevTools listening on ").map(str::to_owned);
            heard.push(line);
            url
        });
        let url = url.unwrap_or_else(|| panic!("chromium does not start:\n{}", heard.join("\n")));
        let socket = connect(&url);
        let mut tab = Self { child, socket, session: Value::Null, last_id: 0, _profile: profile };
        let target = tab.call("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].take();
        let attached = tab.call("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        tab.session = attached["sessionId"].clone();
        tab
    }

    /// Goes to an address; the page may still be loading.
    pub fn go(&mut self, url: &str) {
        self.call("Page.navigate", &json!({ "url": url }));
    }

    /// Waits until a JavaScript expression is true of whatever page is there by then, and returns it.
    pub fn until(&mut self, expression: &str) -> Value {
        let began = Instant::now();
        let script = format!(
            "new Promise((done) => {{ let left = 100; const look = () => {{ let found; \
             try {{ found = ({expression}); }} catch {{}} \
             if (found || --left === 0) done(found); else setTimeout(look, 20); }}; look(); }})"
        );
        while began.elapsed() < LONG {
            // A page that goes away takes the promise with it: then the next page is asked.
            let answer = self.try_call(
                "Runtime.evaluate",
                &json!({
                "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true }),
            );
            if let Ok(answer) = answer {
                let value = &answer["result"]["value"];
                if !matches!(value, Value::Null | Value::Bool(false)) {
                    return value.clone();
                }
            }
        }
        let page = self.text();
        panic!("never true: {expression}\non {page}");
    }

    /// Clicks the first element that a selector finds, once it is there.
    pub fn click(&mut self, selector: &str) {
        self.until(&format!(
            "document.readyState === 'complete' && (document.querySelector({selector:?}).click(), true)"
        ));
    }

    /// Address and text of the page.
    pub fn text(&mut self) -> String {
        let expression = "location.href + '\\n' + document.body.innerText";
        let answer = self.try_call("Runtime.evaluate", &json!({ "expression": expression, "returnByValue": true }));
        answer.map_or_else(|error| error, |answer| answer["result"]["value"].as_str().unwrap_or_default().to_owned())
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.try_call(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_call(&mut self, method: &str, parameters: &Value) -> Result<Value, String> {
        self.last_id += 1;
        let mut request = json!({ "id": self.last_id, "method": method, "params": parameters });
        if self.session.is_string() {
            request["sessionId"] = self.session.clone();
        }
        self.socket.send(Message::text(request.to_string())).expect("chromium listens");
        loop {
            let message = self.socket.read().expect("chromium answers");
            let Message::Text(text) = message else { continue };
            let mut answer: Value = serde_json::from_str(&text).expect("JSON");
            // What has no id, or another, is an event or an answer nobody waits for any more.
            if answer["id"] == self.last_id {
                let error = answer["error"]["message"].as_str().map(str::to_owned);
                return error.map_or_else(|| Ok(answer["result"].take()), Err);
            }
        }
    }
}

fn connect(url: &str) -> WebSocket<TcpStream> {
    let address = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("a plain address");
    let stream = TcpStream::connect(address).expect("chromium listens");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    tungstenite::client(url, stream).expect("chromium speaks WebSocket").0
}
