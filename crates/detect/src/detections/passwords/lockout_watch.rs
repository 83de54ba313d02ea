//! Smart lockout: many users locked at once, or one user again and again.

use serde::{Deserialize, Serialize};

use super::campaign::{Campaign, Try, counted, is_familiar, span};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::{Distinct, Recent};
use durward_model::FieldId;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "lockout-watch",
    title: "Smart lockout watch",
    summary: "Smart lockout stopped many users at once (a wave), or one user again and again. \
              Sign-ins that built-in protection blocked carry the same code and are told apart.",
    risk_event_type: "",
    techniques: &["T1110", "T1499"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::LOCKED,
    inputs: &[
        "status/errorCode",
        "status/failureReason",
        "status/additionalDetails",
        "userId",
        "ipAddress",
    ],
    learning: "",
    method: &[
        "A sign-in with code 50053 is a lockout unless its failure reason or additional details \
         say that it was blocked because of its address or by built-in protection.",
        "A wave is medium: enough different users are locked within the window, in the whole \
         tenant.",
        "One user who is stopped often enough within an hour is low.",
        "Blocks by built-in protection are counted beside them, and are no reason to tell.",
    ],
    against: &[
        "A forced change of passwords, after which programs go on with the old ones.",
        "A broken application that sends wrong passwords for all its users.",
    ],
    tuning: "Raise `users` for large tenants with short lockout thresholds.",
    response: &[
        "Look where the wrong passwords come from; the findings of sprays and brute force at that \
         time say more.",
        "For one user: find the device or program that has an old password.",
    ],
    parameters: &[
        Parameter {
            name: "users",
            meaning: "Users locked within the window that are a wave",
            default: 15.0,
            unit: Unit::Count,
            range: (3.0, 1000.0),
        },
        Parameter {
            name: "window",
            meaning: "Time within which they are counted",
            default: 30.0,
            unit: Unit::Minutes,
            range: (1.0, 720.0),
        },
        Parameter {
            name: "times",
            meaning: "Refusals of one locked user within an hour that are recorded",
            default: 10.0,
            unit: Unit::Count,
            range: (2.0, 64.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Tenants and users watched.
const TENANTS_MAX: usize = 1000;
const USERS_MAX: usize = 100_000;
/// Users told apart in a wave.
const LOCKED_MAX: usize = 2048;
/// Refusals kept before a wave is found.
const TRIES_MAX: usize = 64;
/// Time within which refusals of one user are counted, µs.
const AGAIN_MICROS: i64 = durward_model::time::HOUR_MICROS;

/// Words by which the source says that it was no lockout.
const BLOCKED: [&str; 4] =
    ["malicious", "built-in protection", "ip address with", "sign-in was blocked"];

/// Lockouts of a tenant, or of a user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Locked {
    users: Distinct,
    blocked: u64,
    tries: Recent<Try>,
    campaign: Option<Box<Campaign>>,
}

impl Touched for Locked {
    fn touched_micros(&self) -> i64 {
        self.tries.last_micros()
    }
}

struct LockoutWatch {
    users: usize,
    window_micros: i64,
    times: usize,
    /// By tenant, by user.
    state: (Keyed<Locked>, Keyed<Locked>),
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(LockoutWatch {
        users: values.count("users"),
        window_micros: values.micros("window"),
        times: values.count("times"),
        state: (Keyed::new(TENANTS_MAX), Keyed::new(USERS_MAX)),
    })
}

impl Detection for LockoutWatch {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 || !sighting.is(Class::USER) {
            return;
        }
        if is_block(sighting) {
            self.state.0.entry(sighting.tenant).blocked += 1;
            return;
        }
        let one = Try::of(sighting, !is_familiar(sighting, context));
        self.wave(&one, sighting, context);
        self.again(&one, sighting, context);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

/// Blocked because of where it came from, not locked?
fn is_block(sighting: &Sighting<'_>) -> bool {
    [FieldId::FailureReason, FieldId::AdditionalDetails].into_iter().any(|field| {
        let text = sighting.text(field).to_ascii_lowercase();
        BLOCKED.iter().any(|words| text.contains(words))
    })
}

impl LockoutWatch {
    /// Many users at once.
    fn wave(&mut self, one: &Try, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, window) = (sighting.at_micros, self.window_micros);
        let tenant = self.state.0.entry(sighting.tenant);
        tenant.tries.push(at, *one, window, TRIES_MAX);
        let users = tenant.users.see(at, one.user, window, LOCKED_MAX);
        let campaign = tenant.campaign.get_or_insert_default();
        if campaign.is_open(at, 2 * window) {
            campaign.add(one);
        } else if users < self.users {
            return;
        } else {
            campaign.begin(Subject::tenant(sighting), tenant.tries.iter().map(|(_, one)| one));
            campaign.add_accounts(tenant.users.keys(at - window));
        }
        if !campaign.is_due(ABOUT.level) {
            return;
        }
        let (locked, length) = (campaign.accounts(), span(campaign.length_micros()));
        let from = counted(campaign.addresses(), "address");
        let sentence =
            format!("Smart lockout stopped {locked} users within {length}, from {from}.");
        let (needed, within) = (self.users, span(window));
        let strange = tenant.tries.iter().filter(|(_, one)| one.is_strange).count();
        let attempts = campaign.attempts().to_string();
        let finding = campaign
            .tell(&ABOUT, sighting, sentence)
            .fact("Users", format!("{locked} in {length}; {needed} within {within} are enough"))
            .fact("Refusals", attempts)
            .fact(
                "From networks and devices that are unfamiliar",
                format!("{strange} of the last {}", tenant.tries.len()),
            );
        context.found(with_blocked(finding, tenant.blocked));
    }

    /// One user again and again.
    fn again(&mut self, one: &Try, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let at = sighting.at_micros;
        let user = self.state.1.entry(sighting.user);
        user.tries.push(at, *one, AGAIN_MICROS, TRIES_MAX);
        let times = user.tries.len();
        let campaign = user.campaign.get_or_insert_default();
        if campaign.is_open(at, AGAIN_MICROS) {
            campaign.add(one);
        } else if times < self.times {
            return;
        } else {
            campaign.begin(Subject::user(sighting), user.tries.iter().map(|(_, one)| one));
        }
        if !campaign.is_due(Level::Low) {
            return;
        }
        let (refusals, length) = (campaign.attempts(), span(campaign.length_micros()));
        let from = counted(campaign.addresses(), "address");
        let name = sighting.user_name();
        let sentence = format!(
            "{name} was locked by smart lockout and refused {refusals} times in {length}, from \
             {from}."
        );
        let finding = campaign.tell(&ABOUT, sighting, sentence).fact(
            "Refusals",
            format!("{refusals} in {length}; {} within an hour are enough", self.times),
        );
        context.found(finding);
    }
}

fn with_blocked(finding: Finding, blocked: u64) -> Finding {
    match blocked {
        0 => finding,
        some => finding.fact("Blocked by built-in protection so far", some.to_string()),
    }
}
