//! Devices and how they describe themselves: operating system, browser and user agent always fit
//! together, and browser versions grow by one every four weeks.

use crate::dice::{Dice, Guid};

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Platform {
    Windows,
    Mac,
    Ios,
    Android,
    /// Machines of attackers and scripts.
    Linux,
}

impl Platform {
    pub(crate) fn is_phone(self) -> bool {
        matches!(self, Platform::Ios | Platform::Android)
    }
}

/// The browser a person prefers on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Chrome,
    Edge,
    Firefox,
    Safari,
}

/// How a device is known to the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    None,
    Registered,
    Joined,
    Hybrid,
}

impl Join {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Join::None => "",
            Join::Registered => "Azure AD registered",
            Join::Joined => "Azure AD joined",
            Join::Hybrid => "Hybrid Azure AD joined",
        }
    }
}

/// A device of a person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Device {
    pub(crate) id: Guid,
    pub(crate) platform: Platform,
    pub(crate) browser: Browser,
    pub(crate) join: Join,
    pub(crate) compliant: bool,
    pub(crate) managed: bool,
    /// 0 to 2: how far behind its browser version is.
    lag: u8,
}

impl Device {
    /// A computer.
    pub(crate) fn computer(dice: &mut Dice, engineer: bool) -> Device {
        let mac = dice.chance(if engineer { 450 } else { 120 });
        let join = match dice.below(100) {
            _ if mac => Join::Registered,
            0..70 => Join::Joined,
            70..90 => Join::Hybrid,
            _ => Join::Registered,
        };
        let managed = dice.chance(if mac { 850 } else { 950 });
        Device {
            id: dice.guid(),
            platform: if mac { Platform::Mac } else { Platform::Windows },
            browser: match dice.below(100) {
                0..25 if mac => Browser::Safari,
                0..50 => Browser::Edge,
                50..92 => Browser::Chrome,
                _ => Browser::Firefox,
            },
            join,
            compliant: managed && dice.chance(960),
            managed,
            lag: dice.below(3) as u8,
        }
    }

    /// A phone.
    pub(crate) fn phone(dice: &mut Dice) -> Device {
        let ios = dice.chance(550);
        let managed = dice.chance(450);
        Device {
            id: dice.guid(),
            platform: if ios { Platform::Ios } else { Platform::Android },
            browser: if ios { Browser::Safari } else { Browser::Chrome },
            join: if managed { Join::Registered } else { Join::None },
            compliant: managed && dice.chance(930),
            managed,
            lag: dice.below(3) as u8,
        }
    }

    /// A private computer nobody manages.
    pub(crate) fn unmanaged(dice: &mut Dice) -> Device {
        let mut device = Device::computer(dice, false);
        (device.join, device.compliant, device.managed) = (Join::None, false, false);
        device
    }

    /// A device that nobody registered and that belongs to nobody in the tenant.
    pub(crate) const fn stranger(platform: Platform, browser: Browser, join: Join) -> Device {
        let id = Guid([0; 16]);
        Device { id, platform, browser, join, compliant: false, managed: false, lag: 2 }
    }

    /// Does the directory know the device?
    pub(crate) fn is_known(&self) -> bool {
        self.join != Join::None
    }

    /// The name an administrator gave it.
    pub(crate) fn name(&self) -> String {
        let tail = u32::from_be_bytes([0, self.id.0[0], self.id.0[1], self.id.0[2]]);
        match self.platform {
            Platform::Windows => format!("LT-{tail:06X}"),
            Platform::Mac => format!("MB-{tail:06X}"),
            Platform::Ios => format!("iPhone-{tail:06X}"),
            Platform::Android | Platform::Linux => format!("A-{tail:06X}"),
        }
    }
}

/// What a client tells about itself.
pub(crate) struct Client {
    pub(crate) operating_system: &'static str,
    pub(crate) browser: String,
    pub(crate) user_agent: String,
}

