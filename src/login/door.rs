//! Which of the operator's accounts a visitor's browser can sign in through. Pure: the user agent decides.

use crate::types::Outside;

/// A browser, as far as signing in goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    WeCom,
    DevTools,
    MiniProgram,
    WeChatDesktop,
    WeChatIos,
    /// Android, and HarmonyOS.
    WeChatAndroid,
    /// A phone or tablet, outside WeChat.
    Phone,
    Desktop,
}

/// Where a visitor goes to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    OfficialAccount,
    /// Nowhere: this browser has to open the address in WeChat.
    None(Outside),
}

impl Browser {
    /// First match wins: a `WeCom` agent names WeChat too, a mini program on a computer names Windows.
    #[must_use]
    pub fn of(user_agent: &str) -> Self {
        let agent = user_agent.to_ascii_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| agent.contains(word));
        if names(&["wxwork"]) {
            Self::WeCom
        } else if names(&["wechatdevtools"]) {
            Self::DevTools
        } else if names_mini_program(&agent) {
            Self::MiniProgram
        } else if names(&["micromessenger"]) {
            if names(&["windowswechat", "macwechat", "unifiedpc"]) || !names(&["mobile"]) {
                Self::WeChatDesktop
            } else if names(&["iphone", "ipad"]) {
                Self::WeChatIos
            } else {
                Self::WeChatAndroid
            }
        } else if names(&["mobile", "android", "iphone", "ipad", "ipod", "harmony"]) {
            Self::Phone
        } else {
            Self::Desktop
        }
    }

    /// The door this browser can use.
    #[must_use]
    pub const fn door(self) -> Door {
        match self {
            Self::DevTools | Self::MiniProgram | Self::WeChatDesktop | Self::WeChatIos | Self::WeChatAndroid => {
                Door::OfficialAccount
            }
            Self::WeCom => Door::None(Outside::WeCom),
            Self::Phone => Door::None(Outside::Phone),
            Self::Desktop => Door::None(Outside::Desktop),
        }
    }
}

/// `miniProgram/wx<appid>`. `MiniProgramEnv/Windows` is something else: the runtime WeChat for Windows shows pages in.
fn names_mini_program(agent: &str) -> bool {
    agent
        .split("miniprogram/wx")
        .skip(1)
        .any(|rest| rest.as_bytes().first_chunk::<16>().is_some_and(|appid| appid.iter().all(u8::is_ascii_hexdigit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_by_their_agents() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Mobile/15E148 MicroMessenger/8.0.31(0x18001f2f) NetType/WIFI Language/zh_CN",
                Browser::WeChatIos,
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; V2148A) Chrome/111.0.5563.116 Mobile Safari/537.36 XWEB/1110005 \
                 MMWEBSDK/20230805 MMWEBID/4650 MicroMessenger/8.0.42.2460(0x28002A58) WeChat/arm64 Weixin \
                 NetType/WIFI Language/zh_CN ABI/arm64",
                Browser::WeChatAndroid,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64) Chrome/39.0.2171.95 Safari/537.36 MicroMessenger/6.5.2.501 \
                 NetType/WIFI WindowsWechat",
                Browser::WeChatDesktop,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI \
                 MiniProgramEnv/Windows WindowsWechat/WMPF WindowsWechat(0x63090a13) \
                 UnifiedPCWindowsWechat(0xf2541518) XWEB/17071",
                Browser::WeChatDesktop,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) MicroMessenger/6.8.0(0x16080000) \
                 MacWechat/3.0.1(0x13000110) NetType/WIFI WindowsWechat",
                Browser::WeChatDesktop,
            ),
            (
                "Mozilla/5.0 (Macintosh) MicroMessenger/6.8.0 MacWechat/3.8.7(0x13080712) \
                 UnifiedPCMacWechat(0xf2641210) XWEB/16816",
                Browser::WeChatDesktop,
            ),
            (
                "Mozilla/5.0 (iPhone) Mobile wechatdevtools/1.06.2209190 MicroMessenger/8.0.5 Language/zh_CN \
                 webview/16364215743155638",
                Browser::DevTools,
            ),
            (
                "Mozilla/5.0 (iPhone) Mobile wxwork/3.1.9 MicroMessenger/7.0.1 Language/zh ColorScheme/Light",
                Browser::WeCom,
            ),
            ("Mozilla/5.0 (Windows NT 10.0) wxwork/3.1.8 (MicroMessenger/6.2) WeChat/2.0.4", Browser::WeCom),
            (
                "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.31 miniProgram/wx0123456789abcdef",
                Browser::MiniProgram,
            ),
            ("Mozilla/5.0 (iPhone) Mobile MicroMessenger/8.0 miniProgram/wxshort", Browser::WeChatIos),
            ("Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36", Browser::Phone),
            ("Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) Version/16.0 Mobile/15E148 Safari/604.1", Browser::Phone),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36", Browser::Desktop),
            ("", Browser::Desktop),
        ] {
            assert_eq!(Browser::of(agent), expected, "{agent}");
        }
    }

    #[test]
    fn wecom_never_goes_through_the_official_account() {
        assert_eq!(Browser::WeCom.door(), Door::None(Outside::WeCom));
        assert_eq!(Browser::WeChatDesktop.door(), Door::OfficialAccount);
        assert_eq!(Browser::MiniProgram.door(), Door::OfficialAccount);
        assert_eq!(Browser::Desktop.door(), Door::None(Outside::Desktop));
    }
}
