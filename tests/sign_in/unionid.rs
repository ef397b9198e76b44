//! Two accounts know one visitor by two openids; whether WeChat tells the unionid they share is noticed.

use wxgate::simulator::Account;
use wxgate::simulator::{Settings, WEBSITE_APP_ID, WEBSITE_APP_SECRET};

use crate::support::visit::within;
use crate::support::{World, log};

/// What the log says once, and which accounts it is said of.
fn said_of(account: &str) -> usize {
    let told = log::everything();
    told.lines().filter(|line| line.contains("WeChat tells no unionid") && line.contains(account)).count()
}

async fn world(open_platform: Option<&str>) -> World {
    let official = Account { open_platform: open_platform.map(str::to_owned), ..Account::default() };
    let wechat = Settings { accounts: vec![official, Account::website_app()], ..Settings::default() };
    let website = format!("[website_app]\napp_id = '{WEBSITE_APP_ID}'\napp_secret = '{WEBSITE_APP_SECRET}'\n");
    World::with(|text| within(&text, "official_account", "scope = 'userinfo'") + &website, wechat).await
}

#[tokio::test]
async fn an_official_account_that_is_not_bound_is_said_once() {
    let bound = world(Some("sim-open-platform")).await;
    for _ in 0..25 {
        bound.signed_in("lin").await;
    }
    assert_eq!(said_of("official_account"), 0);
    let unbound = world(None).await;
    for visitors in 1..=25 {
        unbound.signed_in("lin").await;
        assert_eq!(said_of("official_account"), usize::from(visitors >= 20), "after {visitors} visitors");
    }
}
