//! Sign-ins from countries where the organisation does not work, by the administrator's list.

use durward_model::time::DAY_MICROS;

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::key_within;
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State};
use crate::profile::Stop;
use crate::settings::Values;
use crate::sighting::Sighting;
use durward_model::FieldId;

use super::run::Run;
use super::tally::Tally;
use super::words::whereabouts;
use super::{PAUSE_MICROS, USERS_MAX};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "unexpected-country",
    title: "Country where nobody works",
    summary: "A sign-in came from a country that is not on the administrator's list of countries.",
    risk_event_type: "newCountry",
    techniques: &["T1078.004", "T1110"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::SUCCESS.and(Class::FAILED),
    inputs: &["location/countryOrRegion", "status/errorCode", "userId", "deviceDetail/deviceId"],
    learning: "none; it does nothing without the list `countries`",
    method: &[
        "A success from a country that is not on the list `countries` is medium.",
        "It is low with a registered device that the user had before, and where several people of \
         the tenant come from the network with devices of theirs.",
        "Trusted and shared networks are left alone.",
        "Failures are counted for each country and day; from `failures` on they are one low \
         finding about the tenant.",
    ],
    against: &["A journey.", "A VPN or carrier with its way out in another country."],
    tuning: "Complete the list `countries`, by two-letter codes; block other countries by \
             Conditional Access.",
    response: &[
        "Ask the user whether they are there.",
        "If not: revoke sessions and reset the password.",
    ],
    parameters: &[Parameter {
        name: "failures",
        meaning: "Failures from one country on a day that are worth a finding",
        default: 10.0,
        unit: Unit::Count,
        range: (1.0, 1_000_000.0),
    }],
    is_on: true,
    alerts: true,
};

/// Countries in all tenants.
const COUNTRIES_MAX: usize = 50_000;

#[derive(Debug)]
struct UnexpectedCountry {
    failures: u64,
    state: (Keyed<Run>, Keyed<Tally>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(UnexpectedCountry {
        failures: values.count("failures") as u64,
        state: (Keyed::new(USERS_MAX), Keyed::new(COUNTRIES_MAX)),
    })
}

impl Detection for UnexpectedCountry {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let network = sighting.network;
        let is_quiet = network.is_expected_country
            || network.country == 0
            || network.is_trusted
            || network.is_shared
            || !sighting.is(Class::USER);
        if is_quiet {
            return;
        }
        if sighting.is(Class::SUCCESS) {
            self.success(sighting, context);
        } else {
            self.failure(sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

impl UnexpectedCountry {
    fn success(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, stop) = (sighting.at_micros, Stop::of(sighting));
        let profile = context.profiles.user(sighting);
        let has_own_device = stop.device != 0
            && profile.is_some_and(|one| one.knew_machine(stop.device, stop.client, at));
        let is_egress = context.profiles.is_egress(&stop);
        let level = if has_own_device || is_egress { Level::Low } else { Level::Medium };
        let run = self.state.0.entry(key_within(sighting.user, sighting.network.country));
        if !run.add(EventRef::of(sighting), None, level, at, PAUSE_MICROS) {
            return;
        }
        let sentence = format!(
            "{} signed in from {}, a country that is not on the list of countries.",
            sighting.user_name(),
            sighting.place(),
        );
        let (subject, occurrence) = (Subject::user(sighting), run.occurrence());
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Where", whereabouts(&stop))
            .fact("Successes there", run.risky_count().to_string());
        let mut finding = run.rest(finding);
        if has_own_device {
            finding = finding
                .against("The registered device is one that this user had before: a journey.");
        }
        if is_egress {
            finding = finding.against("Several people of the tenant come from this network.");
        }
        context.found(finding);
    }

    fn failure(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let country = sighting.network.country;
        let tally = self.state.1.entry(key_within(country, sighting.tenant));
        if !tally.count(sighting, self.failures) {
            return;
        }
        let name = sighting.text(FieldId::CountryOrRegion);
        let sentence = format!(
            "{} sign-ins of {} failed from {name}, a country that is not on the list of countries.",
            tally.events(),
            tally.users_in_words(),
        );
        let day = sighting.at_micros.div_euclid(DAY_MICROS);
        let occurrence = [country.to_le_bytes(), day.to_le_bytes()].concat();
        let counted = format!("{} today; {} are enough", tally.events(), self.failures);
        let subject = Subject::tenant(sighting);
        let finding = Finding::new(ABOUT.id, subject, Level::Low, sighting, &occurrence, sentence)
            .fact("Failures", counted)
            .fact("Users", tally.users_in_words())
            .fact("Country", name)
            .against("None of them succeeded.");
        context.found(tally.rest(finding));
    }
}
