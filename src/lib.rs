//! wxgate signs visitors in with WeChat in front of an existing web site.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod edge;
pub mod identity;
pub mod listener;
pub mod local;
pub mod login;
pub mod patience;
pub mod policy;
pub mod request;
pub mod secret;
pub mod session;
pub mod simulator;
pub mod store;
pub mod types;
pub mod upstream;
pub mod wechat;
