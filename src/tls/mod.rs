//! TLS on both sides: how servers are spoken to, and by what the gate proves to its clients who it is.

mod certificates;
mod client;
mod named;
mod pair;
mod pem;
mod server;
#[cfg(test)]
mod tests;
mod validity;

pub use certificates::Certificates;
pub use client::client;
pub use pair::{Certified, Doubt, Flaw, Pair, PairError};
pub use server::server;
