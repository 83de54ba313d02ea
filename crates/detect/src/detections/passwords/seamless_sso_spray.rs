//! Guessing through seamless single sign-on, which long left little trace.

use serde::{Deserialize, Serialize};

use super::campaign::{Campaign, Try, is_common_ground, is_familiar, source_of, span};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::{Distinct, Recent};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "seamless-sso-spray",
    title: "Seamless single sign-on spray",
    summary: "Seamless single sign-on failed for many users from one network: its endpoint is used \
              to guess passwords.",
    risk_event_type: "",
    techniques: &["T1110.003"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::SEAMLESS_SSO,
    inputs: &["ipAddress", "userId", "status/errorCode", "networkLocationDetails"],
    learning: "",
    method: &[
        "Users for whom seamless single sign-on fails (codes that begin with 81) are counted by \
         network (/24 of IPv4, /48 of IPv6) within the window.",
        "It is medium when enough of them do not usually sign in from there, and low when they do, \
         or the network is trusted or shared: then something is wrong with Kerberos.",
    ],
    against: &["Seamless single sign-on is misconfigured, or its key was changed lately."],
    tuning: "Raise `users` while single sign-on is being set up.",
    response: &[
        "Block the network.",
        "Switch seamless single sign-on off if no old computers need it.",
    ],
    parameters: &[
        Parameter {
            name: "users",
            meaning: "Users who fail from one network within the window",
            default: 6.0,
            unit: Unit::Count,
            range: (2.0, 400.0),
        },
        Parameter {
            name: "window",
            meaning: "Time within which they are counted",
            default: 60.0,
            unit: Unit::Minutes,
            range: (1.0, 1440.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Networks watched.
const SOURCES_MAX: usize = 50_000;
/// Users told apart that fail from one network.
const USERS_MAX: usize = 512;
/// Attempts kept as evidence before it is found.
const TRIES_MAX: usize = 64;

/// A network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    users: Distinct,
    strangers: Distinct,
    tries: Recent<Try>,
    campaign: Option<Box<Campaign>>,
}

impl Touched for Source {
    fn touched_micros(&self) -> i64 {
        self.tries.last_micros()
    }
}

struct SeamlessSsoSpray {
    users: usize,
    window_micros: i64,
    sources: Keyed<Source>,
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(SeamlessSsoSpray {
        users: values.count("users"),
        window_micros: values.micros("window"),
        sources: Keyed::new(SOURCES_MAX),
    })
}

impl Detection for SeamlessSsoSpray {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (key, at, window) = (source_of(sighting), sighting.at_micros, self.window_micros);
        if key == 0 || sighting.user == 0 {
            return;
        }
        let one = Try::of(sighting, !is_familiar(sighting, context));
        let source = self.sources.entry(key);
        source.tries.push(at, one, window, TRIES_MAX);
        if one.is_strange {
            source.strangers.see(at, one.user, window, USERS_MAX);
        }
        if source.users.see(at, one.user, window, USERS_MAX) < self.users {
            return;
        }
        let campaign = source.campaign.get_or_insert_default();
        if campaign.is_open(at, 2 * window) {
            campaign.add(&one);
        } else {
            campaign.begin(Subject::address(sighting), source.tries.iter().map(|(_, one)| one));
            campaign.add_accounts(source.users.keys(at - window));
        }
        let strangers = source.strangers.count(at - window);
        let is_common = is_common_ground(sighting, context) || strangers < self.users;
        let level = if is_common { Level::Low } else { ABOUT.level };
        if !campaign.is_due(level) {
            return;
        }
        let (users, length) = (campaign.accounts(), span(campaign.length_micros()));
        let sentence = format!(
            "Seamless single sign-on failed for {users} users from {} ({}) in {length}.",
            sighting.address_text(),
            sighting.place()
        );
        let (needed, within) = (self.users, span(window));
        let mut finding = campaign
            .tell(&ABOUT, sighting, sentence)
            .fact("Users", format!("{users} in {length}; {needed} within {within} are enough"))
            .fact("Not usually there", format!("{strangers}; {needed} for medium"))
            .fact("Last code", sighting.outcome.code.to_string());
        if is_common {
            finding = finding.against(
                "The network is trusted or shared, or the users usually sign in from it: Kerberos \
                 may be misconfigured.",
            );
        }
        context.found(finding);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.sources
    }
}
