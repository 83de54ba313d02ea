//! User agents of attack tools and scripts, and those that do not fit their device.

use durward_model::FieldId;
use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use super::novelty::Novelty;
use super::run::Run;
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::{OsFamily, key_of, key_within};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Distinct;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "suspicious-client",
    title: "Suspicious client",
    summary: "A sign-in has the user agent of an attack tool or script, carries code to be \
              injected, or names another operating system than its device.",
    risk_event_type: "generic",
    techniques: &["T1087.004", "T1110.003", "T1036"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::TOOL.and(Class::USER),
    inputs: &[
        "userAgent",
        "deviceDetail/operatingSystem",
        "userId",
        "servicePrincipalId",
        "ipAddress",
        "status/errorCode",
    ],
    learning: "as long as `usual-after` says for scripts; 7 days of the user before a script is \
               more than low",
    method: &[
        "Attack tools (AzureHound, ROADtools, AADInternals, TeamFiltration and others) are high \
         when the sign-in succeeds, of a user or a workload, and medium when it fails.",
        "Scripts and headless browsers (Python requests, curl, axios, Go, Selenium and others) \
         count for people only. A success is found when the user has not used that script within \
         the time that makes it usual: medium from a network new for a user who is known well, low \
         otherwise. A failure is low.",
        "A user agent with code to be injected is medium.",
        "A user agent that names another operating system than the device record is low.",
        "Successes are findings about the user, failures with one tool about the tenant; a run \
         without a pause of a day is one finding.",
    ],
    against: &[
        "A developer, an administrator's script, a penetration test.",
        "A program of one's own that signs in as a user.",
        "A browser that asks for the desktop's page on a phone or tablet.",
    ],
    tuning: "List accounts of scripts under `service-accounts`: scripts are then usual for them.",
    response: &[
        "Ask the user what runs under their name.",
        "If nothing does, revoke sessions, reset the password, and look what was read.",
    ],
    parameters: &[Parameter {
        name: "usual-after",
        meaning: "A script used within so many days is usual",
        default: 30.0,
        unit: Unit::Days,
        range: (1.0, 90.0),
    }],
    is_on: true,
    alerts: true,
};

/// Tools that have no other purpose.
const ATTACK_TOOLS: [&str; 10] = [
    "AzureHound",
    "BloodHound",
    "SharpHound",
    "AADInternals",
    "ROADtools",
    "ROADrecon",
    "Kali",
    "Hydra",
    "Patator",
    "TeamFiltration",
];
/// What a user agent with code in it is called.
const INJECTED: &str = "an injected look-up";
/// Users with tools watched at a time.
const MOST: usize = 100_000;
/// Accounts and addresses told apart for one tool.
const APART_MAX: usize = 256;

/// A tool in the hands of a user, or all failures with it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Uses {
    run: Run,
    last_micros: Option<i64>,
    novelty: Novelty,
    accounts: Distinct,
    addresses: Distinct,
}

impl Touched for Uses {
    fn touched_micros(&self) -> i64 {
        self.last_micros.unwrap_or(i64::MIN).max(self.run.last_micros())
    }
}

/// What kind of client it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Attack,
    Script,
    Injected,
    Mismatch,
}

