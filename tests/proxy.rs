//! Forwarding as a browser and a site see it, byte by byte (contract sections 9 and 10).

mod support;

mod proxy {
    mod answers;
    mod bodies;
    mod drain;
    mod failures;
    mod forwarding;
    mod gate;
    mod headers;
    mod interim;
    mod limits;
    mod listeners;
    mod memory;
    mod origin;
    mod paths;
    mod process;
    mod proxy_protocol;
    mod reload;
    mod rolling;
    mod smuggling;
    mod storms;
    mod tls_site;
    mod upgrades;
    mod wire;
}
