//! The people who live in the default world, one for each thing that goes wrong with names.

use super::settings::{Belonging, Following, User};

pub(super) fn users() -> Vec<User> {
    let user = |id: &str, nickname: &[u8], avatar, following| User {
        id: id.to_owned(),
        nickname: nickname.to_vec(),
        avatar,
        following,
        belonging: Belonging::Outsider,
    };
    let customer = |user: User| User { belonging: Belonging::Customer, ..user };
    let member = |userid: &str, user: User| User { belonging: Belonging::Member { userid: userid.to_owned() }, ..user };
    let long = "名字\"特别\"长的阿长\\又名/Long-Name O'Neil & <b>Söhne</b> ☕️ ".repeat(8);
    vec![
        customer(user("lin", "林小雨🌧️".as_bytes(), Some(205), Following::Yes)),
        user("fei", "阿飞✈️".as_bytes(), Some(28), Following::FromMenu),
        user("wang", "老王".as_bytes(), None, Following::Yes),
        user("doudou", "豆豆👨‍👩‍👧 Doudou".as_bytes(), Some(96), Following::Yes),
        // Control bytes inside the string and text that is no UTF-8, both seen in real profiles.
        user(
            "mimi",
            b"\xe5\x92\xaa\x07\xe5\x92\xaa\x14\xf0\x9f\x90\xb1\xff\xfe\n\xe5\x96\xb5",
            Some(325),
            Following::Yes,
        ),
        user("chang", long.as_bytes(), Some(265), Following::Yes),
        // The staff. A userid is not always letters: whoever makes it may choose.
        member("ZhangWei", user("zhang", "张伟".as_bytes(), Some(150), Following::Yes)),
        member("chen.jing@cafe", user("chen", "陈静".as_bytes(), None, Following::Yes)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_15_the_cast_covers_what_goes_wrong_with_names() {
        let cast = users();
        let name =
            |id: &str| cast.iter().find(|user| user.id == id).map(|user| user.nickname.clone()).unwrap_or_default();
        assert!(String::from_utf8(name("mimi")).is_err() && name("mimi").contains(&0x07));
        assert!(name("chang").len() > 400 && name("chang").contains(&b'"') && name("chang").contains(&b'\\'));
        assert!(cast.iter().any(|user| user.avatar.is_none()));
        assert!(cast.iter().any(|user| user.following == Following::FromMenu));
    }
}
