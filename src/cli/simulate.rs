//! `wxgate simulate`: the pretend WeChat alone, and what to write into a configuration to meet it.

use std::io::{self, Write};
use std::net::SocketAddr;

use crate::simulator::{APP_ID, APP_SECRET, Settings, Simulator};

/// Serves a default world until Ctrl-C, having written to `out` how to reach it. Every browser passes for WeChat's.
///
/// # Errors
/// When the address cannot be bound, or those of the writer.
pub async fn simulate(listen: SocketAddr, out: &mut impl Write) -> io::Result<()> {
    let settings = Settings { require_wechat: false, ..Settings::default() };
    let simulator = Simulator::bind(listen, settings).await?;
    out.write_all(greeting(&simulator.base_url()).as_bytes())?;
    out.flush()?;
    simulator
        .run(async {
            if tokio::signal::ctrl_c().await.is_err() {
                // No signal will ever come: serve for good rather than stop at once.
                std::future::pending::<()>().await;
            }
        })
        .await;
    Ok(())
}

fn greeting(base_url: &str) -> String {
    format!(
        r#"A pretend WeChat listens on {base_url}
Its front page tells who lives there and how to make things go wrong. Ctrl-C stops it.

Write this into config.toml:

    public_url = "http://127.0.0.1:4180"
    upstream   = "http://127.0.0.1:8080"

    [official_account]
    app_id     = "{APP_ID}"
    app_secret = "{APP_SECRET}"

    [endpoints]
    open = "{base_url}"
    api  = "{base_url}"

public_url may be any port of 127.0.0.1, [::1] or localhost. For another host, add it to redirect_hosts
of the account: GET {base_url}/__sim/accounts, and POST it back.
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
        let written: String =
            greeting.lines().filter_map(|line| line.strip_prefix("    ")).map(|line| format!("{line}\n")).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), written).unwrap();
        let loaded = Config::load(Some(file.path()), []);
        assert!(loaded.is_ok(), "{}", loaded.err().map(|problems| problems.to_string()).unwrap_or_default());
    }
}
