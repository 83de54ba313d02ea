//! User name and password sent by a program, which no second factor can stop.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use super::novelty::{Novelty, system};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::key_within;
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "ropc",
    title: "Password grant (ROPC) success",
    summary: "A program sent a user's name and password and got in. This flow cannot ask for a \
              second factor, and neither the user nor, it may be, the application usually does \
              that.",
    risk_event_type: "generic",
    techniques: &["T1078.004", "T1110"],
    level: Level::Low,
    timing: Timing::RealTime,
    wants: Class::ROPC,
    inputs: &[
        "authenticationProtocol",
        "status/errorCode",
        "userId",
        "appId",
        "autonomousSystemNumber",
    ],
    learning: "7 days of the user; until then what is found is recorded as low",
    method: &[
        "A success counts when its protocol is ropc.",
        "It is found when the user has not used the flow within the time that makes it usual, or \
         comes by it from a network that is new for them.",
        "It is medium when the network is new for a user who is known well, and low otherwise.",
        "At most one finding a user and day.",
    ],
    against: &["A script or test that was set up recently by the user or an administrator."],
    tuning: "List accounts of scripts under `service-accounts`: their first use from the network \
             they are always in is then no finding.",
    response: &[
        "Ask the user, or the owner of the application, whether a program signs in as them.",
        "If not, reset the password; require a second factor for the account by Conditional \
         Access, which stops this flow altogether.",
    ],
    parameters: &[Parameter {
        name: "usual-after",
        meaning: "A user or application with this flow within so many days usually has it",
        default: 30.0,
        unit: Unit::Days,
        range: (1.0, 90.0),
    }],
    is_on: true,
    alerts: true,
};

/// Users and applications watched at a time.
const MOST: usize = 200_000;

/// When the flow was last used.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct LastUse(Option<i64>);

impl Touched for LastUse {
    fn touched_micros(&self) -> i64 {
        self.0.unwrap_or(i64::MIN)
    }
}

#[derive(Debug)]
struct Ropc {
    usual_micros: i64,
    /// By user and by application.
    state: (Keyed<LastUse>, Keyed<LastUse>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(Ropc {
        usual_micros: values.micros("usual-after"),
        state: (Keyed::new(MOST), Keyed::new(MOST)),
    })
}

impl Detection for Ropc {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if !sighting.is_user_success() || sighting.user == 0 {
            return;
        }
        let (at, usual) = (sighting.at_micros, self.usual_micros);
        let is_first = |uses: &mut Keyed<LastUse>, key| {
            let before = uses.entry(key).0.replace(at);
            before.is_none_or(|before| at - before > usual)
        };
        let user_is_new = is_first(&mut self.state.0, sighting.user);
        let app = key_within(sighting.app.app, sighting.tenant);
        let app_is_new = app != 0 && is_first(&mut self.state.1, app);
        let novelty = Novelty::of(sighting, context);
        let is_found = (user_is_new && !sighting.actor.is_service) || novelty.network;
        if is_found && (novelty.is_watched || user_is_new) {
            context.found(finding(sighting, novelty, user_is_new, app_is_new));
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

fn finding(
    sighting: &Sighting<'_>,
    novelty: Novelty,
    user_is_new: bool,
    app_is_new: bool,
) -> Finding {
    let is_medium = novelty.network && novelty.is_watched;
    let level = if is_medium { Level::Medium } else { Level::Low };
    let app = sighting.app_name();
    let sentence = format!(
        "A program signed in to {app} with name and password of {} from {} ({}), where no second \
         factor can be asked for.",
        sighting.user_name(),
        sighting.place(),
        sighting.address_text(),
    );
    let said = |is_new| if is_new { "first use" } else { "used before" };
    let day = sighting.at_micros.div_euclid(DAY_MICROS).to_le_bytes();
    let subject = Subject::user(sighting);
    let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &day, sentence)
        .fact("The user with this flow", said(user_is_new))
        .fact(&format!("{app} with this flow"), said(app_is_new))
        .fact("Autonomous system", system(sighting.network.asn));
    if sighting.authentication.is_single_factor {
        finding = finding.fact("Factors", "one");
    }
    novelty.speak(finding)
}
