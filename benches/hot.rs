//! The gate's own work on a signed-in request, step by step, for counting instructions: `hot VISITORS STEP TIMES`.
//!
//! Each step includes those before it, so that the difference of two is the step. VISITORS is `first` where nobody has
//! been seen before, `again` for one who asks for one thing after another. `benches/instructions.sh` runs it under
//! callgrind; by itself it prints nanoseconds, which drift with the machine.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use http::Request;
use wxgate::clock::Clock;
use wxgate::config::{Config, Loaded};
use wxgate::identity::Identity;
use wxgate::policy::{Policy, Verdict};
use wxgate::request::{Peer, Rules};
use wxgate::session::{Recent, Sessions};
use wxgate::store::Memory;
use wxgate::types::{Account, AppId, AvatarUrl, Identity as Visitor, Nickname, OpenId, Scope, UnionId};

const STEPS: [&str; 5] = ["request", "clean", "resume", "decide", "stamp"];

/// So many in turn push each other out of what a worker remembers, which is a thousand of them; one is always known.
const VISITORS: [(&str, usize); 2] = [("first", 4096), ("again", 1)];

const CONFIG: &str = r#"
public_url = "https://m.example.com"
upstream = "http://127.0.0.1:8080"
[official_account]
app_id = "wx0123456789abcdef"
app_secret = "0123456789abcdef0123456789abcdef"
[session]
secret = "a secret for the benchmark, 32 bytes or more"
[[route]]
path = "/static/**"
auth = "none"
[[route]]
path = "/api/*/public"
auth = "optional"
"#;

struct Bench {
    rules: Rules,
    peer: Peer,
    policy: Policy,
    sessions: Sessions,
    recent: Recent,
    identity: Identity,
    cookies: Vec<String>,
}

impl Bench {
    fn new(visitors: usize) -> Self {
        let Loaded { config, .. } = Config::parse(CONFIG, &[]).expect("the configuration above is good");
        let clock = Clock::system();
        let app_id = config.official_account.as_ref().expect("it is there").app_id.clone();
        let memory = Arc::new(Memory::new(clock.clone()));
        let sessions = Sessions::new(&config.session, &config.public_url, vec![app_id.clone()], memory, clock.clone());
        let rules = Rules::new(&config.server, &config.identity, &config.public_url);
        let visitor = visitor(app_id);
        let cookies = (0..visitors).map(|_| cookie(&sessions, &visitor)).collect();
        Self {
            peer: Peer::new(([203, 0, 113, 7], 40_000).into(), &rules),
            identity: Identity::new(&config.identity, &config.public_url, sessions.jar().clone(), clock)
                .expect("no key to refuse"),
            policy: Policy::new(&config.routes, Scope::Base).expect("the patterns are good"),
            rules,
            sessions,
            recent: Recent::default(),
            cookies,
        }
    }

    /// Goes as far as the step with this index.
    fn run(&self, step: usize, time: usize) {
        let request = Request::get("/members/today?page=2")
            .header("host", "m.example.com")
            .header("user-agent", "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI")
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("accept-language", "zh-CN,zh;q=0.9")
            .header("accept-encoding", "gzip, deflate, br")
            .header("cookie", &self.cookies[time % self.cookies.len()])
            .body(())
            .expect("a well-formed request");
        let request = black_box(request);
        if step == 0 {
            return;
        }
        let request = self.rules.clean(request, &self.peer).expect("a clean request");
        if step == 1 {
            return drop(black_box(request));
        }
        let resumed = self.sessions.resume_with(request.head(), &self.recent).expect("a signed-in request");
        if step == 2 {
            return drop(black_box((request, resumed)));
        }
        let access = self.policy.decide(request.head().method(), request.head().path());
        let Verdict::Pass(admitted) = access.admit(Some(resumed.session)) else { panic!("the visitor may pass") };
        if step == 3 {
            return drop(black_box((request, admitted)));
        }
        black_box(self.identity.stamp(request, &admitted));
    }
}

fn visitor(appid: AppId) -> Visitor {
    Visitor {
        account: Account::OfficialAccount,
        appid,
        scope: Scope::UserInfo,
        openid: OpenId::parse("o6_bmjrPTlm6_2sgVt7hMZOPfL2M").ok(),
        unionid: UnionId::parse("o6_bmasdasdsad6_2sgVt7hMZOPfL").ok(),
        userid: None,
        nickname: Nickname::clean("林小雨🌧️"),
        avatar: AvatarUrl::clean(&format!("https://thirdwx.qlogo.cn/mmopen/vi_32/{}/132", "Q0j4TwGTfTKib".repeat(6))),
        snapshot: false,
    }
}

fn cookie(sessions: &Sessions, visitor: &Visitor) -> String {
    let opened = sessions.open(visitor, None);
    let line = opened.cookie.to_str().expect("cookies are ASCII");
    line.split(';').next().expect("a cookie has a value").to_owned()
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let (seen, wanted) = (words.next(), words.next());
    let times: usize = words.next().and_then(|word| word.parse().ok()).unwrap_or(100_000);
    let is_wanted = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    for (name, visitors) in VISITORS.into_iter().filter(|(name, _)| is_wanted(&seen, name)) {
        let bench = Bench::new(visitors);
        for (step, step_name) in STEPS.iter().enumerate().filter(|(_, name)| is_wanted(&wanted, name)) {
            let began = Instant::now();
            for time in 0..times {
                bench.run(step, time);
            }
            report(name, step_name, began.elapsed().as_nanos() / times as u128);
        }
    }
}

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn report(seen: &str, name: &str, nanoseconds: u128) {
    println!("{seen} {name:8} {nanoseconds:6} ns, with all before it");
}
