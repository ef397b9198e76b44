//! What WeChat is spoken to with: for each account its client, and who keeps its tokens.

use super::lasting::Lasting;
use crate::config::Config;
use crate::login;
use crate::types::{Account, AppId};
use crate::wechat::{Accounts, Client, NotStarted, Platform, Source, UserTokens, wecom};

/// The accounts that are configured, and nothing for the others.
#[derive(Debug)]
pub(super) struct Wechat {
    pub official_account: Option<(Client, Platform)>,
    pub wecom: Option<(wecom::Client, Platform)>,
    pub accounts: Accounts,
}

impl Wechat {
    /// An account that is as it was `before` keeps its connections and its tokens.
    pub(super) fn new(
        config: &Config,
        lasting: &Lasting,
        before: Option<(&Config, &Self)>,
    ) -> Result<Self, NotStarted> {
        let (endpoints, caller, memory, clock) = (&config.endpoints, &lasting.caller, &lasting.memory, lasting.clock());
        let kept = |account| before.filter(|(before, _)| is_same(account, before, config)).map(|(_, wechat)| wechat);
        let platform = |source: Source| {
            let platform = Platform::new(source, memory.clone(), clock.clone(), caller.runtime.clone());
            platform.keep_warm();
            platform
        };
        let tokens = |client: Client| UserTokens::new(client, memory.clone(), clock.clone());
        let official_account = if let Some(kept) = kept(Account::OfficialAccount) {
            kept.official_account.clone()
        } else {
            let client = config.official_account.as_ref().map(|own| Client::new(own, endpoints, caller.clone()));
            client.transpose()?.map(|client| (client.clone(), platform(client.into())))
        };
        let wecom = if let Some(kept) = kept(Account::WeCom) {
            kept.wecom.clone()
        } else {
            let client = config.wecom.as_ref().map(|own| wecom::Client::new(own, endpoints, caller.clone()));
            client.transpose()?.map(|client| (client.clone(), platform(client.into())))
        };
        let website_app = if let Some(kept) = kept(Account::WebsiteApp) {
            kept.accounts.website_app.clone()
        } else {
            let client = config.website_app.as_ref().map(|own| Client::of_website_app(own, endpoints, caller.clone()));
            client.transpose()?.map(tokens)
        };
        let accounts = Accounts {
            official_account: official_account.as_ref().map(|(client, _)| tokens(client.clone())),
            website_app,
            wecom: wecom.clone().map(|(client, platform)| wecom::Members::new(client, platform)),
        };
        Ok(Self { official_account, wecom, accounts })
    }
}

/// Whether WeChat is spoken to in the same way for an account, under the same name and with the same secret.
pub(super) fn is_same(account: Account, before: &Config, after: &Config) -> bool {
    let same = match account {
        Account::OfficialAccount => {
            let of = |config: &Config| {
                let own = config.official_account.as_ref()?;
                Some((own.app_id.clone(), own.app_secret.expose().clone(), Some(own.token)))
            };
            of(before) == of(after)
        }
        Account::WebsiteApp => {
            let of = |config: &Config| {
                let own = config.website_app.as_ref()?;
                Some((own.app_id.clone(), own.app_secret.expose().clone()))
            };
            of(before) == of(after)
        }
        Account::WeCom => {
            let of = |config: &Config| {
                let own = config.wecom.as_ref()?;
                Some((own.corp_id.clone(), own.agent_id.clone(), own.secret.expose().clone()))
            };
            of(before) == of(after)
        }
    };
    same && before.endpoints == after.endpoints
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
