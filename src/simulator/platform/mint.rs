//! Where platform tokens and tickets are made, replaced and brought to an end (rules 17, 18 and 20).

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::simulator::random::Random;

/// Life of a token or ticket, in seconds.
pub(in crate::simulator) const LIFE: u64 = 7200;
/// How long before its end a stable token or a ticket has a successor, and how long a replaced classic token goes on.
pub(in crate::simulator) const OVERLAP: u64 = 300;
/// What must lie between two forced refreshes; a call that comes sooner refreshes nothing.
const BETWEEN_FORCED: u64 = 30;
/// As many of a kind as are remembered per account: more than the classic quota of a day.
const REMEMBERED: usize = 4096;

/// What is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulator) enum Kind {
    /// A token of `cgi-bin/token`.
    Classic,
    /// A token of `cgi-bin/stable_token`, which knows nothing of the classic ones.
    Stable,
    /// The ticket that JS-SDK signatures are made with.
    Jsapi,
    /// The ticket that card signatures are made with.
    WxCard,
    /// A token of a WeCom application.
    CorpToken,
    /// The ticket of a corporation that `wx.config` is signed with.
    CorpJsapi,
    /// The ticket of an application that `wx.agentConfig` is signed with.
    AgentConfig,
}

impl Kind {
    pub(in crate::simulator) const ALL: [Self; 7] =
        [Self::Classic, Self::Stable, Self::Jsapi, Self::WxCard, Self::CorpToken, Self::CorpJsapi, Self::AgentConfig];

    /// Whether it is a token of an account that is no corporation's.
    const fn is_token(self) -> bool {
        matches!(self, Self::Classic | Self::Stable)
    }

    /// How long before its end another takes its place. WeCom's stay to the end.
    const fn spare(self) -> u64 {
        match self {
            Self::Classic | Self::Stable | Self::Jsapi | Self::WxCard => OVERLAP,
            Self::CorpToken | Self::CorpJsapi | Self::AgentConfig => 0,
        }
    }
}

/// A token or ticket with its dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct Minted {
    pub(in crate::simulator) text: String,
    expires_at: u64,
    /// When it ends before its time: replaced by another, or killed.
    ends_at: Option<u64>,
}

impl Minted {
    fn alive(&self, now: u64) -> bool {
        now < self.expires_at && self.ends_at.is_none_or(|end| now < end)
    }

    pub(in crate::simulator) const fn left(&self, now: u64) -> u64 {
        self.expires_at.saturating_sub(now)
    }

    fn end(&mut self, at: u64) {
        self.ends_at = Some(self.ends_at.map_or(at, |end| end.min(at)));
    }
}

/// What somebody who asks is given.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Handed {
    pub(in crate::simulator) minted: Minted,
    /// It was made for this call.
    pub(in crate::simulator) fresh: bool,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Dead {
    /// It was never a token.
    Malformed,
    /// Nobody knows it, or it has been replaced.
    NotLatest,
    /// It has lived its life.
    Expired,
}

/// All tokens and tickets of all accounts, newest last.
#[derive(Debug)]
pub(in crate::simulator) struct Mint {
    made: HashMap<(String, Kind), VecDeque<Minted>>,
    forced_at: HashMap<String, u64>,
    random: Random,
}

