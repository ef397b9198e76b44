//! WeChat's signature over the address of a page, raw values in a fixed order (WECHAT.md section 6.2).

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use data_encoding::HEXLOWER;

/// What is signed beside the ticket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    /// At most 32 characters.
    pub nonce: &'a str,
    /// In seconds.
    pub timestamp: u64,
    /// Byte for byte as the page has it, without its fragment.
    pub url: &'a str,
}

impl Signed<'_> {
    /// 40 lower-case hex digits. The ticket is hashed where it lies: no copy of it is made.
    pub(super) fn signature(&self, ticket: &str) -> String {
        let mut sha1 = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        sha1.update(b"jsapi_ticket=");
        sha1.update(ticket.as_bytes());
        sha1.update(self.beside_the_ticket().as_bytes());
        HEXLOWER.encode(sha1.finish().as_ref())
    }

    /// What was signed, for whoever looks for a mistake; the ticket is nobody's business (R28).
    pub(super) fn masked(&self) -> String {
        format!("jsapi_ticket=••••{}", self.beside_the_ticket())
    }

    fn beside_the_ticket(&self) -> String {
        let Self { nonce, timestamp, url } = self;
        format!("&noncestr={nonce}&timestamp={timestamp}&url={url}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICKET: &str = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg";

    /// The examples of WeChat's own pages, the current one and the older one.
    #[test]
    fn the_official_vectors_come_out() {
        for (url, signature) in [
            ("http://mp.weixin.qq.com?params=value", "0f9de62fce790f9a083d5c99e95740ceb90c27ed"),
            ("http://mp.weixin.qq.com", "f4d90daf4b3bca3078ab155816175ba34c443a7b"),
        ] {
            let signed = Signed { nonce: "Wm3WZYTPz0wzccnW", timestamp: 1_414_587_457, url };
            assert_eq!(signed.signature(TICKET), signature, "{url}");
        }
    }

    #[test]
    fn r28_the_masked_text_holds_all_but_the_ticket() {
        let signed = Signed { nonce: "n", timestamp: 7, url: "https://m.example.com/?a=%2B+b" };
        assert_eq!(signed.masked(), "jsapi_ticket=••••&noncestr=n&timestamp=7&url=https://m.example.com/?a=%2B+b");
    }
}
