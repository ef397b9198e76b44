//! Chance, seedable, and the ids of people, which owe nothing to chance. Not fit for anything but pretending.

use std::hash::{BuildHasher, RandomState};

const LETTERS_AND_DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const URL_SAFE: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

/// A `SplitMix64` generator: one word of state, good enough spread, the same run for the same seed.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Starts from the seed, or from the system's own entropy when there is none.
    pub(super) fn new(seed: Option<u64>) -> Self {
        // std's hasher is the one door to the system's entropy that needs no crate.
        Self(seed.unwrap_or_else(|| RandomState::new().hash_one("simulator")))
    }

    pub(super) const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.word() % bound).unwrap_or(0)
    }

    /// An authorization code in WeChat's shape: 32 letters and digits, a zero first.
    pub(super) fn code(&mut self) -> String {
        format!("0{}", self.text(LETTERS_AND_DIGITS, 31))
    }

    /// A code of WeCom's: another shape, and longer.
    pub(super) fn corp_code(&mut self) -> String {
        self.text(URL_SAFE, 43)
    }

    /// A token or user ticket of WeCom's: no digits in front.
    pub(super) fn corp_token(&mut self) -> String {
        self.text(URL_SAFE, 214)
    }

    /// An access or refresh token in WeChat's shape: two digits, `_`, then a long text.
    pub(super) fn token(&mut self) -> String {
        format!("{}_{}", 10 + self.below(90), self.text(URL_SAFE, 86))
    }

    /// A platform token: as long as a user's, and longer.
    pub(super) fn platform_token(&mut self) -> String {
        format!("{}_{}", 10 + self.below(90), self.text(URL_SAFE, 134))
    }

    /// A ticket in WeChat's shape.
    pub(super) fn ticket(&mut self) -> String {
        self.text(URL_SAFE, 86)
    }

    /// An openid that belongs to nobody: what a snapshot page is given.
    pub(super) fn virtual_openid(&mut self, app_id: &str) -> String {
        format!("{}{}", account_prefix(app_id), self.text(URL_SAFE, 21))
    }

    /// A unionid that belongs to nobody.
    pub(super) fn virtual_unionid(&mut self) -> String {
        format!("o{}", self.text(URL_SAFE, 27))
    }

    /// The tail of an errmsg, which WeChat writes in an old and in a new manner. Nobody should read it.
    pub(super) fn errmsg_suffix(&mut self) -> String {
        if self.below(2) == 0 {
            let (head, tail) = (self.text(LETTERS_AND_DIGITS, 6), self.text(LETTERS_AND_DIGITS, 4));
            format!(", hints: [ req_id: {head}0{:03}{tail} ]", self.below(1000))
        } else {
            format!(", {}", self.rid())
        }
    }

    /// The same of WeCom's.
    pub(super) fn hint(&mut self, now: u64) -> String {
        format!("hint: [{now}_{}_{:016x}{:016x}]", self.below(1000), self.word(), self.word())
    }

    /// What WeChat's support wants to be told about a refused call.
    pub(super) fn rid(&mut self) -> String {
        let mut part = || self.word() >> 32;
        format!("rid: {:08x}-{:08x}-{:08x}", part(), part(), part())
    }

    /// The name of a QR code, in WeChat's shape: 16 letters and digits, a zero first.
    pub(super) fn uuid(&mut self) -> String {
        format!("0{}", self.text(LETTERS_AND_DIGITS, 15))
    }

    /// A nonce for one page's script.
    pub(super) fn nonce(&mut self) -> String {
        self.text(LETTERS_AND_DIGITS, 22)
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

/// The openid of a user at an account: 28 characters, the same in every run, different at every account.
pub(super) fn openid(app_id: &str, user: &str) -> String {
    format!("{}{}", account_prefix(app_id), derived(&["openid", app_id, user]).text(URL_SAFE, 21))
}

/// The `external_userid` of a customer at a corporation: 32 characters, the same in every run.
pub(super) fn external_userid(corp_id: &str, user: &str) -> String {
    format!("wm{}", derived(&["external", corp_id, user]).text(URL_SAFE, 30))
}

/// The unionid of a user among the accounts of one Open Platform account: 28 characters, the same in every run.
pub(super) fn unionid(open_platform: &str, user: &str) -> String {
    format!("o{}", derived(&["unionid", open_platform, user]).text(URL_SAFE, 27))
}

/// `o` and six characters: all openids of one account begin alike, as they do at WeChat.
fn account_prefix(app_id: &str) -> String {
    format!("o{}", derived(&["account", app_id]).text(URL_SAFE, 6))
}

/// A generator that depends on these words alone (FNV-1a, a separator after each).
fn derived(words: &[&str]) -> Random {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in words.iter().flat_map(|word| word.bytes().chain([0xff])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    Random(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_run() {
        let (mut one, mut same, mut other) = (Random::new(Some(7)), Random::new(Some(7)), Random::new(Some(8)));
        let code = one.code();
        assert_eq!(code, same.code());
        assert_ne!(code, other.code());
        assert_ne!(code, one.code());
    }

    #[test]
    fn rule_14_ids_have_wechats_lengths_and_differ_by_account() {
        let (here, there) = (openid("wx0000000000000001", "lin"), openid("wx0000000000000002", "lin"));
        assert_eq!((here.len(), &here[..1]), (28, "o"));
        assert_ne!(here, there);
        assert_eq!(here, openid("wx0000000000000001", "lin"));
        assert_eq!(here[..7], openid("wx0000000000000001", "fei")[..7]);
        assert_eq!(unionid("group", "lin").len(), 28);
        assert_eq!(Random::new(Some(1)).virtual_openid("wx0000000000000001").len(), 28);
    }
}
