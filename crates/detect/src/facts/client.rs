//! What device, client application and user agent say.

use durward_model::FieldId;
use durward_query::search::LEGACY_CLIENTS;

use super::{DeviceFacts, Entity, key_of};
use crate::class::Class;

/// An operating system, without versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum OsFamily {
    #[default]
    Unknown,
    Windows,
    MacOs,
    Ios,
    Android,
    Linux,
}

/// Parts of user agents that attack tools, scripts and headless browsers have, and their names.
/// In the order of how telling they are.
const TOOLS: [(&str, &str); 32] = [
    ("azurehound", "AzureHound"),
    ("bloodhound", "BloodHound"),
    ("sharphound", "SharpHound"),
    ("aadinternals", "AADInternals"),
    ("roadtools", "ROADtools"),
    ("roadrecon", "ROADrecon"),
    ("kali", "Kali"),
    ("hydra", "Hydra"),
    ("patator", "Patator"),
    ("teams/1.3.00.30866 ", "TeamFiltration"),
    ("fasthttp", "fasthttp"),
    ("headlesschrome", "Headless Chrome"),
    ("phantomjs", "PhantomJS"),
    ("selenium", "Selenium"),
    ("scrapy", "Scrapy"),
    ("axios/", "axios"),
    ("undici", "undici"),
    ("node-fetch", "node-fetch"),
    ("node/", "Node.js"),
    ("go-http-client", "Go HTTP client"),
    ("python-requests", "Python requests"),
    ("python-urllib", "Python urllib"),
    ("aiohttp", "aiohttp"),
    ("curl/", "curl"),
    ("wget/", "Wget"),
    ("okhttp", "OkHttp"),
    ("postmanruntime", "Postman"),
    ("${", "an injected look-up"),
    ("$%7b", "an injected look-up"),
    ("{{", "an injected look-up"),
    ("<script", "an injected look-up"),
    ("libwww-perl", "libwww-perl"),
];

/// User agents of flows that hand user name and password on without a second factor.
const LEGACY_AGENTS: [&str; 3] = ["bav2ropc", "cbainprod", "cbaintar"];

pub(super) fn facts(entity: &Entity<'_>) -> DeviceFacts {
    let client_app = entity.text(FieldId::ClientAppUsed);
    let user_agent = entity.text(FieldId::UserAgent);
    let lower = user_agent.to_ascii_lowercase();
    let tool = TOOLS.iter().find(|(part, _)| lower.contains(part)).map_or("", |(_, name)| name);
    let is_legacy = LEGACY_CLIENTS.iter().any(|name| name.eq_ignore_ascii_case(&client_app))
        || client_app.to_ascii_lowercase().starts_with("other clients")
        || LEGACY_AGENTS.iter().any(|part| lower.contains(part));
    let mut class = Class::NONE;
    class.add_if(Class::TOOL, !tool.is_empty());
    class.add_if(Class::LEGACY, is_legacy);
    let os = entity.text(FieldId::OperatingSystem);
    let browser = entity.text(FieldId::Browser);
    DeviceFacts {
        device: entity.key(FieldId::DeviceId),
        is_managed: entity.is_true(FieldId::IsManaged) || entity.is_true(FieldId::IsCompliant),
        client: key_of(&format!("{}/{}", without_version(&os), without_version(&browser))),
        user_agent: key_of(&user_agent),
        client_app: key_of(&client_app),
        tool,
        os: family(&os),
        user_agent_os: family_of_agent(&lower),
        class,
    }
}

/// `Chrome 126.0.1` and `Chrome 127` are one browser; `Windows10` and `Windows 11` one system.
fn without_version(name: &str) -> String {
    let end = name.find(|letter: char| letter.is_ascii_digit()).unwrap_or(name.len());
    name[..end].trim().to_ascii_lowercase()
}

fn family(os: &str) -> OsFamily {
    let os = os.to_ascii_lowercase();
    let starts = |names: &[&str]| names.iter().any(|name| os.starts_with(name));
    match () {
        () if starts(&["windows"]) => OsFamily::Windows,
        () if starts(&["mac", "os x"]) => OsFamily::MacOs,
        () if starts(&["ios", "ipad", "iphone"]) => OsFamily::Ios,
        () if starts(&["android"]) => OsFamily::Android,
        () if starts(&["linux", "ubuntu"]) => OsFamily::Linux,
        () => OsFamily::Unknown,
    }
}

fn family_of_agent(agent: &str) -> OsFamily {
    // An iPad may call itself a Mac, and Android is a Linux: the order matters.
    match () {
        () if agent.contains("iphone") || agent.contains("ipad") => OsFamily::Ios,
        () if agent.contains("android") => OsFamily::Android,
        () if agent.contains("windows") => OsFamily::Windows,
        () if agent.contains("macintosh") || agent.contains("mac os x") => OsFamily::MacOs,
        () if agent.contains("linux") => OsFamily::Linux,
        () => OsFamily::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_do_not_make_another_client() {
        assert_eq!(without_version("Chrome 126.0.6478"), "chrome");
        assert_eq!(without_version("Windows10"), without_version("Windows 11"));
        assert_eq!(without_version("Edge"), "edge");
    }

    #[test]
    fn systems_are_known_from_both_sides() {
        assert_eq!(family("MacOs"), OsFamily::MacOs);
        assert_eq!(family_of_agent("mozilla/5.0 (linux; android 14)"), OsFamily::Android);
        assert_eq!(family_of_agent("mozilla/5.0 (windows nt 10.0)"), OsFamily::Windows);
        assert_eq!(family_of_agent("python-requests/2"), OsFamily::Unknown);
    }
}
