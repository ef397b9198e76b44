//! The one kind of body the gate reads itself: a small form.

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::fault::{Fault, Reason};
use crate::patience::{Phase, Watch};
use crate::request::Head;

/// A return target is the longest thing that a form of ours carries.
const MAX_FORM: usize = 16 * 1024;

/// The body of a posted form; empty for methods that have none.
pub(super) async fn read(body: Incoming, head: &Head, watch: &Watch) -> Result<Bytes, Fault> {
    if *head.method() != Method::POST {
        return Ok(Bytes::new());
    }
    watch.enter(Phase::Upload);
    let form = Limited::new(body, MAX_FORM).collect().await;
    watch.enter(Phase::Own);
    match form {
        Ok(form) => Ok(form.to_bytes()),
        Err(error) => Err(Reason::BadRequest { detail: "The form is too large or broke off." }.because(error)),
    }
}
