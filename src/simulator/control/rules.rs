//! The switches of the settings as one JSON object: what is absent stays as it is.

use serde::{Deserialize, Serialize};

use crate::simulator::settings::{Refusal, Settings};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    require_wechat: Option<bool>,
    lenient: Option<bool>,
    strict_state: Option<bool>,
    remember: Option<bool>,
    refusal: Option<Refusal>,
    qr_refusal: Option<Refusal>,
    /// 0: unlimited.
    sign_ins_per_minute: Option<u32>,
}

impl Rules {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            require_wechat: Some(settings.require_wechat),
            lenient: Some(settings.lenient),
            strict_state: Some(settings.strict_state),
            remember: Some(settings.remember),
            refusal: Some(settings.refusal),
            qr_refusal: Some(settings.qr_refusal),
            sign_ins_per_minute: Some(settings.sign_ins_per_minute.unwrap_or(0)),
        }
    }

    pub(super) fn apply(self, settings: &mut Settings) {
        let Self { require_wechat, lenient, strict_state, remember, refusal, qr_refusal, sign_ins_per_minute } = self;
        settings.require_wechat = require_wechat.unwrap_or(settings.require_wechat);
        settings.lenient = lenient.unwrap_or(settings.lenient);
        settings.strict_state = strict_state.unwrap_or(settings.strict_state);
        settings.remember = remember.unwrap_or(settings.remember);
        settings.refusal = refusal.unwrap_or(settings.refusal);
        settings.qr_refusal = qr_refusal.unwrap_or(settings.qr_refusal);
        if let Some(limit) = sign_ins_per_minute {
            settings.sign_ins_per_minute = Some(limit).filter(|&limit| limit > 0);
        }
    }
}
