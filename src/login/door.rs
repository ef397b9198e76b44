//! Which of the operator's accounts a visitor's browser can sign in through. Pure: the browser and the configuration decide
//! (contract section 4, "door by client").

use crate::request::Browser;
use crate::types::{Account, Instead, Outside};

/// Which doors a site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is there or not, whatever the others are")]
pub struct Doors {
    pub official_account: bool,
    pub website_app: bool,
    pub wecom: bool,
    /// Desktop visitors scan with WeChat, and sign in through the official account on their phone.
    pub handoff: bool,
    /// The demo: a browser that is not WeChat's may sign in as if it were.
    pub every_browser_is_wechat: bool,
}

/// Where a visitor goes to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    OfficialAccount,
    WebsiteApp,
    /// Inside WeCom.
    WeComWebview,
    /// By WeCom's own QR code.
    WeComDesktop,
    /// By a QR code of the gate's own.
    Handoff,
    /// Through one of these, at least two; the visitor chooses.
    Choose(Vec<Choice>),
    /// Nowhere: this browser has to open the address elsewhere.
    None(Outside, Instead),
}

/// A door as `P/login?door=…` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    OfficialAccount,
    WebsiteApp,
    WeCom,
    Handoff,
}

impl Choice {
    pub const ALL: [Self; 4] = [Self::OfficialAccount, Self::WebsiteApp, Self::WeCom, Self::Handoff];

    /// The word of the parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OfficialAccount => Account::OfficialAccount.as_str(),
            Self::WebsiteApp => Account::WebsiteApp.as_str(),
            Self::WeCom => Account::WeCom.as_str(),
            Self::Handoff => "handoff",
        }
    }

    /// What [`Choice::as_str`] names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }

    /// The door that leads to an account.
    #[must_use]
    pub const fn of(account: Account) -> Self {
        match account {
            Account::OfficialAccount => Self::OfficialAccount,
            Account::WebsiteApp => Self::WebsiteApp,
            Account::WeCom => Self::WeCom,
        }
    }

    const fn door(self, browser: Browser) -> Door {
        match (self, browser) {
            (Self::OfficialAccount, _) => Door::OfficialAccount,
            (Self::WebsiteApp, _) => Door::WebsiteApp,
            (Self::WeCom, Browser::WeCom) => Door::WeComWebview,
            (Self::WeCom, _) => Door::WeComDesktop,
            (Self::Handoff, _) => Door::Handoff,
        }
    }
}

impl Doors {
    /// The door for this browser: the chosen one, if it can use that.
    #[must_use]
    pub fn door(&self, browser: Browser, chosen: Option<Choice>) -> Door {
        let possible = self.possible(browser);
        if let Some(chosen) = chosen.filter(|chosen| possible.contains(chosen)) {
            return chosen.door(browser);
        }
        if self.every_browser_is_wechat && self.official_account {
            return Door::OfficialAccount;
        }
        match *possible {
            [] => self.none(browser),
            [only] => only.door(browser),
            _ => Door::Choose(possible),
        }
    }

    /// In the order in which they are offered.
    fn possible(&self, browser: Browser) -> Vec<Choice> {
        let doors: &[(bool, Choice)] = match browser {
            Browser::WeCom => &[(self.wecom, Choice::WeCom)],
            Browser::DevTools
            | Browser::MiniProgram
            | Browser::WeChatDesktop
            | Browser::WeChatIos
            | Browser::WeChatAndroid => &[(self.official_account, Choice::OfficialAccount)],
            Browser::Phone => &[],
            Browser::Desktop => &[
                (self.website_app, Choice::WebsiteApp),
                (self.wecom, Choice::WeCom),
                (self.handoff && self.official_account, Choice::Handoff),
            ],
        };
        doors.iter().filter(|(there, _)| *there).map(|(_, choice)| *choice).collect()
    }

    const fn none(&self, browser: Browser) -> Door {
        let outside = match browser {
            Browser::WeCom => Outside::WeCom,
            Browser::DevTools
            | Browser::MiniProgram
            | Browser::WeChatDesktop
            | Browser::WeChatIos
            | Browser::WeChatAndroid => Outside::WeChat,
            Browser::Phone => Outside::Phone,
            Browser::Desktop => Outside::Desktop,
        };
        let instead = if self.official_account {
            Instead::WeChat
        } else if self.wecom {
            Instead::WeCom
        } else {
            Instead::Desktop
        };
        Door::None(outside, instead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IOS: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                       Mobile/15E148 MicroMessenger/8.0.31(0x18001f2f) NetType/WIFI Language/zh_CN";
    const ANDROID: &str = "Mozilla/5.0 (Linux; Android 13; V2148A) Chrome/111.0.5563.116 Mobile Safari/537.36 \
                           XWEB/1110005 MMWEBSDK/20230805 MMWEBID/4650 MicroMessenger/8.0.42.2460(0x28002A58) \
                           WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64";
    const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0) MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI \
                           MiniProgramEnv/Windows WindowsWechat/WMPF WindowsWechat(0x63090a13) \
                           UnifiedPCWindowsWechat(0xf2541518) XWEB/17071";
    const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) MicroMessenger/6.8.0(0x16080000) \
                       MacWechat/3.0.1(0x13000110) NetType/WIFI WindowsWechat";
    const DEVTOOLS: &str = "Mozilla/5.0 (iPhone) Mobile wechatdevtools/1.06.2209190 MicroMessenger/8.0.5 \
                            Language/zh_CN webview/16364215743155638";
    const MINI_PROGRAM: &str =
        "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.31 miniProgram/wx0123456789abcdef";
    const WECOM_PHONE: &str =
        "Mozilla/5.0 (iPhone) Mobile wxwork/3.1.9 MicroMessenger/7.0.1 Language/zh ColorScheme/Light";
    const WECOM_DESKTOP: &str = "Mozilla/5.0 (Windows NT 10.0) wxwork/3.1.8 (MicroMessenger/6.2) WeChat/2.0.4";
    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36";
    const PHONE: &str = "Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36";

