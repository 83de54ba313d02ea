//! A success from a network and with a machine that are both unfamiliar to the user.

use durward_model::FieldId;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::{Profile, Stop, Trait};
use crate::settings::Values;
use crate::sighting::Sighting;

use super::run::Run;
use super::words::familiarity;
use super::{DAYS_MICROS, USERS_MAX};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "unfamiliar-properties",
    title: "Unfamiliar sign-in properties",
    summary: "A user signed in from a network and with a device or client that are both new for \
              this user.",
    risk_event_type: "unfamiliarFeatures",
    techniques: &["T1078.004"],
    level: Level::Low,
    timing: Timing::RealTime,
    wants: Class::SUCCESS,
    inputs: &[
        "ipAddress",
        "autonomousSystemNumber",
        "location/city",
        "location/countryOrRegion",
        "deviceDetail/deviceId",
        "deviceDetail/operatingSystem",
        "deviceDetail/browser",
        "clientAppUsed",
        "appId",
    ],
    learning: "5 days and 10 sign-ins for each user, and again after 30 days without a sign-in",
    method: &[
        "Each property is familiar when the user signed in with it before today and within 90 \
         days: network of the address (/24 or /48), network operator, city, country, registered \
         device, operating system and browser, client application, application.",
        "It is found when the network of the address and its operator or city are new, and the \
         device is new too: another registered device, or none with an operating system and \
         browser that this user does not use without one.",
        "A trusted or shared network, and a way out that several people of the tenant use with \
         devices of theirs, count as familiar; so a new laptop in the office is not found, nor a \
         known laptop in a hotel.",
        "It is low. Without a registered device it is medium when the country is new too, or \
         operator and city together with a client application or tool that the user never used; \
         not where the same session of the same client was at a familiar place before.",
    ],
    against: &["A new phone, used first on a journey.", "A borrowed computer."],
    tuning: "List networks under `trusted-networks` and `shared-networks`; raise the \
             learning time.",
    response: &[
        "Ask the user whether the device is theirs.",
        "If not: revoke sessions and reset the password.",
    ],
    parameters: &[
        Parameter {
            name: "learning",
            meaning: "Users watched for less are not judged",
            default: 5.0,
            unit: Unit::Days,
            range: (1.0, 60.0),
        },
        Parameter {
            name: "sign-ins",
            meaning: "Users with fewer successes are not judged",
            default: 10.0,
            unit: Unit::Count,
            range: (1.0, 1_000.0),
        },
        Parameter {
            name: "inactivity",
            meaning: "After so long without a success, learning begins again",
            default: 30.0,
            unit: Unit::Days,
            range: (7.0, 180.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// A user's run, and since when they are learned again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Unfamiliar {
    run: Run,
    learning_since_micros: i64,
}

impl Touched for Unfamiliar {
    fn touched_micros(&self) -> i64 {
        self.run.touched_micros().max(self.learning_since_micros)
    }
}

#[derive(Debug)]
struct UnfamiliarProperties {
    learning_micros: i64,
    sign_ins: u64,
    inactivity_micros: i64,
    users: Keyed<Unfamiliar>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(UnfamiliarProperties {
        learning_micros: values.micros("learning"),
        sign_ins: values.count("sign-ins") as u64,
        inactivity_micros: values.micros("inactivity"),
        users: Keyed::new(USERS_MAX),
    })
}

impl Detection for UnfamiliarProperties {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, network, device) = (sighting.at_micros, sighting.network, sighting.device);
        if !sighting.is_user_success() || sighting.user == 0 || network.prefix == 0 {
            return;
        }
        let Some(profile) = context.profiles.user(sighting) else { return };
        if at - profile.last_micros > self.inactivity_micros {
            self.users.entry(sighting.user).learning_since_micros = at;
        }
        let is_familiar = profile.knew(Trait::Prefix, network.prefix, at)
            || profile.knew_machine(device.device, device.client, at)
            || profile.successes < self.sign_ins
            || profile.age_micros(at) < self.learning_micros
            || network.is_trusted
            || network.is_shared;
        if is_familiar {
            return;
        }
        let again = self.users.get(sighting.user).map_or(0, |one| one.learning_since_micros);
        let asn = u64::from(network.asn);
        let is_new_network = (asn != 0 && !profile.knew(Trait::Asn, asn, at))
            || !profile.knew(Trait::Place, network.place, at);
        let stop = Stop::of(sighting);
        let is_quiet = !is_new_network
            || at - again < self.learning_micros
            || context.profiles.is_egress(&stop)
            || context.profiles.address(sighting).is_some_and(|one| one.is_shared(at));
        if !is_quiet {
            self.judge(sighting, context, profile, &stop);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.users
    }
}

/// Label, which trait, and the field to show.
const PROPERTIES: [(&str, Trait, FieldId); 8] = [
    ("Network of the address", Trait::Prefix, FieldId::IpAddress),
    ("Network operator", Trait::Asn, FieldId::AutonomousSystemNumber),
    ("City", Trait::Place, FieldId::City),
    ("Country", Trait::Country, FieldId::CountryOrRegion),
    ("Registered device", Trait::Device, FieldId::DeviceId),
    ("Client without a registered device", Trait::BareClient, FieldId::Browser),
    ("Client application", Trait::Method, FieldId::ClientAppUsed),
    ("Application", Trait::App, FieldId::AppDisplayName),
];

fn value_of(sighting: &Sighting<'_>, of: Trait) -> u64 {
    let (network, device) = (sighting.network, sighting.device);
    match of {
        Trait::Prefix => network.prefix,
        Trait::Asn => u64::from(network.asn),
        Trait::Place => network.place,
        Trait::Country => network.country,
        Trait::Device => device.device,
        Trait::BareClient if device.device == 0 => device.client,
        Trait::Method => device.client_app,
        Trait::App => sighting.app.app,
        _ => 0,
    }
}

impl UnfamiliarProperties {
    fn judge(
        &mut self,
        sighting: &Sighting<'_>,
        context: &mut Context<'_>,
        profile: &Profile,
        stop: &Stop,
    ) {
        let at = sighting.at_micros;
        let is_new = |of| !profile.knew(of, value_of(sighting, of), at);
        let is_strong = is_new(Trait::Country)
            || (is_new(Trait::Asn)
                && is_new(Trait::Place)
                && (is_new(Trait::Method) || sighting.is(Class::TOOL)));
        let is_bare = sighting.device.device == 0;
        let is_moved = profile.has_been_elsewhere(stop, at);
        let level = if is_strong && is_bare && !is_moved { Level::Medium } else { Level::Low };
        let run = &mut self.users.entry(sighting.user).run;
        if !run.add(EventRef::of(sighting), None, level, at, DAYS_MICROS) {
            return;
        }
        let new = PROPERTIES.iter().filter(|(_, of, _)| is_new(*of));
        let names: Vec<String> = new.map(|(name, ..)| name.to_lowercase()).collect();
        let sentence = format!(
            "{} signed in from {} with what is new for them: {}.",
            sighting.user_name(),
            sighting.place(),
            names.join(", "),
        );
        let (subject, occurrence) = (Subject::user(sighting), run.occurrence());
        let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence);
        for (label, of, field) in PROPERTIES {
            let value = value_of(sighting, of);
            if value != 0 {
                let seen = familiarity(profile.seen(of, value, at), at);
                finding = finding.fact(label, format!("{}: {seen}", sighting.text(field)));
            }
        }
        finding = finding.fact("Properties that are new", names.len().to_string());
        if !is_bare {
            finding = finding.against("The device is registered in the directory, though new.");
        }
        if is_moved {
            finding = finding.against(
                "The same session of the same client was at a familiar place before, as when a \
                 VPN is switched on.",
            );
        }
        if !is_new(Trait::Country) {
            finding = finding.against("The user has signed in from this country before.");
        }
        context.found(run.rest(finding));
    }
}
