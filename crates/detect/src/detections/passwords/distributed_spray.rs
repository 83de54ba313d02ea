//! Guessing at many accounts from many networks at once: botnets, credential stuffing.

use serde::{Deserialize, Serialize};

use super::campaign::{Campaign, GUESS, Hit, PROOF, Try, is_familiar, is_proof, source_of, span};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::key_within;
use crate::finding::{Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::{Distinct, Recent};
use durward_model::FieldId;
use durward_model::time::DAY_MICROS;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "distributed-spray",
    title: "Distributed password spray",
    summary: "In the whole tenant many accounts failed from many networks within a short time, all \
              with the same user agent, client or provider, and far more than usual: a spray \
              through a botnet or proxies, or credential stuffing.",
    risk_event_type: "passwordSpray",
    techniques: &["T1110.003", "T1110.004", "T1090.003"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: GUESS.and(Class::UNKNOWN_USER).and(PROOF),
    inputs: &[
        "userId",
        "ipAddress",
        "userAgent",
        "clientAppUsed",
        "appId",
        "autonomousSystemNumber",
        "status/errorCode",
    ],
    learning: "a user is counted from their first success on; users never seen, from the eighth \
               day of the tenant on",
    method: &[
        "Failures count when the user does not usually sign in from that network or with that \
         device.",
        "They are put together by user agent, by client and application, and by autonomous system. \
         For each the accounts and the networks (/24, /48) within the window are counted.",
        "It is found when there are enough accounts and enough networks, at most five accounts a \
         network, and `growth` times as many accounts as within any such window of the past 14 \
         days.",
        "It is high when an account gives in from one of these networks: a success or a right \
         password.",
    ],
    against: &[
        "A load test, or a monitoring service that signs in from many places.",
        "A conference at which many colleagues sign in through different networks.",
    ],
    tuning: "Raise `accounts` in proportion to the tenant: some people in a thousand mistype in a \
             new place every day.",
    response: &[
        "If an account gave in: revoke its sessions, reset its password.",
        "Block what the attempts have in common: legacy clients, the user agent, the provider.",
    ],
    parameters: &[
        Parameter {
            name: "accounts",
            meaning: "Accounts that fail within the window",
            default: 20.0,
            unit: Unit::Count,
            range: (5.0, 1000.0),
        },
        Parameter {
            name: "networks",
            meaning: "Networks from which they fail",
            default: 10.0,
            unit: Unit::Count,
            range: (3.0, 500.0),
        },
        Parameter {
            name: "window",
            meaning: "Time within which they are counted",
            default: 30.0,
            unit: Unit::Minutes,
            range: (1.0, 360.0),
        },
        Parameter {
            name: "growth",
            meaning: "So many times what was the most in the past 14 days",
            default: 3.0,
            unit: Unit::Count,
            range: (1.0, 100.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// User agents, clients and providers watched; tenants watched.
const LOOKS_MAX: usize = 20_000;
const TENANTS_MAX: usize = 1000;
/// Accounts and networks told apart.
const TOLD_APART_MAX: usize = 1024;
/// Attempts kept before it is found.
const TRIES_MAX: usize = 64;
/// Accounts a network at most; more are sprays of their own.
const ACCOUNTS_A_NETWORK: usize = 5;
/// Days whose busiest windows are remembered.
const DAYS: i64 = 14;
/// How long a tenant is watched before users never seen count.
const LEARNING_MICROS: i64 = 7 * DAY_MICROS;

/// Failures that have something in common.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Look {
    accounts: Distinct,
    networks: Distinct,
    tries: Recent<Try>,
    /// The most accounts within a window, by day.
    busiest: Recent<usize>,
    /// The day (since 1970) that has not ended yet, and its most accounts.
    today: (i64, usize),
}

impl Touched for Look {
    fn touched_micros(&self) -> i64 {
        self.tries.last_micros()
    }
}

/// A tenant, and the campaign that goes on in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tenant {
    first_micros: i64,
    last_micros: i64,
    /// What the attempts of the campaign have in common.
    look: u64,
    campaign: Campaign,
}

impl Touched for Tenant {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

/// What attempts may have in common, in the order of [`looks_of`].
const KINDS: [&str; 3] = ["user agent", "client and application", "autonomous system"];

fn looks_of(sighting: &Sighting<'_>) -> [u64; 3] {
    let device = sighting.device;
    let client = key_within(device.client_app, sighting.app.app);
    let keys = [device.user_agent, client, u64::from(sighting.network.asn)];
    let outer = |kind: u64| sighting.tenant.wrapping_add(kind);
    [key_within(keys[0], outer(1)), key_within(keys[1], outer(2)), key_within(keys[2], outer(3))]
}

struct DistributedSpray {
    accounts: usize,
    networks: usize,
    window_micros: i64,
    growth: f64,
    state: (Keyed<Look>, Keyed<Tenant>),
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(DistributedSpray {
        accounts: values.count("accounts"),
        networks: values.count("networks"),
        window_micros: values.micros("window"),
        growth: values.number("growth"),
        state: (Keyed::new(LOOKS_MAX), Keyed::new(TENANTS_MAX)),
    })
}

impl Detection for DistributedSpray {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 || !sighting.is(Class::USER) {
            return;
        }
        if sighting.is(GUESS.and(Class::UNKNOWN_USER)) {
            self.failed(sighting, context);
        } else if sighting.is(Class::INTERACTIVE) && is_proof(sighting) {
            self.passed(sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

impl Look {
    /// Adds an attempt, and gives how many accounts and networks there are within the window.
    fn add(&mut self, one: &Try, network: u64, window_micros: i64) -> (usize, usize) {
        let at = one.event.at_micros;
        let day = at.div_euclid(DAY_MICROS);
        if day != self.today.0 {
            if self.today.1 > 0 {
                let ended = (self.today.0 + 1) * DAY_MICROS;
                self.busiest.push(ended, self.today.1, DAYS * DAY_MICROS, DAYS as usize);
            }
            self.today = (day, 0);
        }
        self.tries.push(at, *one, window_micros, TRIES_MAX);
        let accounts = self.accounts.see(at, one.user, window_micros, TOLD_APART_MAX);
        (accounts, self.networks.see(at, network, window_micros, TOLD_APART_MAX))
    }

    /// The most accounts within a window of the past days.
    fn usual(&self, at_micros: i64) -> usize {
        let days = self.busiest.since(at_micros - DAYS * DAY_MICROS);
        days.map(|(_, most)| *most).max().unwrap_or(0)
    }
}

impl DistributedSpray {
    fn gap_micros(&self) -> i64 {
        2 * self.window_micros
    }

    fn failed(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, network) = (sighting.at_micros, source_of(sighting));
        if network == 0 {
            return;
        }
        let gap = self.gap_micros();
        let tenant = self.state.1.entry(sighting.tenant);
        if tenant.first_micros == 0 {
            tenant.first_micros = at;
        }
        tenant.last_micros = at;
        let is_learnt = at - tenant.first_micros >= LEARNING_MICROS;
        let is_known = context.profiles.user(sighting).is_some();
        if !is_known && !is_learnt || is_familiar(sighting, context) {
            return;
        }
        let one = Try::of(sighting, true);
        let is_open = tenant.campaign.is_open(at, gap);
        let going_on = if is_open { tenant.look } else { 0 };
        for (kind, key) in looks_of(sighting).into_iter().enumerate() {
            if key == 0 {
                continue;
            }
            let (accounts, networks) =
                self.state.0.entry(key).add(&one, network, self.window_micros);
            if going_on == key {
                self.state.1.entry(sighting.tenant).campaign.add(&one);
                return self.tell(kind, sighting, context);
            }
            if going_on != 0 {
                continue;
            }
            if self.is_spray(key, accounts, networks, at) {
                self.begin(key, sighting);
                return self.tell(kind, sighting, context);
            }
            let look = self.state.0.entry(key);
            look.today.1 = look.today.1.max(accounts);
        }
    }

    fn is_spray(&self, key: u64, accounts: usize, networks: usize, at: i64) -> bool {
        if accounts < self.accounts
            || networks < self.networks
            || accounts > networks * ACCOUNTS_A_NETWORK
        {
            return false;
        }
        let usual = self.state.0.get(key).map_or(0, |look| look.usual(at));
        accounts as f64 >= self.growth * usual as f64
    }

    fn begin(&mut self, key: u64, sighting: &Sighting<'_>) {
        let since = sighting.at_micros - self.window_micros;
        // What led up to it is not usual.
        for key in looks_of(sighting) {
            self.state.0.entry(key).today.1 = 0;
        }
        let look = self.state.0.entry(key);
        let tenant = self.state.1.entry(sighting.tenant);
        tenant.look = key;
        let tries = look.tries.since(since).map(|(_, one)| one);
        tenant.campaign.begin(Subject::tenant(sighting), tries);
        tenant.campaign.add_accounts(look.accounts.keys(since));
    }

    /// Somebody knows a password, in a network from which others were tried.
    fn passed(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, gap) = (sighting.at_micros, self.gap_micros());
        let Some(tenant) = self.state.1.get(sighting.tenant) else { return };
        if !tenant.campaign.is_open(at, gap) {
            return;
        }
        let key = tenant.look;
        let Some(kind) = looks_of(sighting).iter().position(|look| *look == key) else { return };
        let look = self.state.0.get(key);
        let is_there = look.is_some_and(|look| look.networks.has(source_of(sighting), at - gap));
        if !is_there || is_familiar(sighting, context) {
            return;
        }
        self.state.1.entry(sighting.tenant).campaign.gave_in(Hit::of(sighting));
        self.tell(kind, sighting, context);
    }

    fn tell(&mut self, kind: usize, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let since = sighting.at_micros - self.window_micros;
        let Tenant { look, campaign, .. } = self.state.1.entry(sighting.tenant);
        let Some(look) = self.state.0.get(*look) else { return };
        if !campaign.is_due(ABOUT.level) {
            return;
        }
        let (accounts, length) = (campaign.accounts(), span(campaign.length_micros()));
        let (networks, addresses) = (look.networks.count(since), campaign.addresses());
        let common = match kind {
            0 => sighting.text(FieldId::UserAgent).into_owned(),
            1 => format!("{}, {}", sighting.text(FieldId::ClientAppUsed), sighting.app_name()),
            _ => format!("AS{}", sighting.network.asn),
        };
        let what = KINDS[kind];
        let sentence = format!(
            "{accounts} accounts were tried from {addresses} addresses in {length}, all with the \
             same {what}{}.",
            campaign.outcome(),
        );
        let within = span(self.window_micros);
        let usual = look.usual(sighting.at_micros);
        let attempts = campaign.attempts().to_string();
        let finding = campaign
            .tell(&ABOUT, sighting, sentence)
            .fact(
                "Accounts tried",
                format!("{accounts} in {length}; {} within {within} are enough", self.accounts),
            )
            .fact("Networks", format!("{networks} within {within}; {} are enough", self.networks))
            .fact("Usual", format!("at most {usual} accounts within {within} in the past 14 days"))
            .fact("In common", format!("{what}: {common}"))
            .fact("Attempts", attempts);
        context.found(finding);
    }
}
