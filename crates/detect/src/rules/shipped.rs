//! Rules that come with durward, for administrators to add: what one may want to hear of and the
//! built-in detections do not say, because it is not in the sign-in logs or is a question of what
//! a house allows.
//!
//! They are rules like any other, written as one writes them, and tried by the same tests.

use super::model::{Rule, RuleError};
use super::text::read_text;

/// A rule that comes with durward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Its identifier.
    pub name: &'static str,
    /// The name of its file, which says how it is written.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal . $ending:literal),* $(,)?) => {
        &[$(Shipped {
            name: $name,
            file: concat!($name, ".", $ending),
            text: include_str!(concat!("../../rules/", $name, ".", $ending)),
        }),*]
    };
}

const SHIPPED: &[Shipped] = shipped![
    "device-code-broker"."toml",
    "guest-invited"."yml",
    "high-risk-sign-in"."toml",
    "identity-provider-changed"."yml",
    "legacy-agent-sign-in"."toml",
    "mfa-requirement-removed"."yml",
    "permanent-role-in-pim"."yml",
    "workload-sign-in-failed"."toml",
];

/// Placeholders of these rules that may do without a list, in lower case: they name exceptions.
pub(super) const OPTIONAL_LISTS: &[&str] = &["legacy_sign_in_exceptions", "own_domains"];

/// The rules that come with durward, by name.
pub fn shipped() -> &'static [Shipped] {
    SHIPPED
}

impl Shipped {
    /// The rule, with its name as the identifier, so that a later version takes its place.
    pub fn rule(&self) -> Result<Rule, RuleError> {
        let mut rules = read_text(self.file.as_ref(), self.text);
        let rule = rules.pop().unwrap_or_else(|| Err(RuleError::new("rule", "there is none")))?;
        Rule { id: self.name.to_owned(), ..rule }.check()
    }
}
