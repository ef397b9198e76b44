//! The event stream of the sample site: water coming to the boil, an event each second.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Closing;

/// A body that never ends by itself (server-sent events, HTML Living Standard section 9.2).
pub(super) struct Kettle {
    ticks: Interval,
    second: u64,
    closing: Closing,
}

impl Kettle {
    /// The first event is sent at once.
    pub(super) fn new(closing: Closing) -> Self {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, second: 0, closing }
    }
}

impl Body for Kettle {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.ticks.poll_tick(context));
        // The sender is gone: the site is closing, and an endless answer is no reason to stay.
        if self.closing.has_changed().is_err() {
            return Poll::Ready(None);
        }
        let event = event(self.second);
        self.second += 1;
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}

/// Twenty degrees at first, four more each second; once it boils, fresh water is put on.
fn event(second: u64) -> String {
    let celsius = 20 + (second * 4) % 80;
    format!("id: {second}\ndata: {{\"second\":{second},\"celsius\":{celsius}}}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_json_on_one_line_and_end_with_an_empty_one() {
        for second in [0, 1, 19, 20, u64::from(u32::MAX)] {
            let event = event(second);
            let data = event.strip_suffix("\n\n").and_then(|event| event.split_once("\ndata: ")).expect("an event").1;
            let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
            assert_eq!(data["second"], second);
            assert!((20..=96).contains(&data["celsius"].as_u64().expect("a number")), "{data}");
        }
    }
}
