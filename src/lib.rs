//! wxgate signs visitors in with WeChat in front of an existing web site.

pub mod cli;
pub mod clock;
pub mod config;
pub mod request;
pub mod secret;
pub mod types;
