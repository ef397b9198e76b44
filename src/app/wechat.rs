//! What WeChat is spoken to with: for each account its client, and who keeps its tokens.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::login;
use crate::store::Memory;
use crate::types::AppId;
use crate::wechat::{Accounts, Caller, Client, NotStarted, Platform, Source, UserTokens, wecom};

/// The accounts that are configured, and nothing for the others.
pub(super) struct Wechat {
    pub official_account: Option<(Client, Platform)>,
    pub wecom: Option<(wecom::Client, Platform)>,
    pub accounts: Accounts,
}

impl Wechat {
    pub(super) fn new(
        config: &Config,
        caller: &Caller,
        memory: &Arc<Memory>,
        clock: &Clock,
    ) -> Result<Self, NotStarted> {
        let endpoints = &config.endpoints;
        let platform = |source: Source| {
            let platform = Platform::new(source, memory.clone(), clock.clone(), caller.runtime.clone());
            platform.keep_warm();
            platform
        };
        let tokens = |client: Client| UserTokens::new(client, memory.clone(), clock.clone());
        let official = config.official_account.as_ref().map(|account| Client::new(account, endpoints, caller.clone()));
        let website = config.website_app.as_ref().map(|app| Client::of_website_app(app, endpoints, caller.clone()));
        let wecom = config.wecom.as_ref().map(|wecom| wecom::Client::new(wecom, endpoints, caller.clone()));
        let official_account = official.transpose()?.map(|client| (client.clone(), platform(client.into())));
        let wecom = wecom.transpose()?.map(|client| (client.clone(), platform(client.into())));
        let accounts = Accounts {
            official_account: official_account.as_ref().map(|(client, _)| tokens(client.clone())),
            website_app: website.transpose()?.map(tokens),
            wecom: wecom.clone().map(|(client, platform)| wecom::Members::new(client, platform)),
        };
        Ok(Self { official_account, wecom, accounts })
    }
}

/// The accounts whose visitors are welcome.
pub(super) fn app_ids(config: &Config) -> Vec<AppId> {
    let official = config.official_account.as_ref().map(|account| &account.app_id);
    let website = config.website_app.as_ref().map(|app| &app.app_id);
    let wecom = config.wecom.as_ref().map(|wecom| &wecom.corp_id);
    [official, website, wecom].into_iter().flatten().cloned().collect()
}

/// The sections of the accounts.
pub(super) fn accounts(config: &Config) -> login::Accounts<'_> {
    login::Accounts {
        official_account: config.official_account.as_ref(),
        website_app: config.website_app.as_ref(),
        wecom: config.wecom.as_ref(),
    }
}