/// The Chrome release of a day: 143 around the turn of 2025 to 2026.
fn release(day: i64, lag: u8) -> i64 {
    (143 + (day - 20_454).div_euclid(28) - i64::from(lag)).clamp(60, 900)
}

/// A person's device in its browser.
pub(crate) fn in_browser(device: &Device, day: i64) -> Client {
    let version = release(day, device.lag);
    let (system, agent_system) = match device.platform {
        Platform::Windows => ("Windows10", "Windows NT 10.0; Win64; x64"),
        Platform::Mac => ("MacOs", "Macintosh; Intel Mac OS X 10_15_7"),
        Platform::Linux => ("Linux", "X11; Linux x86_64"),
        Platform::Ios => ("Ios 18.5", "iPhone; CPU iPhone OS 18_5 like Mac OS X"),
        Platform::Android => ("Android 15", "Linux; Android 10; K"),
    };
    const KIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
    let phone = if device.platform == Platform::Android { " Mobile" } else { "" };
    let (browser, agent) = match device.browser {
        Browser::Safari if device.platform == Platform::Ios => (
            "Mobile Safari 18.5".to_owned(),
            "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
                .to_owned(),
        ),
        Browser::Safari => (
            "Safari 18.5".to_owned(),
            "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15".to_owned(),
        ),
        Browser::Chrome => (
            format!("Chrome{} {version}.0.0", phone),
            format!("{KIT} Chrome/{version}.0.0.0{phone} Safari/537.36"),
        ),
        Browser::Edge => (
            format!("Edge {version}.0.0"),
            format!("{KIT} Chrome/{version}.0.0.0 Safari/537.36 Edg/{version}.0.0.0"),
        ),
        Browser::Firefox => {
            let agent = format!(
                "Mozilla/5.0 ({agent_system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
            );
            let browser = format!("Firefox {version}.0");
            return Client { operating_system: system, browser, user_agent: agent };
        }
    };
    let user_agent = format!("Mozilla/5.0 ({agent_system}) {agent}");
    Client { operating_system: system, browser, user_agent }
}

/// A person's device in an installed program.
pub(crate) fn in_program(device: &Device, day: i64) -> Client {
    let build = release(day, device.lag) - 75;
    let browser = format!("Rich Client 4.{build}.1.0");
    let (system, agent) = match device.platform {
        Platform::Windows => ("Windows10", "Windows-AzureAD-Authentication-Provider/1.0"),
        Platform::Mac => ("MacOs", "Mac Desktop client"),
        Platform::Linux => ("Linux", "python-requests/2.32.3"),
        Platform::Ios => {
            ("Ios 18.5", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) MSAL/1.8.1")
        }
        Platform::Android => {
            ("Android 15", "Dalvik/2.1.0 (Linux; U; Android 15; Pixel 8 Build/AP4A.250205.002)")
        }
    };
    Client { operating_system: system, browser, user_agent: agent.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Topic;

    #[test]
    fn agent_browser_and_system_fit_together() {
        let mut dice = Dice::new(2, Topic::Person, 0, 0);
        for round in 0..200 {
            let device = if round % 2 == 0 {
                Device::computer(&mut dice, true)
            } else {
                Device::phone(&mut dice)
            };
            let client = in_browser(&device, 20_500);
            let (word, token) = match device.platform {
                Platform::Windows => ("Windows", "Windows NT"),
                Platform::Mac => ("MacOs", "Macintosh"),
                Platform::Ios => ("Ios", "iPhone"),
                Platform::Android => ("Android", "Android"),
                Platform::Linux => unreachable!(),
            };
            assert!(client.operating_system.starts_with(word));
            assert!(client.user_agent.contains(token), "{}", client.user_agent);
            let edge = client.user_agent.contains("Edg/");
            assert_eq!(edge, client.browser.starts_with("Edge"));
            assert!(device.managed || !device.compliant);
        }
        assert_eq!(release(20_454 + 28, 0), 144);
    }
}