#[derive(Debug)]
struct SuspiciousClient {
    usual_micros: i64,
    /// By user (or workload) and tool; failures by tool.
    state: (Keyed<Uses>, Keyed<Uses>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(SuspiciousClient {
        usual_micros: values.micros("usual-after"),
        state: (Keyed::new(MOST), Keyed::new(MOST)),
    })
}

impl Detection for SuspiciousClient {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let Some(kind) = kind_of(sighting) else { return };
        let is_person = sighting.is(Class::USER);
        let who = if is_person { sighting.user } else { sighting.principal };
        // Workloads are scripts; only what has no good use is found of them.
        if who == 0 || (!is_person && kind != Kind::Attack) {
            return;
        }
        let what = match kind {
            Kind::Mismatch => sighting.device.user_agent,
            _ => key_of(sighting.device.tool),
        };
        if sighting.is(Class::SUCCESS) {
            self.success(sighting, kind, key_within(what, who), context);
        } else if sighting.is(Class::FAILED) && kind != Kind::Mismatch && sighting.address != 0 {
            self.failure(sighting, kind, what, who, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

impl SuspiciousClient {
    fn success(
        &mut self,
        sighting: &Sighting<'_>,
        kind: Kind,
        key: u64,
        context: &mut Context<'_>,
    ) {
        let at = sighting.at_micros;
        let novelty = Novelty::of(sighting, context);
        let uses = self.state.0.entry(key);
        let before = uses.last_micros.replace(at);
        let is_usual = before.is_some_and(|before| at - before <= self.usual_micros);
        let goes_on = uses.run.is_told() && at - uses.run.first_micros() <= DAY_MICROS;
        let is_expected = is_usual || (kind == Kind::Script && sighting.actor.is_service);
        // A run begins when the tool is new, when it is used from a new network, or always for
        // tools that have no good use.
        let begins = !is_expected || kind == Kind::Attack || novelty.network;
        if !goes_on && (!begins || (kind == Kind::Mismatch && is_usual)) {
            return;
        }
        uses.run.add(sighting, DAY_MICROS);
        if uses.run.count() == 1 {
            uses.novelty = novelty;
        }
        let is_strange = uses.novelty.network && uses.novelty.is_watched;
        let level = match kind {
            Kind::Attack => Level::High,
            Kind::Injected => Level::Medium,
            Kind::Script if is_strange => Level::Medium,
            Kind::Script | Kind::Mismatch => Level::Low,
        };
        if uses.run.is_due(level) {
            let novelty = uses.novelty;
            let finding = finding(sighting, kind, level, &uses.run);
            context.found(uses.run.tell(novelty.speak(finding), &[]));
        }
    }

    fn failure(
        &mut self,
        sighting: &Sighting<'_>,
        kind: Kind,
        what: u64,
        who: u64,
        context: &mut Context<'_>,
    ) {
        // A script that sometimes fails is the script it always was.
        let own = self.state.0.get(key_within(what, who));
        if kind == Kind::Script && own.is_some_and(|own| own.last_micros.is_some()) {
            return;
        }
        let level = if kind == Kind::Script { Level::Low } else { Level::Medium };
        let uses = self.state.1.entry(key_within(what, sighting.tenant));
        uses.run.add(sighting, DAY_MICROS);
        let at = sighting.at_micros;
        uses.accounts.see(at, who, DAY_MICROS, APART_MAX);
        uses.addresses.see(at, sighting.address, DAY_MICROS, APART_MAX);
        if uses.run.is_due(level) {
            let since = at - DAY_MICROS;
            let finding = finding(sighting, kind, level, &uses.run)
                .fact("Accounts within a day", uses.accounts.count(since).to_string())
                .fact("Addresses within a day", uses.addresses.count(since).to_string());
            context.found(uses.run.tell(finding, &[]));
        }
    }
}

fn kind_of(sighting: &Sighting<'_>) -> Option<Kind> {
    let device = sighting.device;
    if sighting.is(Class::TOOL) {
        return Some(match device.tool {
            INJECTED => Kind::Injected,
            tool if ATTACK_TOOLS.contains(&tool) => Kind::Attack,
            _ => Kind::Script,
        });
    }
    use OsFamily::{Android, Ios, Linux, MacOs, Unknown};
    let is_mismatch = match (device.os, device.user_agent_os) {
        (Unknown, _) | (_, Unknown) => false,
        // Tablets and phones that ask for the page of a desktop.
        (Ios, MacOs) | (Android, Linux) => false,
        (own, said) => own != said,
    };
    is_mismatch.then_some(Kind::Mismatch)
}

fn finding(sighting: &Sighting<'_>, kind: Kind, level: Level, run: &Run) -> Finding {
    let is_person = sighting.is(Class::USER);
    let name = if is_person { sighting.user_name() } else { sighting.principal_name() };
    let (place, address) = (sighting.place(), sighting.address_text());
    let is_success = sighting.is(Class::SUCCESS);
    let (did, subject) = match (is_success, is_person) {
        (true, true) => ("signed in", Subject::user(sighting)),
        (true, false) => ("signed in", Subject::workload(sighting)),
        (false, _) => ("failed to sign in", Subject::tenant(sighting)),
    };
    let tool = sighting.device.tool;
    let with = match kind {
        Kind::Attack => format!("with the user agent of the attack tool {tool}"),
        Kind::Script => format!("with the user agent of {tool}"),
        Kind::Injected => "with code in its user agent".to_owned(),
        Kind::Mismatch => "with a user agent that does not fit its device".to_owned(),
    };
    let sentence = format!("{name} {did} from {place} ({address}) {with}.");
    let mut occurrence = run.occurrence().to_vec();
    occurrence.extend(tool.as_bytes());
    let finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
        .fact("User agent", sighting.text(FieldId::UserAgent))
        .fact("Sign-ins", run.count().to_string());
    if kind == Kind::Mismatch {
        finding.fact("Operating system of the device", sighting.text(FieldId::OperatingSystem))
    } else {
        finding
    }
}
