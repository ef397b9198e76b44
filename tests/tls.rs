//! TLS as clients meet it: handshakes, certificates that change under way, visitors who sign in by it.

mod support;

mod tls {
    mod attacks;
    mod frames;
    mod gate;
    mod handshakes;
    mod http2;
    mod memory;
    mod places;
    mod reload;
    mod renewal;
    mod site;
    mod strangers;
    mod visits;
}
