//! A few passwords on many accounts, from one network, fast.

use serde::{Deserialize, Serialize};

use super::campaign::{
    Campaign, GUESS, Hit, PROOF, Try, counted, is_common_ground, is_familiar, is_proof, source_of,
    span,
};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::key_within;
use crate::finding::{Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::{Distinct, Recent};
use durward_model::time::DAY_MICROS;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "password-spray",
    title: "Password spray",
    summary: "Many accounts were tried with wrong passwords from one address or its network within \
              a short time. Sprays that fail are found too.",
    risk_event_type: "passwordSpray",
    techniques: &["T1110.003", "T1078.004"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: GUESS.and(Class::UNKNOWN_USER).and(Class::DISABLED).and(PROOF),
    inputs: &[
        "ipAddress",
        "userId",
        "userPrincipalName",
        "status/errorCode",
        "userAgent",
        "location/countryOrRegion",
        "networkLocationDetails",
        "authenticationDetails",
    ],
    learning: "",
    method: &[
        "Accounts are counted that fail from one network (/24 of IPv4, /48 of IPv6) within the \
         window: wrong password, locked, disabled, no such user. Those that also sign in from \
         there within the window are not counted: they made a typing error.",
        "A spray is found when enough accounts are left, more than there are users who sign in \
         from there, and at least half as many of them exist as are needed.",
        "Networks that spray at the same time, with the same user agent and from the same country, \
         are one campaign and one finding.",
        "It is high when an account gives in: a success, or a right password that was stopped by \
         a second factor or Conditional Access, from an address of the spray until an hour after \
         it, or of an account that was tried from its network within a day; of a user who does \
         not usually sign in from there.",
        "It is low when most of the accounts usually sign in from that network, or the network is \
         trusted or shared, unless there are three times as many as needed.",
    ],
    against: &[
        "An office or VPN through which many people sign in, after a forced change of passwords.",
        "A program that is installed on many devices and sends old passwords.",
    ],
    tuning: "Raise `accounts` if offices that are not named as trusted locations fire; name them \
             instead where you can. Lower it to five for small tenants.",
    response: &[
        "If an account gave in: revoke its sessions, reset its password, look at what it did.",
        "Block the network by Conditional Access or at the firewall.",
        "Check that every account that was tried has a second factor, and that legacy \
         authentication is blocked.",
    ],
    parameters: &[
        Parameter {
            name: "accounts",
            meaning: "Accounts that fail from one network within the window",
            default: 10.0,
            unit: Unit::Count,
            range: (3.0, 400.0),
        },
        Parameter {
            name: "window",
            meaning: "Time within which they are counted",
            default: 30.0,
            unit: Unit::Minutes,
            range: (1.0, 720.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Networks watched, and campaigns remembered.
const SOURCES_MAX: usize = 100_000;
const CAMPAIGNS_MAX: usize = 10_000;
/// Accounts told apart that fail from one network within the window.
const FAILING_MAX: usize = 512;
/// Users told apart who sign in from it. As many make it a shared network, whatever fails there.
const SUCCEEDING_MAX: usize = 128;
/// Attempts kept as evidence before a spray is found.
const TRIES_MAX: usize = 64;
/// Right passwords kept before a spray is found.
const HITS_MAX: usize = 4;
/// How long after the last attempt an account that was tried may still give in.
const AFTERMATH_MICROS: i64 = DAY_MICROS;
/// So many times what is needed is a spray even from where people usually sign in.
const CERTAIN_TIMES: usize = 3;

/// A network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    failing: Distinct,
    /// Of them, those that do not exist, and those who usually sign in from here.
    unknown: Distinct,
    at_home: Distinct,
    succeeding: Distinct,
    tries: Recent<Try>,
    hits: Recent<Hit>,
    last_micros: i64,
    /// The campaign it takes part in; 0 for none.
    campaign: u64,
}

impl Touched for Source {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

struct PasswordSpray {
    accounts: usize,
    window_micros: i64,
    state: (Keyed<Source>, Keyed<Campaign>),
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(PasswordSpray {
        accounts: values.count("accounts"),
        window_micros: values.micros("window"),
        state: (Keyed::new(SOURCES_MAX), Keyed::new(CAMPAIGNS_MAX)),
    })
}

impl Detection for PasswordSpray {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let key = source_of(sighting);
        if key == 0 || sighting.user == 0 || !sighting.is(Class::USER) {
            return;
        }
        if sighting.is(GUESS.and(Class::UNKNOWN_USER).and(Class::DISABLED)) {
            self.failed(key, sighting, context);
        } else if sighting.is(Class::INTERACTIVE) && is_proof(sighting) {
            let at = sighting.at_micros;
            let source = self.state.0.get(key);
            if source.is_some_and(|source| at - source.last_micros <= AFTERMATH_MICROS) {
                self.passed(key, sighting, context);
            }
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

/// What sprays of one attacker have in common whatever network they come from.
fn look_of(sighting: &Sighting<'_>) -> u64 {
    let country = sighting.network.country.rotate_left(17);
    key_within((sighting.device.user_agent ^ country).max(1), sighting.tenant)
}

impl PasswordSpray {
    /// How long a campaign may pause.
    fn gap_micros(&self) -> i64 {
        2 * self.window_micros
    }

    fn failed(&mut self, key: u64, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, span, user) = (sighting.at_micros, self.window_micros, sighting.user);
        let (gap, since) = (self.gap_micros(), at - span);
        let familiar = is_familiar(sighting, context);
        let one = Try::of(sighting, !familiar);
        let source = self.state.0.entry(key);
        source.last_micros = at;
        source.tries.push(at, one, span, TRIES_MAX);
        if sighting.is(Class::UNKNOWN_USER) {
            source.unknown.see(at, user, span, FAILING_MAX);
        }
        if familiar {
            source.at_home.see(at, user, span, FAILING_MAX);
        }
        let failing = source.failing.see(at, user, span, FAILING_MAX);
        let campaign = self.state.1.get(source.campaign);
        if campaign.is_some_and(|campaign| campaign.is_open(at, gap)) {
            self.state.1.entry(source.campaign).add(&one);
        } else if failing < self.accounts || !self.is_spray(key, since) {
            return;
        } else {
            self.begin(key, sighting);
        }
        self.tell(key, sighting, context);
    }

    /// Are there enough accounts that only fail, and more than users who sign in?
    fn is_spray(&self, key: u64, since: i64) -> bool {
        let Some(source) = self.state.0.get(key) else { return false };
        let (mut alone, mut existing) = (0, 0);
        for user in source.failing.keys(since) {
            if !source.succeeding.has(user, since) {
                alone += 1;
                existing += usize::from(!source.unknown.has(user, since));
            }
        }
        let succeeding = source.succeeding.count(since);
        let is_crowd = succeeding >= SUCCEEDING_MAX * 3 / 4;
        alone >= self.accounts && existing * 2 >= self.accounts && alone > succeeding && !is_crowd
    }

    /// Begins a campaign, or joins the one that goes on elsewhere.
    fn begin(&mut self, key: u64, sighting: &Sighting<'_>) {
        let (at, gap) = (sighting.at_micros, self.gap_micros());
        let since = at - self.window_micros;
        let look = look_of(sighting);
        let source = self.state.0.entry(key);
        source.campaign = look;
        let campaign = self.state.1.entry(look);
        let tries = source.tries.since(since).map(|(_, one)| one);
        if campaign.is_open(at, gap) {
            tries.for_each(|one| campaign.add(one));
        } else {
            campaign.begin(Subject::address(sighting), tries);
        }
        campaign.add_accounts(source.failing.keys(since));
        for (_, hit) in source.hits.since(since) {
            if campaign.has_address(hit.address) || campaign.has_tried(hit.user) {
                campaign.gave_in(hit.clone());
            }
        }
    }

    /// Somebody knows the password.
    fn passed(&mut self, key: u64, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, span, gap) = (sighting.at_micros, self.window_micros, self.gap_micros());
        let source = self.state.0.entry(key);
        if sighting.is(Class::SUCCESS) {
            source.succeeding.see(at, sighting.user, span, SUCCEEDING_MAX);
        }
        let campaign = self.state.1.get(source.campaign);
        let is_told = campaign.is_some_and(|campaign| {
            campaign.is_open(at, gap) && campaign.has_address(sighting.address)
                || campaign.is_open(at, AFTERMATH_MICROS) && campaign.has_tried(sighting.user)
        });
        // Newcomers at the office are strangers too.
        let is_grave = campaign.is_some_and(|campaign| campaign.level() > Level::Low);
        let is_near = at - source.last_micros <= span;
        if !is_told && !is_near
            || is_familiar(sighting, context)
            || !is_grave && is_common_ground(sighting, context)
        {
            return;
        }
        if is_told {
            self.state.1.entry(source.campaign).gave_in(Hit::of(sighting));
            self.tell(key, sighting, context);
        } else {
            source.hits.push(at, Hit::of(sighting), span, HITS_MAX);
        }
    }

    fn tell(&mut self, key: u64, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let since = sighting.at_micros - self.window_micros;
        let Some(source) = self.state.0.get(key) else { return };
        let campaign = self.state.1.entry(source.campaign);
        let (at_home, failing) = (source.at_home.count(since), source.failing.count(since));
        let is_home = at_home * 2 > failing;
        let is_common = is_home || is_common_ground(sighting, context);
        let is_certain = campaign.accounts() >= CERTAIN_TIMES * self.accounts;
        let level = if is_common && !is_certain { Level::Low } else { ABOUT.level };
        if !campaign.is_due(level) {
            return;
        }
        let (accounts, addresses) = (campaign.accounts(), campaign.addresses());
        let from = if addresses > 1 {
            format!("{} ({})", counted(addresses, "address"), sighting.place())
        } else {
            format!("{} ({})", sighting.address_text(), sighting.place())
        };
        let length = span(campaign.length_micros());
        let outcome = campaign.outcome();
        let sentence = format!("{accounts} accounts were tried from {from} in {length}{outcome}.");
        let (needed, window) = (self.accounts, span(self.window_micros));
        let tries = campaign.attempts() as f64 / accounts.max(1) as f64;
        let succeeding = source.succeeding.count(since);
        let enough = format!("{accounts} in {length}; {needed} within {window} are enough");
        let attempts = format!("{}: {tries:.1} an account", campaign.attempts());
        let mut finding = campaign
            .tell(&ABOUT, sighting, sentence)
            .fact("Accounts tried", enough)
            .fact("Attempts", attempts)
            .fact("Addresses", addresses.to_string())
            .fact("Users who signed in from there meanwhile", succeeding.to_string());
        if is_home {
            finding = finding.against(format!(
                "{at_home} of the {failing} accounts usually sign in from this network."
            ));
        } else if is_common {
            finding = finding.against("The network is trusted, or many people share it.");
        }
        context.found(finding);
    }
}
