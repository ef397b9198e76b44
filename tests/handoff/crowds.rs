//! Many desktops at once: each has its own ticket, none costs a worker, none outlives its time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::support::World;
use crate::support::visit::SESSION;
use crate::walk::{Desktop, HANDOFF, say, scan};

#[tokio::test]
async fn r37_of_a_thousand_tickets_exactly_the_one_confirmed_lets_its_desktop_in() {
    let world = Arc::new(World::start(HANDOFF).await);
    let mut desktops = Vec::new();
    for _ in 0..20 {
        let opening: Vec<_> = (0..50)
            .map(|_| {
                let world = Arc::clone(&world);
                tokio::spawn(async move { Desktop::open(&world, "/inside").await })
            })
            .collect();
        for one in opening {
            desktops.push(one.await.expect("a desktop"));
        }
    }
    let ids: BTreeSet<&str> = desktops.iter().map(|desktop| desktop.id.as_str()).collect();
    assert_eq!(ids.len(), 1000);
    let mut phone = world.visitor("lin");
    let chosen = desktops[617].id.clone();
    scan(&world, &mut phone, &chosen).await;
    let number = desktops[617].number(&world).await;
    for at in [0, 616, 618, 999] {
        say(&world, &mut phone, &desktops[at].id.clone(), &number, "allow").await.assert_page(403, "login-expired");
    }
    say(&world, &mut phone, &chosen, &number, "allow").await.assert_says("已确认登录");
    let mut inside = 0;
    for desktop in &mut desktops {
        let on = desktop.finish(&world).await;
        assert_eq!(on.gives_a_session(), desktop.id == chosen);
        inside += usize::from(on.status == 303);
    }
    assert_eq!(inside, 1);
    world.clock.advance(Duration::from_mins(2));
    for desktop in desktops.iter_mut().step_by(100) {
        assert_eq!(desktop.state(&world).await, "expired");
    }
}

#[tokio::test]
async fn waiting_desktops_hold_up_nobody_and_hear_the_end() {
    let world = World::start(HANDOFF).await;
    let mut waiting = Vec::new();
    for _ in 0..200 {
        let desktop = Desktop::open(&world, "/").await;
        let (word, stream) = desktop.listen(&world).await;
        assert_eq!(word, "data: waiting\n\n");
        waiting.push(stream);
    }
    // Two workers, each with a hundred of them.
    let mut member = world.signed_in("lin").await;
    for _ in 0..20 {
        assert_eq!(member.get(&world.url("/page")).await.status, 200);
    }
    world.clock.advance(Duration::from_mins(2));
    for stream in waiting {
        assert_eq!(stream.rest().await, "data: expired\n\n");
    }
}

#[tokio::test]
async fn a_gate_that_stops_lets_its_desktops_go() {
    let mut world = World::start(HANDOFF).await;
    // Longer than anything here takes.
    world.reload(&world.text.replace("shutdown_grace = '2s'", "shutdown_grace = '1m'")).expect("it is taken");
    let desktop = Desktop::open(&world, "/").await;
    let (_, stream) = desktop.listen(&world).await;
    world.stop_gate();
    // Had it been cut rather than ended, this would fail.
    assert_eq!(stream.rest().await, "");
}

#[tokio::test]
async fn tabs_of_one_browser_wait_side_by_side_and_the_oldest_gives_way() {
    let world = World::start(HANDOFF).await;
    let mut first = Desktop::open(&world, "/1").await;
    let mut tabs = Vec::new();
    for number in 2..=4 {
        world.clock.advance(Duration::from_secs(1));
        let tab = Desktop::open_in(&world, first.browser.clone(), &format!("/{number}")).await;
        first.browser = tab.browser.clone();
        tabs.push(tab);
    }
    let jar = world.jar(&mut first.browser).clone();
    assert_eq!(jar.keys().filter(|name| name.starts_with("wxgate-handoff-")).count(), 3, "{jar:?}");
    assert_eq!(first.state(&world).await, "expired", "the oldest of four");
    let mut phone = world.visitor("lin");
    for tab in &mut tabs {
        tab.browser = first.browser.clone();
        assert_eq!(tab.state(&world).await, "waiting");
    }
    let tab = &mut tabs[1];
    scan(&world, &mut phone, &tab.id).await;
    let number = tab.number(&world).await;
    say(&world, &mut phone, &tab.id, &number, "allow").await.assert_says("已确认登录");
    let on = tab.finish(&world).await;
    assert_eq!((on.status.as_u16(), on.header("location")), (303, Some("/3")));
    assert!(world.jar(&mut tab.browser).contains_key(SESSION));
    // Signing out forgets the other tabs' tickets too.
    world.sign_out(&mut tab.browser).await;
    assert!(world.jar(&mut tab.browser).is_empty());
}
