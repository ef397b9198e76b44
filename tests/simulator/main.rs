//! The simulator keeps WeChat's rules: each test names the rule of the fidelity checklist it holds to.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test that called it")]

mod api;
mod browser;
mod control;
mod harness;
mod jssdk;
mod platform;
mod qr;
mod wecom;
