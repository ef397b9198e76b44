//! A gate that is told to stop: what it waits for, and how long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::gate::{Program, Wants};
use super::origin::Origin;
use super::wire::{PATIENCE, TICK_LATE, Wire, get};

const SWITCH: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

/// A site whose tunnels echo, and end when the other side does.
async fn echoing() -> Origin {
    Origin::start(async |mut conversation| {
        while conversation.request().await.is_some() {
            let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
            conversation.say(switched).await;
            while let Ok(bytes) = conversation.wire.read().await {
                if bytes.is_empty() {
                    return;
                }
                conversation.say(bytes).await;
            }
        }
    })
    .await
}

async fn tunnel(program: &Program) -> Wire {
    let mut wire = Wire::connect(program.address).await;
    wire.send(get("/open/ws", SWITCH)).await;
    assert_eq!(wire.head().await.expect("a head").status(), 101);
    wire
}

async fn echo(wire: &mut Wire) -> bool {
    wire.try_send("tick").await.is_ok() && wire.exactly(4).await.is_ok_and(|heard| heard == b"tick")
}

/// A gate that is to stop ends a tunnel of which it has heard nothing for so long.
const PAUSE: Duration = Duration::from_secs(1);

/// A tunnel on which somebody talks.
struct Talk {
    wire: Wire,
    /// When the last thing was said that was heard.
    spoke: Instant,
}

impl Talk {
    /// Says something. `false` where it was silent for long enough to be ended, as on a machine that stands still.
    async fn goes_on(&mut self) -> bool {
        let began = Instant::now();
        if echo(&mut self.wire).await {
            self.spoke = began;
            return true;
        }
        assert!(self.has_paused(), "it was cut in the middle of its talk, {:?} after a word", self.spoke.elapsed());
        false
    }

    fn has_paused(&self) -> bool {
        self.spoke.elapsed() >= PAUSE - TICK_LATE
    }
}

#[tokio::test]
async fn tunnels_end_in_good_order_as_soon_as_they_pause() {
    let origin = echoing().await;
    // Time is kept more finely where the shortest limit is short.
    let limits = "shutdown_grace = '1h'\nheader_timeout = '2s'";
    let mut program = Program::before(&origin, Wants { server: limits, ..Wants::default() }).await;
    let (mut quiet, busy) = (tunnel(&program).await, tunnel(&program).await);
    let mut busy = Talk { wire: busy, spoke: Instant::now() };
    assert!(echo(&mut quiet).await && busy.goes_on().await);
    let began = Instant::now();
    program.signal("TERM");
    let ended = AtomicBool::new(false);
    let until_it_ends = async {
        let over = quiet.read().await;
        ended.store(true, Ordering::Relaxed);
        (over, began.elapsed())
    };
    // Whole echoes only: half of one would be heard later.
    let talk = async {
        while !ended.load(Ordering::Relaxed) && busy.goes_on().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let ((over, after), ()) = tokio::join!(until_it_ends, talk);
    assert_eq!(over.expect("an end, and no reset"), b"");
    assert!(after >= PAUSE - TICK_LATE, "it could have been about to speak: {after:?}");
    if busy.goes_on().await {
        assert!(program.ended().is_none() || busy.has_paused(), "who talks is let talk");
    }
    assert_eq!(busy.wire.read().await.expect("an end, and no reset"), b"");
    assert_eq!(program.exit_code().await, Some(0));
    origin.is_left_alone().await;
}

#[tokio::test]
async fn a_tunnel_that_never_pauses_ends_with_the_grace_period() {
    let origin = echoing().await;
    let mut program = Program::before(&origin, Wants { server: "shutdown_grace = '700ms'", ..Wants::default() }).await;
    let mut busy = tunnel(&program).await;
    let began = Instant::now();
    program.signal("TERM");
    while echo(&mut busy).await {
        assert!(began.elapsed() < PATIENCE, "it is let talk for ever");
    }
    assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
    assert_eq!(program.exit_code().await, Some(0));
}
