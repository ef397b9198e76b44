//! Asks the account that a code was made out by who brings it.

use tokio::time::{Instant, timeout_at};

use super::exchange::Callback;
use crate::config::SnapshotPolicy;
use crate::types::{Account, AppId, Identity, Scope};
use crate::wechat::{self, Api, Profile, UserToken, UserTokens, WecomProfile, WecomUser, wecom};

/// Knows whom to ask.
#[derive(Debug)]
pub(super) struct Witness {
    pub accounts: wechat::Accounts,
    pub snapshot: SnapshotPolicy,
}

/// Who it is.
pub(super) enum Found {
    Somebody(Box<Identity>),
    /// A virtual user, and those are not let in.
    Snapshot,
    /// The account was there when the sign-in began, and is no more.
    NoAccount,
}

impl Witness {
    /// Spends the code.
    ///
    /// # Errors
    /// The account's refusal, or no answer before the deadline.
    pub(super) async fn identify(&self, callback: &Callback, deadline: Instant) -> Result<Found, wechat::Error> {
        match (callback.flow.account, &self.accounts.wecom) {
            (Account::WeCom, Some(members)) => of_wecom(members, callback, deadline).await,
            (account, _) => match self.accounts.tokens(account) {
                Some(tokens) => self.of_wechat(tokens, callback, deadline).await,
                None => Ok(Found::NoAccount),
            },
        }
    }

    /// An official account's user, or a website app's.
    async fn of_wechat(
        &self,
        tokens: &UserTokens,
        callback: &Callback,
        deadline: Instant,
    ) -> Result<Found, wechat::Error> {
        let spent = timeout_at(deadline, tokens.client().user_token(&callback.code)).await;
        let token = spent.unwrap_or_else(|_| Err(late(Api::UserToken)))?;
        if token.snapshot && self.snapshot != SnapshotPolicy::Pass {
            return Ok(Found::Snapshot);
        }
        let profile = match callback.flow.scope {
            Scope::Base => None,
            _ => {
                let asked = tokens.client().profile(&token.access_token, &token.openid);
                or_without(callback, timeout_at(deadline, asked).await.unwrap_or_else(|_| Err(late(Api::Profile))))
            }
        };
        // A snapshot's user is virtual, and so is whatever its token would tell.
        if !token.snapshot
            && let Err(error) = tokens.remember(&token).await
        {
            tracing::warn!(%error, "a user token is not kept");
        }
        let app_id = tokens.client().app_id().clone();
        Ok(Found::Somebody(Box::new(user(callback, app_id, token, profile))))
    }
}

async fn of_wecom(members: &wecom::Members, callback: &Callback, deadline: Instant) -> Result<Found, wechat::Error> {
    let spent = timeout_at(deadline, members.user(&callback.code)).await;
    let found = spent.unwrap_or_else(|_| Err(late(Api::WecomUser)))?;
    let stranger = Identity {
        account: Account::WeCom,
        appid: members.corp_id().clone(),
        scope: Scope::Base,
        openid: None,
        unionid: None,
        userid: None,
        nickname: None,
        avatar: None,
        snapshot: false,
    };
    let (userid, ticket) = match found {
        WecomUser::Outsider { openid } => {
            return Ok(Found::Somebody(Box::new(Identity { openid: Some(openid), ..stranger })));
        }
        WecomUser::Member { userid, ticket } => (userid, ticket),
    };
    let member = Identity { userid: Some(userid.clone()), ..stranger };
    // WeCom gives a ticket to members only who were asked, have agreed, and may see the application.
    let Some(ticket) = ticket.filter(|_| callback.flow.scope == Scope::PrivateInfo) else {
        return Ok(Found::Somebody(Box::new(member)));
    };
    let shown = timeout_at(deadline, members.detail(&ticket)).await.unwrap_or_else(|_| Err(late(Api::WecomDetail)));
    let shown = or_without(callback, shown).filter(|shown| shown.userid == userid);
    let (nickname, avatar) = shown.map_or((None, None), |WecomProfile { nickname, avatar, .. }| (nickname, avatar));
    Ok(Found::Somebody(Box::new(Identity { scope: Scope::PrivateInfo, nickname, avatar, ..member })))
}

fn user(callback: &Callback, appid: AppId, token: UserToken, profile: Option<Profile>) -> Identity {
    let (unionid, nickname, avatar) =
        profile.map_or((None, None, None), |profile| (profile.unionid, profile.nickname, profile.avatar));
    Identity {
        account: callback.flow.account,
        appid,
        scope: callback.flow.scope,
        openid: Some(token.openid),
        unionid: token.unionid.or(unionid),
        userid: None,
        nickname,
        avatar,
        snapshot: token.snapshot,
    }
}

/// Without a profile a visitor is signed in all the same: who they are is known.
fn or_without<T>(callback: &Callback, profile: Result<T, wechat::Error>) -> Option<T> {
    profile
        .inspect_err(|error| tracing::warn!(request_id = %callback.request, %error, "signed in without a profile"))
        .ok()
}

fn late(api: Api) -> wechat::Error {
    wechat::Error::unreachable(api, "no answer within the budget")
}
