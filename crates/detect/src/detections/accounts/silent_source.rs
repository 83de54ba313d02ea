//! A log that always has something has nothing.

use durward_model::time::HOUR_MICROS;

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level};
use crate::keyed::State;
use crate::settings::Values;
use crate::sighting::Sighting;

use super::hours::{is_full_hour, text_of};
use super::log_volume::{LogVolume, LogVolumes, start_of};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "silent-source",
    title: "Source is silent",
    summary: "A log that has sign-ins in every hour of this time of the week has had none for \
              hours: its source has stopped, or was switched off.",
    risk_event_type: "",
    techniques: &["T1562.008"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::ANY,
    inputs: &["createdDateTime", "signInEventTypes", "tenantId"],
    learning: "two weeks",
    method: &[
        "Sign-ins of each log of a tenant are counted by the hour; an hour is judged `patience` \
         hours after its end.",
        "An hour without any counts when the same hour had some in each of the last two to four \
         weeks, its neighbours too. Nights and weekends that are quiet anyway do not count.",
        "After `hours` such hours, in which at least `missed` sign-ins are usual altogether, the \
         source is silent. The whole silence is one finding.",
        "It is medium when the log broke off from one hour to the next, or these hours have at \
         least `missed` on days off too; else it may be a holiday and is low.",
        "Hours that usually have at least `busy` sign-ins are left to the detection of collapsed \
         volume, which is faster.",
    ],
    against: &[
        "A public holiday.",
        "A job that was retired, where it was the only one in its log.",
    ],
    tuning: "Raise `hours` or `missed` for small tenants; raise `patience` if records come later \
             than an hour after the sign-in.",
    response: &[
        "Look whether the source still sends: diagnostic settings, event hub, the importing job.",
        "Look whether somebody changed diagnostic settings: attackers switch logs off.",
    ],
    parameters: &[
        Parameter {
            name: "hours",
            meaning: "Hours without any sign-in where there usually are some",
            default: 4.0,
            unit: Unit::Hours,
            range: (1.0, 168.0),
        },
        Parameter {
            name: "missed",
            meaning: "Sign-ins that these hours usually have altogether",
            default: 20.0,
            unit: Unit::Count,
            range: (1.0, 1_000_000.0),
        },
        Parameter {
            name: "busy",
            meaning: "Hours that usually have so many are left to volume-collapse",
            default: 100.0,
            unit: Unit::Count,
            range: (10.0, 1_000_000_000.0),
        },
        Parameter {
            name: "patience",
            meaning: "How long after its end an hour is judged",
            default: 1.0,
            unit: Unit::Hours,
            range: (0.0, 24.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// In the hour before a log breaks off there are usually so many.
const ACTIVE_MIN: u32 = 10;

#[derive(Debug)]
struct SilentSource {
    hours: u32,
    missed: u64,
    busy: u32,
    patience_hours: usize,
    logs: LogVolumes,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    let number = |name| u32::try_from(values.count(name)).unwrap_or(u32::MAX);
    Box::new(SilentSource {
        hours: number("hours"),
        missed: values.count("missed") as u64,
        busy: number("busy"),
        patience_hours: values.count("patience"),
        logs: LogVolumes::new(),
    })
}

impl Detection for SilentSource {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, _: &mut Context<'_>) {
        self.logs.count(sighting);
    }

    fn tick(&mut self, at_micros: i64, context: &mut Context<'_>) {
        if !is_full_hour(at_micros) {
            return;
        }
        let (hours, missed, busy) = (self.hours, self.missed, self.busy);
        let back = self.patience_hours;
        self.logs.close(|log| {
            let is_missing = note(log, at_micros, back, busy);
            let is_silent = is_missing && log.missing_hours >= hours && log.usual_sum >= missed;
            if is_silent && let Some(finding) = tell(log, at_micros, back, missed, hours) {
                context.found(finding);
            }
        });
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.logs.0
    }
}

/// Notes an hour, and says whether it is one more that lacks its sign-ins.
fn note(log: &mut LogVolume, at_micros: i64, back: usize, busy: u32) -> bool {
    if log.hours.ago(back).unwrap_or(0) > 0 {
        log.recover();
        return false;
    }
    let (Some(least), Some(usual)) = (log.hours.least(back), log.hours.usual(back)) else {
        return false;
    };
    let is_missing = least > 0 && usual < busy;
    if is_missing {
        log.miss(at_micros, back, usual, ACTIVE_MIN);
    }
    is_missing
}

fn tell(
    log: &mut LogVolume,
    at_micros: i64,
    back: usize,
    missed: u64,
    hours: u32,
) -> Option<Finding> {
    let is_medium = log.is_broken_off || log.day_off_sum >= missed;
    if !log.is_news(if is_medium { Level::Medium } else { Level::Low }) {
        return None;
    }
    let sentence = format!(
        "The {} has been silent since {}; {} sign-ins are usual in that time.",
        log.name(),
        text_of(log.since_micros),
        log.usual_sum,
    );
    let counted = format!("{}; {hours} are enough", log.missing_hours);
    let mut finding = log
        .finding(ABOUT.id, at_micros, sentence)
        .lasting(log.since_micros, start_of(at_micros, back) + HOUR_MICROS)
        .fact("Silent hours that usually have some", counted)
        .fact("Sign-ins usual in them", format!("{}; {missed} are enough", log.usual_sum))
        .fact("On a day off", format!("{} in these hours", log.day_off_sum));
    if !is_medium {
        finding = finding.against("The log faded as it does on a day off: it may be a holiday.");
    }
    Some(finding)
}
