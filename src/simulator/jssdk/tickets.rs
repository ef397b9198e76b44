//! The tickets that may sign a call of the JS-SDK, and what was signed instead when none of them did.

use percent_encoding::percent_decode_str;

use super::verify::{Form, Mode, without_fragment};
use crate::simulator::platform::mint::Kind;
use crate::simulator::settings::{Account, AccountKind};
use crate::simulator::world::World;

/// As many dead tickets as are tried for a hint, newest first.
const DEAD_TRIED: usize = 8;
/// WeCom's number for a ticket that is another, or dead.
const WRONG_TICKET: i64 = 42012;
/// WeCom's number for a signature of something else.
const WRONG_TEXT: i64 = 40093;

/// The tickets of one call.
#[derive(Debug)]
pub(super) struct Tickets {
    live: Vec<String>,
    dead: Vec<String>,
    /// Those that are taken for them by mistake, and how to say so.
    mistaken: (Vec<String>, &'static str),
}

impl Tickets {
    pub(super) fn of(form: &Form, account: &Account, world: &World) -> Self {
        let now = world.clock.now();
        let made = |owner: &str, kind, alive: bool| -> Vec<String> {
            let made = world.platform.mint.made(owner, kind, now);
            made.filter(|(_, is_alive)| *is_alive == alive).map(|(ticket, _)| ticket.text.clone()).collect()
        };
        let id = &form.app_id;
        let ((owner, kind), (others, other_kind, mistaken)) = match &form.agent_id {
            Some(agent_id) => (
                (format!("{id}/{agent_id}"), Kind::AgentConfig),
                (
                    id.clone(),
                    Kind::CorpJsapi,
                    "signed with the corporation's ticket, and agentConfig takes the agent_config ticket",
                ),
            ),
            None if account.kind == AccountKind::WeCom => (
                (id.clone(), Kind::CorpJsapi),
                (
                    account.key(),
                    Kind::AgentConfig,
                    "signed with the agent_config ticket, and config takes the corporation's",
                ),
            ),
            None => ((id.clone(), Kind::Jsapi), (id.clone(), Kind::WxCard, "signed with the wx_card ticket")),
        };
        let mut dead = made(&owner, kind, false);
        dead.truncate(DEAD_TRIED);
        Self { live: made(&owner, kind, true), dead, mistaken: (made(&others, other_kind, true), mistaken) }
    }

    /// Whether one of them, alive, made the call's signature for this URL.
    pub(super) fn sign(&self, form: &Form, url: &str) -> bool {
        self.live.iter().any(|ticket| form.is_signed_with(ticket, url))
    }

    /// What was signed instead, when it is one of the usual mistakes, and WeCom's number for it.
    pub(super) fn hint(&self, form: &Form) -> (i64, &'static str) {
        let looked_at = form.looked_at();
        let sealed = |ticket: &String| form.is_signed_with(ticket, looked_at);
        let (others, mistaken) = &self.mistaken;
        if self.dead.iter().any(sealed) {
            (WRONG_TICKET, "signed with a ticket that is dead")
        } else if others.iter().any(sealed) {
            (WRONG_TICKET, mistaken)
        } else {
            (WRONG_TEXT, self.other_text(form))
        }
    }

    /// Which other text was signed, with the right ticket.
    fn other_text(&self, form: &Form) -> &'static str {
        let signs = |url: &str| self.sign(form, url);
        let looked_at = form.looked_at();
        let decoded = percent_decode_str(looked_at).decode_utf8_lossy();
        let entry = form.entry_url.as_deref();
        if form.mode == Mode::Ios && signs(without_fragment(&form.url)) {
            "signed for the URL of now, and iOS looks at the URL the document was loaded from"
        } else if form.mode == Mode::Android && entry.is_some_and(|url| signs(without_fragment(url))) {
            "signed for the URL the document was loaded from, and Android looks at the URL of now"
        } else if signs(&form.url) || entry.is_some_and(signs) {
            "signed with the fragment"
        } else if signs(&decoded) {
            "signed for the decoded URL"
        } else if signs(looked_at.split('?').next().unwrap_or_default()) {
            "signed without the query"
        } else {
            "no ticket of this account makes this signature for this URL"
        }
    }
}