impl Mint {
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self { made: HashMap::new(), forced_at: HashMap::new(), random: Random::new(seed) }
    }

    /// Rule 17: another token at every call; the one before it goes on for five minutes.
    pub(in crate::simulator) fn classic(&mut self, app_id: &str, now: u64) -> Handed {
        for token in self.all_mut(app_id, Kind::Classic) {
            token.end(now + OVERLAP);
        }
        self.make(app_id, Kind::Classic, now)
    }

    /// Rules 18 and 20: the same as before, until less than five minutes of its life are left; WeCom's until its end.
    pub(in crate::simulator) fn lasting(&mut self, app_id: &str, kind: Kind, now: u64) -> Handed {
        let newest = self.made.get(&(app_id.to_owned(), kind)).and_then(VecDeque::back);
        match newest.filter(|newest| newest.alive(now) && newest.left(now) >= kind.spare()) {
            Some(minted) => Handed { minted: minted.clone(), fresh: false },
            None => self.make(app_id, kind, now),
        }
    }

    /// Whether a forced refresh would refresh: the last one is at least half a minute ago.
    pub(in crate::simulator) fn may_force(&self, app_id: &str, now: u64) -> bool {
        self.forced_at.get(app_id).is_none_or(|&last| now >= last + BETWEEN_FORCED)
    }

    /// Rule 18: another stable token, and all before it are dead at once.
    pub(in crate::simulator) fn force(&mut self, app_id: &str, now: u64) -> Handed {
        self.forced_at.insert(app_id.to_owned(), now);
        self.kill(app_id, Kind::Stable, now);
        self.make(app_id, Kind::Stable, now)
    }

    /// Ends all of a kind now. Nothing takes their place before somebody asks.
    pub(in crate::simulator) fn kill(&mut self, app_id: &str, kind: Kind, now: u64) {
        for minted in self.all_mut(app_id, kind) {
            minted.end(now);
        }
    }

    /// The account whose token this is.
    pub(in crate::simulator) fn owner(&self, token: &str, now: u64) -> Result<&str, Dead> {
        if !looks_like_a_token(token) {
            return Err(Dead::Malformed);
        }
        let tokens = self.made.iter().filter(|((_, kind), _)| kind.is_token());
        let mut found = tokens.flat_map(|((app_id, _), made)| made.iter().rev().map(move |minted| (app_id, minted)));
        let (app_id, minted) = found.find(|(_, minted)| minted.text == token).ok_or(Dead::NotLatest)?;
        if minted.alive(now) {
            Ok(app_id)
        } else if minted.ends_at.is_some_and(|end| end < minted.expires_at) {
            Err(Dead::NotLatest)
        } else {
            Err(Dead::Expired)
        }
    }

    /// The WeCom application whose token this is.
    pub(in crate::simulator) fn application(&self, token: &str, now: u64) -> Result<&str, Dead> {
        let tokens = self.made.iter().filter(|((_, kind), _)| *kind == Kind::CorpToken);
        let mut found = tokens.flat_map(|((app, _), made)| made.iter().rev().map(move |minted| (app, minted)));
        let (app, minted) = found.find(|(_, minted)| minted.text == token).ok_or(Dead::Malformed)?;
        match (minted.alive(now), minted.ends_at) {
            (true, _) => Ok(app),
            // Ended early, it is as if it had never been.
            (false, Some(_)) => Err(Dead::NotLatest),
            (false, None) => Err(Dead::Expired),
        }
    }

    /// Everything of a kind that was made for the account and is remembered, newest first, and whether it is alive.
    pub(in crate::simulator) fn made(
        &self,
        app_id: &str,
        kind: Kind,
        now: u64,
    ) -> impl Iterator<Item = (&Minted, bool)> {
        let made = self.made.get(&(app_id.to_owned(), kind));
        made.into_iter().flatten().rev().map(move |minted| (minted, minted.alive(now)))
    }

    fn make(&mut self, app_id: &str, kind: Kind, now: u64) -> Handed {
        let text = match kind {
            Kind::Classic | Kind::Stable => self.random.platform_token(),
            Kind::CorpToken => self.random.corp_token(),
            Kind::Jsapi | Kind::WxCard | Kind::CorpJsapi | Kind::AgentConfig => self.random.ticket(),
        };
        let minted = Minted { text, expires_at: now + LIFE, ends_at: None };
        let made = self.made.entry((app_id.to_owned(), kind)).or_default();
        if made.len() == REMEMBERED {
            made.pop_front();
        }
        made.push_back(minted.clone());
        Handed { minted, fresh: true }
    }

    fn all_mut(&mut self, app_id: &str, kind: Kind) -> impl Iterator<Item = &mut Minted> {
        self.made.get_mut(&(app_id.to_owned(), kind)).into_iter().flatten()
    }
}

