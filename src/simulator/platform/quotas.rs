//! How often an account may call what (rules 17, 18, 20 and 22).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * 3600;
/// WeChat's days begin at midnight in Beijing.
const BEIJING: u64 = 8 * 3600;

/// A count that has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::simulator) enum Counter {
    Token,
    StableToken,
    StableTokenPerMinute,
    ForceRefresh,
    Getticket,
    ClearQuotaPerMonth,
    /// A WeCom application's calls of `gettoken`.
    Gettoken,
    /// WeCom's tickets for `wx.config`, by corporation and by application; then those for `wx.agentConfig`.
    CorpTicketByCorp,
    CorpTicketByApp,
    AgentTicketByCorp,
    AgentTicketByApp,
}

impl Counter {
    pub(in crate::simulator) const ALL: [Self; 11] = [
        Self::Token,
        Self::StableToken,
        Self::StableTokenPerMinute,
        Self::ForceRefresh,
        Self::Getticket,
        Self::ClearQuotaPerMonth,
        Self::Gettoken,
        Self::CorpTicketByCorp,
        Self::CorpTicketByApp,
        Self::AgentTicketByCorp,
        Self::AgentTicketByApp,
    ];

    pub(in crate::simulator) const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::StableToken => "stable_token",
            Self::StableTokenPerMinute => "stable_token_per_minute",
            Self::ForceRefresh => "force_refresh",
            Self::Getticket => "getticket",
            Self::ClearQuotaPerMonth => "clear_quota_per_month",
            Self::Gettoken => "gettoken_per_minute",
            Self::CorpTicketByCorp => "corp_ticket_per_corp_and_hour",
            Self::CorpTicketByApp => "corp_ticket_per_app_and_hour",
            Self::AgentTicketByCorp => "agent_ticket_per_corp_and_hour",
            Self::AgentTicketByApp => "agent_ticket_per_app_and_hour",
        }
    }

    /// The number of the period that the moment lies in.
    const fn period(self, now: u64) -> u64 {
        match self {
            Self::StableTokenPerMinute | Self::Gettoken => now / MINUTE,
            Self::CorpTicketByCorp | Self::CorpTicketByApp | Self::AgentTicketByCorp | Self::AgentTicketByApp => {
                now / HOUR
            }
            Self::Token | Self::StableToken | Self::ForceRefresh | Self::Getticket => (now + BEIJING) / DAY,
            // Months of thirty days are near enough.
            Self::ClearQuotaPerMonth => (now + BEIJING) / (30 * DAY),
        }
    }

    /// `clear_quota` gives the day's calls back, and neither the forced refreshes nor itself.
    const fn is_cleared(self) -> bool {
        matches!(self, Self::Token | Self::StableToken | Self::Getticket)
    }
}

/// The limits, the same for every account; the control side sets them. 0: not a single call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct Limits {
    pub(in crate::simulator) token: u32,
    pub(in crate::simulator) stable_token: u32,
    pub(in crate::simulator) stable_token_per_minute: u32,
    pub(in crate::simulator) force_refresh: u32,
    /// WeChat does not tell this one: "very limited".
    pub(in crate::simulator) getticket: u32,
    pub(in crate::simulator) clear_quota_per_month: u32,
    /// Of one WeCom application.
    pub(in crate::simulator) gettoken_per_minute: u32,
    /// Of each of WeCom's two kinds of ticket, an hour: for all applications of a corporation, and for one of them.
    pub(in crate::simulator) tickets_per_corp: u32,
    pub(in crate::simulator) tickets_per_app: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            token: 2000,
            stable_token: 500_000,
            stable_token_per_minute: 10_000,
            force_refresh: 20,
            getticket: 2000,
            clear_quota_per_month: 10,
            gettoken_per_minute: 10_000,
            tickets_per_corp: 400,
            tickets_per_app: 100,
        }
    }
}

impl Limits {
    const fn of(&self, counter: Counter) -> u32 {
        match counter {
            Counter::Token => self.token,
            Counter::StableToken => self.stable_token,
            Counter::StableTokenPerMinute => self.stable_token_per_minute,
            Counter::ForceRefresh => self.force_refresh,
            Counter::Getticket => self.getticket,
            Counter::ClearQuotaPerMonth => self.clear_quota_per_month,
            Counter::Gettoken => self.gettoken_per_minute,
            Counter::CorpTicketByCorp | Counter::AgentTicketByCorp => self.tickets_per_corp,
            Counter::CorpTicketByApp | Counter::AgentTicketByApp => self.tickets_per_app,
        }
    }
}

