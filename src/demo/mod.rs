//! `wxgate demo`: the gate, a pretend WeChat and a sample site in one process.
//!
//! [`site`] is the site behind the gate. It knows the gate only as any PHP or Node site would: by the headers it is sent
//! and by a few URLs.

pub mod site;
