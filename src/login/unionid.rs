//! Whether WeChat tells the unionid, by which alone one visitor is known at two accounts. The log hears once that it does
//! not.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::types::{Account, Identity, Scope};

/// So many visitors who have shown their profile, and not one with a unionid, are no chance: WeChat tells it of all or none.
const ENOUGH: u32 = 20;
/// Instead of a count: a unionid has come. Counting stops long before.
const TOLD: u32 = u32::MAX;

/// Watches the official account and the website app, where there are both.
#[derive(Debug)]
pub(super) struct Unionids {
    wanted: bool,
    /// Visitors in a row without one, by account.
    without: [AtomicU32; Account::ALL.len()],
}

impl Unionids {
    /// `wanted`: visitors have two ways in that know them by two openids.
    pub(super) fn new(wanted: bool) -> Self {
        Self { wanted, without: Default::default() }
    }

    /// Takes note of somebody who has just signed in. Whether that is the one with whom it is too many without.
    pub(super) fn note(&self, who: &Identity) -> bool {
        let without = &self.without[usize::from(who.account.to_byte())];
        if !self.wanted || who.account == Account::WeCom || who.snapshot {
            return false;
        }
        if who.unionid.is_some() {
            without.store(TOLD, Ordering::Relaxed);
            return false;
        }
        // Of whoever was not asked for a profile, or whose profile did not come, WeChat need not have told it.
        let shown =
            matches!(who.scope, Scope::UserInfo | Scope::Login) && (who.nickname.is_some() || who.avatar.is_some());
        let count = |count: u32| (count < ENOUGH).then(|| count + 1);
        let counted = shown && without.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count) == Ok(ENOUGH - 1);
        if counted {
            tracing::warn!(
                account = who.account.as_str(),
                visitors = ENOUGH,
                advice = "At open.weixin.qq.com bind the official account and the website app to one Open Platform account \
                          (微信开放平台帐号): until then the site knows whoever comes by both as two visitors.",
                "WeChat tells no unionid",
            );
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{AppId, Nickname, OpenId, UnionId};

    fn visitor(account: Account, scope: Scope) -> Identity {
        Identity {
            account,
            appid: AppId::parse("wx0123456789abcdef").expect("an appid"),
            scope,
            openid: OpenId::parse("o6_bmjrPTlm6_2sgVt7hMZOPfL2M").ok(),
            unionid: None,
            userid: None,
            nickname: Nickname::clean("小明"),
            avatar: None,
            snapshot: false,
        }
    }

    fn with_unionid(account: Account) -> Identity {
        let unionid = UnionId::parse("o6_bmasdasdsad6_2sgVt7hMZOPfL").ok();
        Identity { unionid, ..visitor(account, Scope::UserInfo) }
    }

    const OFFICIAL: Account = Account::OfficialAccount;

    /// At which of so many such visitors it is said.
    fn said(unionids: &Unionids, who: &Identity, times: u32) -> Vec<u32> {
        (1..=times).filter(|_| unionids.note(who)).collect()
    }

    #[test]
    fn twenty_visitors_without_a_unionid_are_said_once_for_each_account() {
        let unionids = Unionids::new(true);
        assert_eq!(said(&unionids, &visitor(OFFICIAL, Scope::UserInfo), 100), [20]);
        assert_eq!(said(&unionids, &visitor(Account::WebsiteApp, Scope::Login), 100), [20]);
    }

    #[test]
    fn one_unionid_is_enough_for_ever() {
        let unionids = Unionids::new(true);
        assert!(said(&unionids, &visitor(OFFICIAL, Scope::UserInfo), 19).is_empty());
        assert!(!unionids.note(&with_unionid(OFFICIAL)));
        assert!(said(&unionids, &visitor(OFFICIAL, Scope::UserInfo), 100).is_empty());
    }

    #[test]
    fn those_of_whom_wechat_need_not_tell_it_do_not_count() {
        let unionids = Unionids::new(true);
        let unknown = Identity { nickname: None, ..visitor(OFFICIAL, Scope::UserInfo) };
        let virtual_user = Identity { snapshot: true, ..visitor(OFFICIAL, Scope::UserInfo) };
        for who in [visitor(OFFICIAL, Scope::Base), unknown, virtual_user, visitor(Account::WeCom, Scope::PrivateInfo)]
        {
            assert!(said(&unionids, &who, 100).is_empty(), "{who:?}");
        }
        assert!(said(&Unionids::new(false), &visitor(OFFICIAL, Scope::UserInfo), 100).is_empty());
    }

    #[test]
    fn a_virtual_users_unionid_proves_nothing() {
        let unionids = Unionids::new(true);
        unionids.note(&Identity { snapshot: true, ..with_unionid(OFFICIAL) });
        assert_eq!(said(&unionids, &visitor(OFFICIAL, Scope::UserInfo), 100), [20]);
    }
}
