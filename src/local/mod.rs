//! What the gate answers itself.

pub mod me;
