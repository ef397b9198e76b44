//! `GET P/me`: who the visitor is, as JSON (contract section 3).

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use serde_json::{Map, Value};

use crate::request::Head;
use crate::session::{Session, Sessions};
use crate::types::{Identity, OpenId, Scope};
use crate::wechat::{Accounts, Profile};

/// For asking WeChat; afterwards what is known has to do.
const BUDGET: Duration = Duration::from_secs(8);

/// Tells visitors who they are.
#[derive(Debug, Clone)]
pub struct Me {
    sessions: Arc<Sessions>,
    accounts: Accounts,
}

/// A visitor in JSON.
#[derive(Debug)]
pub struct Answer {
    pub json: String,
    /// `Set-Cookie`, when a fresh profile changed what the session knows.
    pub cookie: Option<HeaderValue>,
}

impl Me {
    #[must_use]
    pub fn new(sessions: Arc<Sessions>, accounts: Accounts) -> Self {
        Self { sessions, accounts }
    }

    /// What is known of the visitor; with `fresh=1` after asking WeChat again. `None` when nobody is signed in.
    pub async fn answer(&self, head: &Head, visitor: Option<&Session>) -> Option<Answer> {
        let session = visitor?;
        if !wants_fresh(head) {
            return Some(Answer { json: describe(session, false), cookie: None });
        }
        let Some(profile) = self.fresh(head, session).await else {
            return Some(Answer { json: describe(session, true), cookie: None });
        };
        let known = session.identity();
        let fresh = Identity {
            unionid: profile.unionid.or_else(|| known.unionid.clone()),
            nickname: profile.nickname,
            avatar: profile.avatar,
            ..known.clone()
        };
        if fresh == known {
            return Some(Answer { json: describe(session, false), cookie: None });
        }
        let enriched = self.sessions.enrich(session, &fresh);
        Some(Answer { json: describe(&enriched.session, false), cookie: Some(enriched.cookie) })
    }

    async fn fresh(&self, head: &Head, session: &Session) -> Option<Profile> {
        // Only who was asked for a profile has shown one, and a virtual user has none worth asking for.
        if session.scope < Scope::UserInfo || session.snapshot {
            return None;
        }
        let tokens = self.accounts.tokens(session.account)?;
        let openid = OpenId::parse(session.openid()?).ok()?;
        match tokio::time::timeout(BUDGET, tokens.profile(&openid)).await {
            Ok(Ok(profile)) => Some(profile),
            Ok(Err(error)) => {
                tracing::info!(request_id = %head.asker().id, %error, "no fresh profile");
                None
            }
            Err(_) => {
                tracing::warn!(request_id = %head.asker().id, "no fresh profile within the budget");
                None
            }
        }
    }
}

fn wants_fresh(head: &Head) -> bool {
    let query = head.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "fresh" && value == "1")
}

/// Fields that are not known are absent.
fn describe(session: &Session, stale: bool) -> String {
    let texts = [
        ("openid", session.openid()),
        ("unionid", session.unionid()),
        ("appid", Some(session.appid())),
        ("account", Some(session.account.as_str())),
        ("scope", Some(session.scope.as_str())),
        ("nickname", session.nickname()),
        ("avatar", session.avatar()),
        ("userid", session.userid()),
    ];
    let mut fields: Map<String, Value> =
        texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))).collect();
    fields.insert("snapshot".to_owned(), session.snapshot.into());
    fields.insert("signed_in_at".to_owned(), session.times.issued_at.0.into());
    fields.insert("expires_at".to_owned(), session.times.expires_at.0.into());
    if stale {
        fields.insert("stale".to_owned(), true.into());
    }
    Value::Object(fields).to_string()
}