/// The limits and what has been used of them.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Quotas {
    pub(in crate::simulator) limits: Limits,
    /// By account: the period that is counted, and the calls in it.
    used: HashMap<(String, Counter), (u64, u32)>,
}

impl Quotas {
    /// Counts a call, unless the limit is reached: then false.
    pub(in crate::simulator) fn spend(&mut self, app_id: &str, counter: Counter, now: u64) -> bool {
        let used = self.used(app_id, counter, now);
        let left = used < self.limits.of(counter);
        if left {
            self.used.insert((app_id.to_owned(), counter), (counter.period(now), used + 1));
        }
        left
    }

    /// Counts a call against both of two limits, or against neither: then false.
    pub(in crate::simulator) fn spend_both(&mut self, calls: [(&str, Counter); 2], now: u64) -> bool {
        let left = calls.iter().all(|(name, counter)| self.used(name, *counter, now) < self.limits.of(*counter));
        left && calls.into_iter().all(|(name, counter)| self.spend(name, counter, now))
    }

    /// The calls so far in the period that the moment lies in.
    pub(in crate::simulator) fn used(&self, app_id: &str, counter: Counter, now: u64) -> u32 {
        let counted = self.used.get(&(app_id.to_owned(), counter));
        counted.filter(|(period, _)| *period == counter.period(now)).map_or(0, |(_, calls)| *calls)
    }

    /// Gives an account its day back.
    pub(in crate::simulator) fn clear(&mut self, app_id: &str) {
        self.used.retain(|(account, counter), _| account != app_id || !counter.is_cleared());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Midnight in Beijing.
    const MIDNIGHT: u64 = 20_000 * DAY - BEIJING;

    #[test]
    fn rule_17_the_day_begins_at_midnight_in_beijing() {
        let limits = Limits { token: 2, ..Limits::default() };
        let mut quotas = Quotas { limits, ..Quotas::default() };
        let mut spend = |now| quotas.spend("wx", Counter::Token, now);
        assert!(spend(MIDNIGHT - 1) && spend(MIDNIGHT - 1) && !spend(MIDNIGHT - 1));
        assert!(spend(MIDNIGHT) && spend(MIDNIGHT + DAY - 1) && !spend(MIDNIGHT + DAY - 1));
        assert!(spend(MIDNIGHT + DAY));
        assert_eq!(quotas.used("wx", Counter::Token, MIDNIGHT + DAY), 1);
        assert_eq!(quotas.used("wx", Counter::Token, MIDNIGHT), 0);
    }

    #[test]
    fn accounts_and_counters_have_their_own_numbers() {
        let limits = Limits { token: 1, force_refresh: 1, clear_quota_per_month: 1, ..Limits::default() };
        let mut quotas = Quotas { limits, ..Quotas::default() };
        for counter in [Counter::Token, Counter::ForceRefresh, Counter::ClearQuotaPerMonth] {
            for account in ["wx", "wy"] {
                assert!(quotas.spend(account, counter, MIDNIGHT) && !quotas.spend(account, counter, MIDNIGHT));
            }
        }
        quotas.clear("wx");
        let left = |quotas: &mut Quotas, account, counter| quotas.spend(account, counter, MIDNIGHT);
        assert!(left(&mut quotas, "wx", Counter::Token));
        assert!(!left(&mut quotas, "wy", Counter::Token));
        assert!(!left(&mut quotas, "wx", Counter::ForceRefresh));
        assert!(!left(&mut quotas, "wx", Counter::ClearQuotaPerMonth));
    }

    #[test]
    fn rule_18_a_minute_is_over_after_a_minute() {
        let limits = Limits { stable_token_per_minute: 1, ..Limits::default() };
        let mut quotas = Quotas { limits, ..Quotas::default() };
        let mut spend = |now| quotas.spend("wx", Counter::StableTokenPerMinute, now);
        assert!(spend(MIDNIGHT) && !spend(MIDNIGHT + 59) && spend(MIDNIGHT + 60));
    }
}
