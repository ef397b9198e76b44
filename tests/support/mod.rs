//! A whole world for a test: a site, the gate in front of it, a pretend WeChat beside it, and browsers.
//!
//! Everything listens on ports the system chooses and ends with the [`World`].

#![allow(dead_code, reason = "each test program uses its own part of the world")]

pub mod browser;
pub mod doors;
pub mod log;
pub mod ports;
pub mod site;
pub mod visit;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use wxgate::app::{App, Options, Reloaded, Reloader};
use wxgate::clock::{Clock, Timestamp};
use wxgate::config::Config;
use wxgate::simulator::{APP_ID, APP_SECRET, Settings, Simulator};

pub use browser::{Answer, Browser};
pub use ports::free_port;
pub use site::Site;

/// A user agent of WeChat's on an iPhone (WECHAT.md section 8.1).
pub const WECHAT: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI Language/zh_CN";
/// Of a browser that is not WeChat's.
pub const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";

/// Of a phone's browser that is not WeChat's.
pub const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1";
/// Of WeCom on an iPhone.
pub const WECOM: &str = "Mozilla/5.0 (iPhone) Mobile wxwork/3.1.9 MicroMessenger/7.0.1 Language/zh ColorScheme/Light";

/// When fixed clocks start.
pub const START: Timestamp = Timestamp(1_800_000_000);

/// The gate, the site behind it and the pretend WeChat.
pub struct World {
    pub gate: SocketAddr,
    /// The operator's listener, where the configuration has one.
    pub admin: Option<SocketAddr>,
    pub simulator: SocketAddr,
    pub site: Site,
    /// The gate's clock: it stands still until moved.
    pub clock: Clock,
    /// Its configuration at the beginning.
    pub text: String,
    reloader: Reloader,
    stop_gate: Option<oneshot::Sender<()>>,
    gate_thread: Option<JoinHandle<()>>,
    stop_simulator: Option<oneshot::Sender<()>>,
}

impl World {
    /// A gate with nothing but the necessary, and `extra` at the end of its `config.toml`.
    pub async fn start(extra: &str) -> Self {
        Self::with(|text| text + extra, Settings::default()).await
    }

    /// As [`World::start`], with the whole text of the configuration in hand and a WeChat of one's own.
    pub async fn with(edit: impl FnOnce(String) -> String, wechat: Settings) -> Self {
        let site = Site::start().await;
        let clock = Clock::fixed(START);
        let simulator = Simulator::bind(([127, 0, 0, 1], 0).into(), wechat).await.expect("a free port");
        let simulator_address = simulator.address();
        let (stop_simulator, stopped) = oneshot::channel::<()>();
        tokio::spawn(simulator.run(async {
            let _ = stopped.await;
        }));

        let gate = free_port();
        let text = edit(format!(
            "public_url = 'http://{gate}'\n\
             upstream = 'http://{}'\n\
             [server]\nlisten = '{gate}'\nworkers = 2\nshutdown_grace = '2s'\n\
             [official_account]\napp_id = '{APP_ID}'\napp_secret = '{APP_SECRET}'\n\
             [session]\nsecret = 'a session secret for tests, 32 bytes at least'\n\
             [endpoints]\nopen = 'http://{simulator_address}'\napi = 'http://{simulator_address}'\n\
             qyapi = 'http://{simulator_address}'\nwwlogin = 'http://{simulator_address}'\n",
            site.address
        ));
        let loaded = Config::parse(&text, &[]).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        log::listen();
        let access_log = Arc::new(|| Box::new(log::Ear) as wxgate::edge::access_log::Sink);
        let options = Options { clock: clock.clone(), access_log, ..Options::default() };
        let (stop_gate, stopped) = oneshot::channel::<()>();
        // The gate has runtimes of its own, which must not be dropped inside this one.
        let (ready, started) = std::sync::mpsc::channel();
        let gate_thread = std::thread::spawn(move || {
            let app = App::bind(&loaded.config, &options).expect("the gate starts");
            let gate = app.addresses()[0].tcp().expect("an address and a port");
            ready.send((gate, app.admin_address(), app.reloader())).expect("the test waits");
            app.run(async {
                let _ = stopped.await;
            })
            .expect("the gate runs until it is stopped");
        });
        let (gate, admin, reloader) = started.recv().expect("the gate started");
        Self {
            gate,
            admin,
            simulator: simulator_address,
            site,
            clock,
            text,
            reloader,
            stop_gate: Some(stop_gate),
            gate_thread: Some(gate_thread),
            stop_simulator: Some(stop_simulator),
        }
    }

    /// Gives the gate another configuration, as SIGHUP does; or the reason why it does not take it.
    pub fn reload(&self, text: &str) -> Result<Reloaded, String> {
        let loaded = Config::parse(text, &[]).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        self.reloader.reload(&loaded.config).map_err(|error| error.to_string())
    }

    /// A browser with an empty cookie jar and this user agent.
    pub fn browser(&self, user_agent: &str) -> Browser {
        Browser::new(user_agent)
    }

    /// The address of a path at the gate.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gate)
    }

    /// Says something to the simulator's control side and gives its JSON answer.
    pub async fn tell_wechat(&self, path: &str, json: &str) -> serde_json::Value {
        let answer = Browser::new("test").post_json(&format!("http://{}/__sim/{path}", self.simulator), json).await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// What happened at the simulator, in order.
    pub async fn wechat_events(&self) -> Vec<serde_json::Value> {
        let answer = Browser::new("test").get(&format!("http://{}/__sim/events", self.simulator)).await;
        let json: serde_json::Value = serde_json::from_slice(&answer.body).expect("events are JSON");
        json.as_array().or_else(|| json["events"].as_array()).expect("a list of events").clone()
    }

    /// Lets the simulator sign this user in without asking anybody.
    pub async fn auto(&self, user: &str) {
        self.tell_wechat("auto", &format!(r#"{{"user":"{user}","answer":"allow"}}"#)).await;
    }

    /// Takes WeChat away for good.
    pub fn kill_wechat(&mut self) {
        self.stop_simulator.take();
    }

    /// Asks the gate to stop.
    pub fn ask_gate_to_stop(&mut self) {
        self.stop_gate.take();
    }

    /// Stops the gate and waits for its end.
    pub fn stop_gate(&mut self) {
        self.stop_gate.take();
        if let Some(thread) = self.gate_thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop_gate();
    }
}

/// Waits for a condition that something else brings about; fails the test when it does not come.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
