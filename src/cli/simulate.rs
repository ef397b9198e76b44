//! `wxgate simulate`: the pretend WeChat alone.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::asked_to_stop;
use crate::simulator::{APP_ID, APP_SECRET, Settings, Simulator};

pub(super) fn simulate(listen: SocketAddr) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let simulator = Simulator::bind(listen, Settings::default()).await?;
        let url = simulator.base_url();
        writeln!(
            io::stdout(),
            "A pretend WeChat is at {url}\n\nFor config.toml:\n\n[official_account]\napp_id = \"{APP_ID}\"\napp_secret = \"{APP_SECRET}\"\n\n[endpoints]\nopen = \"{url}\"\napi = \"{url}\"\n"
        )?;
        simulator.run(asked_to_stop()).await;
        Ok(0)
    })
}
