//! Every client there is, each through its own door. The steps are in `matrix.js`.

use crate::town::Town;

#[test]
fn with_an_official_account_alone_every_client_finds_its_way() {
    Town::start("[[route]]\npath = '/**'\nscope = 'userinfo'\n").perform("matrix.js", &["official"]);
}