    const WECHATS: [&str; 6] = [IOS, ANDROID, WINDOWS, MAC, DEVTOOLS, MINI_PROGRAM];
    const WECOMS: [&str; 2] = [WECOM_PHONE, WECOM_DESKTOP];

    /// `o`fficial account, `w`ebsite app, `c`orporation, `h`and-off.
    fn doors(there: &str) -> Doors {
        Doors {
            official_account: there.contains('o'),
            website_app: there.contains('w'),
            wecom: there.contains('c'),
            handoff: there.contains('h'),
            every_browser_is_wechat: false,
        }
    }

    fn check(there: &str, agents: &[&str], expected: &Door) {
        for agent in agents {
            assert_eq!(&doors(there).door(Browser::of(agent), None), expected, "{there}: {agent}");
        }
    }

    #[test]
    fn every_client_goes_to_its_door() {
        use Choice::{Handoff, WeCom, WebsiteApp};
        use Door::{Choose, None};
        for (there, wechat, wecom, desktop, phone) in [
            (
                "o",
                Door::OfficialAccount,
                None(Outside::WeCom, Instead::WeChat),
                None(Outside::Desktop, Instead::WeChat),
                None(Outside::Phone, Instead::WeChat),
            ),
            (
                "oh",
                Door::OfficialAccount,
                None(Outside::WeCom, Instead::WeChat),
                Door::Handoff,
                None(Outside::Phone, Instead::WeChat),
            ),
            (
                "ow",
                Door::OfficialAccount,
                None(Outside::WeCom, Instead::WeChat),
                Door::WebsiteApp,
                None(Outside::Phone, Instead::WeChat),
            ),
            (
                "oc",
                Door::OfficialAccount,
                Door::WeComWebview,
                Door::WeComDesktop,
                None(Outside::Phone, Instead::WeChat),
            ),
            (
                "owch",
                Door::OfficialAccount,
                Door::WeComWebview,
                Choose(vec![WebsiteApp, WeCom, Handoff]),
                None(Outside::Phone, Instead::WeChat),
            ),
            (
                "och",
                Door::OfficialAccount,
                Door::WeComWebview,
                Choose(vec![WeCom, Handoff]),
                None(Outside::Phone, Instead::WeChat),
            ),
            (
                "wc",
                None(Outside::WeChat, Instead::WeCom),
                Door::WeComWebview,
                Choose(vec![WebsiteApp, WeCom]),
                None(Outside::Phone, Instead::WeCom),
            ),
            (
                "c",
                None(Outside::WeChat, Instead::WeCom),
                Door::WeComWebview,
                Door::WeComDesktop,
                None(Outside::Phone, Instead::WeCom),
            ),
            (
                "w",
                None(Outside::WeChat, Instead::Desktop),
                None(Outside::WeCom, Instead::Desktop),
                Door::WebsiteApp,
                None(Outside::Phone, Instead::Desktop),
            ),
        ] {
            check(there, &WECHATS, &wechat);
            check(there, &WECOMS, &wecom);
            check(there, &[CHROME, "curl/8.5.0", ""], &desktop);
            check(there, &[PHONE], &phone);
        }
    }

    #[test]
    fn a_choice_counts_where_it_is_one() {
        let all = doors("owch");
        for (choice, door) in [
            (Choice::WebsiteApp, Door::WebsiteApp),
            (Choice::WeCom, Door::WeComDesktop),
            (Choice::Handoff, Door::Handoff),
        ] {
            assert_eq!(all.door(Browser::Desktop, Some(choice)), door);
            assert_eq!(all.door(Browser::WeChatIos, Some(choice)), Door::OfficialAccount, "a link that was passed on");
        }
        assert_eq!(all.door(Browser::WeCom, Some(Choice::WebsiteApp)), Door::WeComWebview);
        assert!(matches!(all.door(Browser::Desktop, Some(Choice::OfficialAccount)), Door::Choose(_)));
        assert_eq!(doors("ow").door(Browser::Desktop, Some(Choice::WeCom)), Door::WebsiteApp);
    }

    #[test]
    fn in_the_demo_every_browser_is_let_in_and_may_choose_another_door() {
        let demo = Doors { every_browser_is_wechat: true, ..doors("ow") };
        for browser in [Browser::Desktop, Browser::Phone, Browser::WeCom] {
            assert_eq!(demo.door(browser, None), Door::OfficialAccount);
        }
        assert_eq!(demo.door(Browser::Desktop, Some(Choice::WebsiteApp)), Door::WebsiteApp);
    }

    #[test]
    fn words_name_one_door_each() {
        for choice in Choice::ALL {
            assert_eq!(Choice::parse(choice.as_str()), Some(choice));
        }
        for word in ["", "WeCom", "website-app", "phone"] {
            assert_eq!(Choice::parse(word), None, "{word}");
        }
    }
}
