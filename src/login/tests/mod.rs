//! Signing in, as a browser and a scripted WeChat see it.

mod exchange;
mod gate;
mod handoff;
mod hostile;
mod logs;
mod me;
mod out;
mod return_to;
mod rounds;
mod sign_in;

use gate::{Browser, Gate, gate};
