//! The whole request: what the gate does with it, and what it answers itself.

pub mod fault;
pub mod pages;
