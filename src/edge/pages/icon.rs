//! The picture above a page's title.

use super::entrance::Way;
use crate::edge::fault::Reason;

/// The `d` of a stroked path in a box of 24.
#[derive(Debug, Clone, Copy)]
pub(super) struct Icon(pub(super) &'static str);

impl Icon {
    pub(super) const DOOR: Self = Self("M13.5 4.5H19v15h-5.5M4.5 12H14M10.5 8.5 14 12l-3.5 3.5");
    pub(super) const LEAVE: Self = Self("M10.5 4.5H5v15h5.5M10 12h9.5M16 8.5l3.5 3.5-3.5 3.5");
    pub(super) const SCREEN: Self = Self("M3.5 5h17v11h-17zM8.5 19.5h7M12 16v3.5");
    pub(super) const DONE: Self = Self("M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM8.2 12.2l2.7 2.7 5-5.4");
    const PHONE: Self = Self("M7.5 3.5h9v17h-9zM11 17.5h2");
    const BADGE: Self = Self(
        "M4.5 7h15v12.5h-15zM9 7V4h6v3M12 10.2a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8zM8.5 17c.4-1.3 1.8-2 3.5-2s3.1.7 3.5 2",
    );
    const CHAT: Self = Self(
        "M12 4.5c-4.7 0-8.5 3-8.5 6.8 0 2.2 1.2 4.1 3.2 5.4l-.6 3.1 3.5-1.9c.8.2 1.6.3 2.4.3 4.7 0 8.5-3.1 8.5-6.9S16.7 4.5 12 4.5zM8.8 11.3v.1M15.2 11.3v.1",
    );
    const CLOCK: Self = Self("M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2");
    const LOCK: Self = Self("M5.5 11h13v8.5h-13zM8.5 11V8a3.5 3.5 0 0 1 7 0v3M12 14.3v2");
    const ALERT: Self = Self("M12 4.5 3 19.5h18zM12 10v4M12 16.8v.1");
    const TURNS: Self = Self("M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4.5V9H15");
    const CLOUD: Self =
        Self("M7 18.5h10a4 4 0 0 0 .7-7.9A6 6 0 0 0 6.2 9.4 4.6 4.6 0 0 0 7 18.5zM12 10.2v2.8M12 15.6v.1");

    pub(super) const fn of_way(way: Way) -> Self {
        match way {
            Way::WebsiteApp => Self::CHAT,
            Way::WeCom => Self::BADGE,
            Way::Handoff => Self::PHONE,
        }
    }

    pub(super) const fn of(reason: &Reason) -> Self {
        match reason {
            Reason::LoginRequired { .. } => Self::DOOR,
            Reason::LoginDeclined { .. }
            | Reason::HandoffRefused { .. }
            | Reason::Snapshot
            | Reason::NotInWechat { .. } => Self::CHAT,
            Reason::LoginExpired { .. }
            | Reason::HandoffExpired
            | Reason::RateLimited { .. }
            | Reason::WechatUnavailable { .. }
            | Reason::NoTicket { .. }
            | Reason::UpstreamTimeout
            | Reason::Overloaded => Self::CLOCK,
            Reason::LoginLoop => Self::TURNS,
            Reason::Forbidden(_) | Reason::JsconfigUrlNotAllowed => Self::LOCK,
            Reason::BadRequest { .. }
            | Reason::TooSlow
            | Reason::AmbiguousPath { .. }
            | Reason::HeaderTooLarge(_)
            | Reason::JsconfigUrlMissing
            | Reason::HandoffMismatched
            | Reason::WechatMisconfigured => Self::ALERT,
            Reason::UpstreamUnreachable | Reason::UpstreamBroken => Self::CLOUD,
        }
    }
}