/// The shape of every token that was ever handed out: two digits, `_`, a long text.
fn looks_like_a_token(text: &str) -> bool {
    let Some((number, rest)) = text.split_once('_') else { return false };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit()) && rest.len() > 64 && rest.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn mint() -> Mint {
        Mint::new(Some(1))
    }

    #[test]
    fn rule_17_a_replaced_classic_token_goes_on_for_five_minutes() {
        let mut mint = mint();
        let first = mint.classic("wx", NOW).minted.text;
        let second = mint.classic("wx", NOW + 1000).minted.text;
        assert_ne!(first, second);
        assert_eq!(mint.owner(&first, NOW + 1000 + OVERLAP - 1), Ok("wx"));
        assert_eq!(mint.owner(&first, NOW + 1000 + OVERLAP), Err(Dead::NotLatest));
        // A third call does not lengthen the first one's life.
        mint.classic("wx", NOW + 1200);
        assert_eq!(mint.owner(&first, NOW + 1000 + OVERLAP), Err(Dead::NotLatest));
        assert_eq!(mint.owner(&second, NOW + 1200 + OVERLAP - 1), Ok("wx"));
        assert_eq!(mint.owner(&second, NOW + 1200 + OVERLAP), Err(Dead::NotLatest));
    }

    #[test]
    fn rule_17_a_token_replaced_near_its_end_does_not_outlive_itself() {
        let mut mint = mint();
        let first = mint.classic("wx", NOW).minted.text;
        mint.classic("wx", NOW + LIFE - 10);
        assert_eq!(mint.owner(&first, NOW + LIFE - 1), Ok("wx"));
        assert_eq!(mint.owner(&first, NOW + LIFE), Err(Dead::Expired));
    }

    #[test]
    fn rule_18_a_stable_token_stays_until_five_minutes_before_its_end() {
        let mut mint = mint();
        let first = mint.lasting("wx", Kind::Stable, NOW);
        assert!(first.fresh && first.minted.left(NOW) == LIFE);
        let again = mint.lasting("wx", Kind::Stable, NOW + LIFE - OVERLAP);
        assert_eq!((again.fresh, &again.minted), (false, &first.minted));
        assert_eq!(again.minted.left(NOW + LIFE - OVERLAP), OVERLAP);
        let late = NOW + LIFE - OVERLAP + 1;
        let second = mint.lasting("wx", Kind::Stable, late);
        assert!(second.fresh && second.minted.text != first.minted.text && second.minted.left(late) == LIFE);
        for token in [&first.minted.text, &second.minted.text] {
            assert_eq!(mint.owner(token, NOW + LIFE - 1), Ok("wx"), "both work in between");
        }
        assert_eq!(mint.owner(&first.minted.text, NOW + LIFE), Err(Dead::Expired));
    }

    #[test]
    fn rule_18_a_forced_refresh_kills_at_once_and_leaves_the_classic_tokens_alone() {
        let mut mint = mint();
        let (classic, stable) =
            (mint.classic("wx", NOW).minted.text, mint.lasting("wx", Kind::Stable, NOW).minted.text);
        let other = mint.lasting("wy", Kind::Stable, NOW).minted.text;
        assert!(mint.may_force("wx", NOW));
        let forced = mint.force("wx", NOW);
        assert!(!mint.may_force("wx", NOW + BETWEEN_FORCED - 1) && mint.may_force("wx", NOW + BETWEEN_FORCED));
        assert!(mint.may_force("wy", NOW));
        assert_eq!(mint.owner(&stable, NOW), Err(Dead::NotLatest));
        for (token, owner) in [(&classic, "wx"), (&forced.minted.text, "wx"), (&other, "wy")] {
            assert_eq!(mint.owner(token, NOW), Ok(owner));
        }
        mint.classic("wx", NOW);
        assert_eq!(mint.owner(&forced.minted.text, NOW + OVERLAP), Ok("wx"));
    }

    #[test]
    fn rule_20_tickets_of_two_kinds_differ_and_open_nothing() {
        let mut mint = mint();
        let (jsapi, card) = (mint.lasting("wx", Kind::Jsapi, NOW), mint.lasting("wx", Kind::WxCard, NOW));
        assert_ne!(jsapi.minted.text, card.minted.text);
        assert_eq!(jsapi.minted.text.len(), 86);
        assert!(mint.owner(&jsapi.minted.text, NOW).is_err());
        mint.kill("wx", Kind::Jsapi, NOW);
        let next = mint.lasting("wx", Kind::Jsapi, NOW);
        assert!(next.fresh);
        let alive: Vec<_> = mint.made("wx", Kind::Jsapi, NOW).map(|(minted, alive)| (&minted.text, alive)).collect();
        assert_eq!(alive, [(&next.minted.text, true), (&jsapi.minted.text, false)]);
        assert!(!mint.lasting("wx", Kind::WxCard, NOW).fresh);
    }

    #[test]
    fn rule_20_a_corporations_token_stays_to_its_end_and_opens_nothing_elsewhere() {
        let mut mint = mint();
        let first = mint.lasting("ww/1", Kind::CorpToken, NOW).minted.text;
        assert_eq!(mint.lasting("ww/1", Kind::CorpToken, NOW + LIFE - 1).minted.text, first);
        assert_ne!(mint.lasting("ww/2", Kind::CorpToken, NOW).minted.text, first);
        assert_eq!(mint.application(&first, NOW + LIFE - 1), Ok("ww/1"));
        assert_eq!(mint.application(&first, NOW + LIFE), Err(Dead::Expired));
        assert!(mint.owner(&first, NOW).is_err());
        let official = mint.lasting("wx", Kind::Stable, NOW).minted.text;
        assert_eq!(mint.application(&official, NOW), Err(Dead::Malformed));
        let next = mint.lasting("ww/1", Kind::CorpToken, NOW + LIFE).minted.text;
        assert_ne!(next, first);
        mint.kill("ww/1", Kind::CorpToken, NOW + LIFE);
        assert_eq!(mint.application(&next, NOW + LIFE), Err(Dead::NotLatest));
    }

    #[test]
    fn what_is_no_token_is_told_from_one_that_nobody_knows() {
        let mut mint = mint();
        let token = mint.classic("wx", NOW).minted.text;
        let unknown = Mint::new(Some(2)).classic("wx", NOW).minted.text;
        assert_eq!(mint.owner(&unknown, NOW), Err(Dead::NotLatest));
        for malformed in ["", "x", "12_short", &token[1..], &format!("{token}!"), &token.replace('_', "")] {
            assert_eq!(mint.owner(malformed, NOW), Err(Dead::Malformed), "{malformed}");
        }
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut mint = mint();
        let first = mint.classic("wx", NOW).minted.text;
        for _ in 0..REMEMBERED {
            mint.classic("wx", NOW);
        }
        assert_eq!(mint.owner(&first, NOW), Err(Dead::NotLatest));
        assert_eq!(mint.made("wx", Kind::Classic, NOW).count(), REMEMBERED);
    }
}
