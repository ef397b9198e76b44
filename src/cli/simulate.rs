//! `wxgate simulate`: the pretend WeChat alone, and what to write into a configuration to meet it.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::{asked_to_stop, reload};
use crate::simulator::{
    AGENT_ID, APP_ID, APP_SECRET, CORP_ID, CORP_SECRET, Settings, Simulator, WEBSITE_APP_ID, WEBSITE_APP_SECRET,
};

pub(super) fn simulate(listen: SocketAddr) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let simulator = Simulator::bind(listen, Settings::default()).await?;
        io::stdout().write_all(greeting(&simulator.base_url()).as_bytes())?;
        simulator.run(asked_to_stop(reload::nothing_to_reload)).await;
        Ok(0)
    })
}

fn greeting(base_url: &str) -> String {
    format!(
        r#"A pretend WeChat is at {base_url}
Its front page tells who lives there and how to make things go wrong.

For config.toml:

    public_url = "http://127.0.0.1:4180"
    upstream   = "http://127.0.0.1:8080"

    [official_account]
    app_id     = "{APP_ID}"
    app_secret = "{APP_SECRET}"

    [website_app]
    app_id     = "{WEBSITE_APP_ID}"
    app_secret = "{WEBSITE_APP_SECRET}"

    [wecom]
    corp_id  = "{CORP_ID}"
    agent_id = "{AGENT_ID}"
    secret   = "{CORP_SECRET}"

    [endpoints]
    open    = "{base_url}"
    api     = "{base_url}"
    qyapi   = "{base_url}"
    wwlogin = "{base_url}"

One of the three accounts is enough. public_url may have any port of 127.0.0.1, [::1] or localhost. For another host,
read the account at {base_url}/__sim/accounts, add the host to its redirect_hosts and js_hosts, and POST it back there.
As at WeChat, only a browser whose user agent says MicroMessenger gets in, and in WeCom one that says wxwork; others are
shown a QR code where there is one. To let every browser in:
curl {base_url}/__sim/rules -d '{{"require_wechat": false}}'
To do what a phone does with the QR code that was shown last:
curl {base_url}/__sim/qr -d '{{"do": "confirm", "user": "lin"}}'
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_configuration_it_prints_is_a_good_one() {
        let greeting = greeting("http://127.0.0.1:4190");
        let written: Vec<_> = greeting.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), written.join("\n")).unwrap();
        let loaded = Config::load(Some(file.path()), []);
        if let Ok(loaded) = &loaded {
            let Config { official_account, website_app, wecom, .. } = &loaded.config;
            assert!(official_account.is_some() && website_app.is_some() && wecom.is_some(), "all three are there");
        }
        assert!(loaded.is_ok(), "{}", loaded.err().map(|problems| problems.to_string()).unwrap_or_default());
    }
}
