//! The operator's listener from outside: health, metrics, tokens for other programs, the end of sessions.

mod support;

mod admin {
    mod cgi_bin;
    mod guard;
    mod health;
    mod metrics;
    mod operator;
    mod revoke;
    mod sdk;
    mod upstream_errors;
}
