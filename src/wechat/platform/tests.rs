//! The token centre against a scripted WeChat.
