//! The user says no to a second factor, or reports it.

use durward_model::FieldId;
use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use super::novelty::Novelty;
use super::run::Run;
use crate::class::Class;
use crate::detection::{About, Context, Detection, Timing};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "mfa-denied",
    title: "MFA request denied by the user",
    summary: "The user refused a request for a second factor, or reported it as fraud: somebody \
              else knows the password.",
    risk_event_type: "userReportedSuspiciousActivity",
    techniques: &["T1621", "T1078.004"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::USER_DENIED,
    inputs: &[
        "status/additionalDetails",
        "authenticationDetails",
        "mfaResult",
        "mfaDetail/authDetail",
        "userId",
        "ipAddress",
        "autonomousSystemNumber",
        "deviceDetail/deviceId",
    ],
    learning: "7 days of the user before a refusal is more than low; none for a report",
    method: &[
        "A sign-in counts when its details say that the user declined or denied the request, or \
         reported fraud or suspicious activity. A request that was not answered does not count.",
        "A report is high.",
        "A refusal is medium when neither the network nor the device is one the user has used, and \
         low when only one of network and client is new. It is no finding on a registered device \
         that the user has used, nor with a usual client in a usual network.",
        "Refusals with less than a day between them are one finding.",
    ],
    against: &[
        "A slip of the thumb: the user's own sign-in a moment earlier.",
        "An application that renews its sign-in in the background.",
    ],
    tuning: "It has no numbers. Let users report suspicious requests in the authentication methods \
             policy; a report is worth more than a refusal.",
    response: &[
        "Ask the user whether the request was theirs.",
        "If not, the password is known: reset it and look at all sign-ins from that address.",
    ],
    parameters: &[],
    is_on: true,
    alerts: true,
};

/// Users watched at a time.
const USERS_MAX: usize = 200_000;

/// Refusals of one user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Refusals {
    run: Run,
    reports: u64,
}

impl Touched for Refusals {
    fn touched_micros(&self) -> i64 {
        self.run.last_micros()
    }
}

#[derive(Debug)]
struct MfaDenied(Keyed<Refusals>);

/// Makes the detection.
pub fn make(_: &Values<'_>) -> Box<dyn Detection> {
    Box::new(MfaDenied(Keyed::new(USERS_MAX)))
}

impl Detection for MfaDenied {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 || sighting.is(Class::SUCCESS) {
            return;
        }
        let novelty = Novelty::of(sighting, context);
        let is_report = is_report(sighting);
        let is_familiar = !novelty.device || !(novelty.network || novelty.client);
        if is_familiar && !is_report {
            return;
        }
        let user = self.0.entry(sighting.user);
        user.run.add(sighting, DAY_MICROS);
        user.reports = u64::from(is_report) + if user.run.count() == 1 { 0 } else { user.reports };
        let level = match (user.reports > 0, novelty.is_stranger() && novelty.is_watched) {
            (true, _) => Level::High,
            (false, true) => Level::Medium,
            (false, false) => Level::Low,
        };
        if !user.run.is_due(level) {
            return;
        }
        let level = user.run.worst(level);
        let did = if user.reports > 0 { "reported" } else { "refused" };
        let sentence = format!(
            "{} {did} a request for a second factor by a sign-in from {} ({}).",
            sighting.user_name(),
            sighting.place(),
            sighting.address_text(),
        );
        let subject = Subject::user(sighting);
        let occurrence = user.run.occurrence();
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Requests refused or reported", user.run.count().to_string())
            .fact("Reports of fraud", user.reports.to_string())
            .fact("Application", sighting.app_name());
        context.found(user.run.tell(novelty.speak(finding), &[]));
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.0
    }
}

/// Did the user not only refuse, but report it?
fn is_report(sighting: &Sighting<'_>) -> bool {
    let fields = [
        FieldId::AdditionalDetails,
        FieldId::MfaResult,
        FieldId::MfaAuthDetail,
        FieldId::AuthenticationDetails,
    ];
    fields.into_iter().any(|field| {
        let text = sighting.text(field).to_ascii_lowercase();
        text.contains("fraud") || text.contains("suspiciousactivity")
    })
}
