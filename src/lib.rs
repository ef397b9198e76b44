//! wxgate signs visitors in with WeChat in front of an existing web site.

pub mod clock;
pub mod config;
pub mod request;
pub mod secret;
pub mod session;
pub mod simulator;
pub mod store;
pub mod types;
