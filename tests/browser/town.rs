//! The site, the gate before it and the pretend WeChat, as programs of their own, for tests that Playwright drives.

use std::process::Command;

use tempfile::TempDir;
use wxgate::simulator::{AGENT_ID, APP_ID, APP_SECRET, CORP_ID, CORP_SECRET, WEBSITE_APP_ID, WEBSITE_APP_SECRET};

use crate::children::{Running, in_repository, start};
use crate::walk::Gate;

/// All that browsers meet.
pub(crate) struct Town {
    gate_url: String,
    wechat_url: String,
    _programs: [Running; 3],
    _folder: TempDir,
}

/// An account that visitors can sign in through.
#[derive(Clone, Copy)]
pub(crate) enum Account {
    /// With what scope.
    Official(&'static str),
    Website,
    WeCom,
}

impl Account {
    fn section(self) -> String {
        match self {
            Self::Official(scope) => {
                format!("[official_account]\napp_id = '{APP_ID}'\napp_secret = '{APP_SECRET}'\nscope = '{scope}'\n")
            }
            Self::Website => {
                format!("[website_app]\napp_id = '{WEBSITE_APP_ID}'\napp_secret = '{WEBSITE_APP_SECRET}'\n")
            }
            Self::WeCom => format!(
                "[wecom]\ncorp_id = '{CORP_ID}'\nagent_id = '{AGENT_ID}'\nsecret = '{CORP_SECRET}'\nscope = 'privateinfo'\n"
            ),
        }
    }
}

impl Town {
    /// A gate with these accounts, and `extra` at the end of its `config.toml`.
    pub(crate) fn start(accounts: &[Account], extra: &str) -> Self {
        let mut site = Command::new("node");
        site.arg("site.js").current_dir(in_repository("tests/browser")).env("PORT", "0");
        let site = start(site, "listening on http://127.0.0.1:");
        let mut simulate = Command::new(env!("CARGO_BIN_EXE_wxgate"));
        simulate.args(["simulate", "--listen", "127.0.0.1:0"]);
        let wechat = start(simulate, "A pretend WeChat is at http://127.0.0.1:");
        let wechat_url = format!("http://127.0.0.1:{}", wechat.port);

        let (port, gate_url) = Gate::address();
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "public_url = '{gate_url}'\nupstream = 'http://127.0.0.1:{}'\n\
             [server]\nlisten = '127.0.0.1:{port}'\nworkers = 1\n\
             [session]\nsecret = 'a session secret for tests, 32 bytes at least'\n\
             [endpoints]\nopen = '{wechat_url}'\napi = '{wechat_url}'\nqyapi = '{wechat_url}'\nwwlogin = '{wechat_url}'\n\
             {sections}{extra}",
            site.port,
            sections = accounts.iter().map(|account| account.section()).collect::<String>()
        );
        std::fs::write(folder.path().join("config.toml"), config).expect("written");
        let mut run = Command::new(env!("CARGO_BIN_EXE_wxgate"));
        run.arg("run").current_dir(folder.path());
        let gate = start(run, "listening address=127.0.0.1:");
        Self { gate_url, wechat_url, _programs: [gate, wechat, site], _folder: folder }
    }

    /// Runs a script of Playwright's; what it says is the test's failure.
    pub(crate) fn perform(&self, script: &str, more: &[&str]) {
        let mut node = Command::new("node");
        node.arg(script)
            .args([&self.gate_url, &self.wechat_url])
            .args(more)
            .current_dir(in_repository("tests/browser"));
        let output = node.output().expect("node is installed: tests/run installs it");
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && told.contains("ok "), "{told}");
    }
}
