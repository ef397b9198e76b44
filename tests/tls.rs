//! TLS as clients meet it: handshakes, certificates that change under way, visitors who sign in by it.

mod support;

mod tls {
    mod gate;
    mod handshakes;
    mod renewal;
    mod strangers;
    mod visits;
}
