//! Whose tokens they are: an official account's, or those of an application in WeCom.

use super::Kind;
use crate::secret::Secret;
use crate::wechat::error::{Api, Error};
use crate::wechat::wire::Granted;
use crate::wechat::{Client, Ticket, wecom};

/// Where tokens come from. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Source {
    OfficialAccount(Client),
    WeCom(wecom::Client),
}

impl Source {
    /// What can be asked for here, the token first.
    pub(super) const fn kinds(&self) -> [Kind; 3] {
        match self {
            Self::OfficialAccount(_) => Kind::OFFICIAL_ACCOUNT,
            Self::WeCom(_) => Kind::WECOM,
        }
    }

    /// Names a record; different wherever the values are. Two applications of one corporation have tokens of their own.
    pub(super) fn names(&self, kind: Kind) -> [&str; 3] {
        match self {
            Self::OfficialAccount(client) => [client.app_id().as_str(), kind.as_str(), ""],
            Self::WeCom(client) => [client.corp_id().as_str(), kind.as_str(), client.agent_id().as_str()],
        }
    }

    /// The endpoint that gives a kind.
    pub(super) fn api(&self, kind: Kind) -> Api {
        match (self, kind) {
            (Self::OfficialAccount(client), Kind::AccessToken) => client.token_api(),
            (_, Kind::AccessToken) => Api::StableToken,
            (_, Kind::JsapiTicket | Kind::WxCardTicket) => Api::Ticket,
            (_, Kind::WecomToken) => Api::WecomToken,
            (_, Kind::WecomCorp) => Api::WecomCorpTicket,
            (_, Kind::WecomAgent) => Api::WecomAgentTicket,
        }
    }

    pub(super) async fn token(&self) -> Result<Granted, Error> {
        match self {
            Self::OfficialAccount(client) => client.platform_token().await,
            Self::WeCom(client) => client.token().await,
        }
    }

    /// The ticket of a kind, for a token.
    pub(super) async fn ticket(&self, token: &Secret<String>, kind: Kind) -> Result<Granted, Error> {
        match (self, kind) {
            (Self::OfficialAccount(client), Kind::WxCardTicket) => client.ticket(token, Ticket::WxCard).await,
            (Self::OfficialAccount(client), _) => client.ticket(token, Ticket::Jsapi).await,
            (Self::WeCom(client), Kind::WecomAgent) => client.agent_ticket(token).await,
            (Self::WeCom(client), _) => client.corp_ticket(token).await,
        }
    }
}

impl From<Client> for Source {
    fn from(client: Client) -> Self {
        Self::OfficialAccount(client)
    }
}

impl From<wecom::Client> for Source {
    fn from(client: wecom::Client) -> Self {
        Self::WeCom(client)
    }
}
