//! Avatars: a face drawn in the hue of its owner, served where WeChat would serve a picture.

use http::{Method, StatusCode};

use crate::simulator::Shared;
use crate::simulator::exchange::{Answer, Ask, reply};
use crate::simulator::settings::User;

/// The sizes WeChat knows, as the last segment of an avatar's path.
const SIZES: [&str; 5] = ["0", "46", "64", "96", "132"];
/// The owner of the faces that belong to nobody. No user's id has a dot.
const NOBODY: &str = "snapshot.";

/// Where a user's picture is. It moves when the picture changes, and the old address is dead then.
pub(in crate::simulator) fn url(base_url: &str, user: &User) -> Option<String> {
    Some(at(base_url, &user.id, user.avatar?))
}

/// Where a virtual user's picture is.
pub(in crate::simulator) fn virtual_url(base_url: &str, hue: u16) -> String {
    at(base_url, NOBODY, hue)
}

fn at(base_url: &str, owner: &str, hue: u16) -> String {
    format!("{base_url}/mmopen/vi_32/{owner}-{hue}/132")
}

/// Serves `/mmopen/vi_32/<owner>-<hue>/<size>`.
pub(in crate::simulator) fn answer(ask: &Ask, shared: &Shared) -> Answer {
    let face = ask.path.strip_prefix("/mmopen/vi_32/").and_then(|rest| {
        let (picture, size) = rest.split_once('/')?;
        let (owner, hue) = picture.rsplit_once('-')?;
        let hue: u16 = hue.parse().ok().filter(|&hue| hue < 360)?;
        let world = shared.world();
        let current = owner == NOBODY || world.user(owner).is_some_and(|user| user.avatar == Some(hue));
        (current && SIZES.contains(&size)).then(|| draw(hue))
    });
    Ok(match face {
        Some(face) if ask.method == Method::GET || ask.method == Method::HEAD => {
            reply(StatusCode::OK, "image/svg+xml", face)
        }
        _ => reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "there is no such picture\n"),
    })
}

/// A friendly face. Shapes only, since a bare machine has no emoji font.
pub(super) fn draw(hue: u16) -> String {
    let (hair, cheeks) = ((hue + 150) % 360, (hue + 340) % 360);
    // Three hair styles, so that people differ by more than their colour.
    let hair_shape = match hue % 3 {
        0 => "M30 62C28 30 50 20 66 20s38 10 36 42C94 46 84 42 66 42S38 46 30 62Z",
        1 => {
            "M28 96C20 40 40 18 66 18s46 22 38 78C98 84 98 66 94 54C80 56 58 50 50 40C46 50 40 56 36 58C36 72 34 86 28 96Z"
        }
        _ => "M32 58C26 44 34 26 46 28C52 16 72 14 80 24C96 22 106 42 98 58C92 48 84 44 66 44S38 48 32 58Z",
    };
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 132 132" width="132" height="132">
<defs><linearGradient id="g{hue}" x1="0" y1="0" x2="1" y2="1">
<stop offset="0" stop-color="hsl({hue} 75% 82%)"/><stop offset="1" stop-color="hsl({hue} 62% 64%)"/></linearGradient></defs>
<rect width="132" height="132" fill="url(#g{hue})"/>
<path d="M22 132c0-30 20-42 44-42s44 12 44 42Z" fill="hsl({hue} 45% 42%)"/>
<circle cx="66" cy="64" r="34" fill="#ffe3cf"/>
<path d="{hair_shape}" fill="hsl({hair} 32% 26%)"/>
<circle cx="54" cy="66" r="4" fill="#33271f"/><circle cx="78" cy="66" r="4" fill="#33271f"/>
<circle cx="46" cy="76" r="5" fill="hsl({cheeks} 80% 76%)" opacity=".7"/>
<circle cx="86" cy="76" r="5" fill="hsl({cheeks} 80% 76%)" opacity=".7"/>
<path d="M56 79q10 10 20 0" fill="none" stroke="#33271f" stroke-width="3.5" stroke-linecap="round"/></svg>"##
    )
}

/// The grey figure of somebody without a picture.
pub(super) const fn nobody() -> &'static str {
    r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 132 132" width="132" height="132"><rect width="132" height="132" fill="#d8d8d8"/><circle cx="66" cy="52" r="24" fill="#f4f4f4"/><path d="M20 132c0-32 20-46 46-46s46 14 46 46Z" fill="#f4f4f4"/></svg>"##
}
