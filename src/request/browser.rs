//! Which client this is, as far as signing in goes. Pure: the user agent decides (WECHAT.md section 8).

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
                "Mozilla/5.0 (Linux; Android 9; MI 6) MQQBrowser/6.2 TBS/044409 Mobile Safari/537.36 \
                 MicroMessenger/6.7.3.1360(0x26070333) NetType/WIFI Language/zh_CN Process/tools",
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
            (
                "Mozilla/5.0 (Windows NT 10.0) Chrome/81.0.4044.138 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) \
                 NetType/WIFI MiniProgramEnv/Windows WindowsWechat miniProgram/wx0123456789ABCDEF",
                Browser::MiniProgram,
            ),
            (
                "Mozilla/5.0 (Windows NT 6.1) Chrome/53.0.2785.116 Safari/537.36 QBCore/4.0.1301.400 \
                 QQBrowser/9.0.2524.400 NetType/WIFI MicroMessenger/6.5.2.501 WindowsWechat",
                Browser::WeChatDesktop,
            ),
            ("Mozilla/5.0 (Windows NT 10.0) WXWork/4.1.0 MicroMessenger/7.0.1 WindowsWechat", Browser::WeCom),
            (
                "Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1 Mobile MicroMessenger/8.0.1 Weixin",
                Browser::WeChatAndroid,
            ),
            ("Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1 Mobile", Browser::Phone),
            ("curl/8.5.0", Browser::Desktop),
            ("Mozilla/5.0 (iPhone) Mobile MicroMessenger/8.0 miniProgram/wxshort", Browser::WeChatIos),
            ("Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36", Browser::Phone),
            ("Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) Version/16.0 Mobile/15E148 Safari/604.1", Browser::Phone),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36", Browser::Desktop),
            ("", Browser::Desktop),
        ] {
            assert_eq!(Browser::of(agent), expected, "{agent}");
        }
    }
}
