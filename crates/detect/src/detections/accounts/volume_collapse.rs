//! A log has suddenly far fewer sign-ins than usual.

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
    id: "volume-collapse",
    title: "Sign-in volume collapsed",
    summary: "A log that usually has many sign-ins at this hour has almost none: records are lost \
              or switched off, or people cannot sign in.",
    risk_event_type: "",
    techniques: &["T1562.008"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::ANY,
    inputs: &["createdDateTime", "signInEventTypes", "tenantId"],
    learning: "two weeks",
    method: &[
        "Sign-ins of each log of a tenant are counted by the hour.",
        "An hour is judged `patience` hours after its end, as records arrive late. It is compared \
         with the same hour of the last four weeks; of each the least of the hour and its \
         neighbours counts, and of the weeks the median.",
        "Where at least `usual` are usual and fewer than `percent` of them came, the volume has \
         collapsed. Hours of one collapse are one finding.",
        "It is medium when the log broke off from one hour to the next, or has less than half of \
         what this hour has on a day off; else it may be a holiday and is low.",
    ],
    against: &["A public holiday.", "A closed office; a strike; an internet outage."],
    tuning: "Lower `percent` if holidays are found; raise `patience` if records come later than an \
             hour after the sign-in.",
    response: &[
        "Look whether the source still sends: diagnostic settings, event hub, the importing job.",
        "Look whether somebody changed diagnostic settings: attackers switch logs off.",
        "If records do arrive, look whether people can sign in.",
    ],
    parameters: &[
        Parameter {
            name: "percent",
            meaning: "Fewer than so many hundredths of what is usual is a collapse",
            default: 10.0,
            unit: Unit::Percent,
            range: (1.0, 90.0),
        },
        Parameter {
            name: "usual",
            meaning: "Hours that usually have fewer sign-ins are not judged",
            default: 100.0,
            unit: Unit::Count,
            range: (10.0, 1_000_000.0),
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

#[derive(Debug)]
struct VolumeCollapse {
    percent: f64,
    usual: u32,
    patience_hours: usize,
    logs: LogVolumes,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(VolumeCollapse {
        percent: values.number("percent"),
        usual: u32::try_from(values.count("usual")).unwrap_or(u32::MAX),
        patience_hours: values.count("patience"),
        logs: LogVolumes::new(),
    })
}

impl Detection for VolumeCollapse {
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
        let (back, least, percent) = (self.patience_hours, self.usual, self.percent);
        self.logs.close(|log| {
            if let Some(finding) = judge(log, at_micros, back, least, percent) {
                context.found(finding);
            }
        });
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.logs.0
    }
}

fn judge(
    log: &mut LogVolume,
    at_micros: i64,
    back: usize,
    least: u32,
    percent: f64,
) -> Option<Finding> {
    let (count, usual) = (log.hours.ago(back)?, log.hours.usual(back)?);
    if usual < least {
        return None;
    }
    if f64::from(count) * 100.0 >= f64::from(usual) * percent {
        log.recover();
        return None;
    }
    log.miss(at_micros, back, usual, least);
    let is_below_day_off = log.had_sum * 2 < log.day_off_sum;
    let is_medium = log.is_broken_off || is_below_day_off;
    let level = if is_medium { Level::Medium } else { Level::Low };
    if !log.is_news(level) {
        return None;
    }
    let start = start_of(at_micros, back);
    let sentence = format!(
        "The {} has almost stopped: {count} sign-ins in the hour from {}, where {usual} are usual.",
        log.name(),
        text_of(start),
    );
    let share = f64::from(count) * 100.0 / f64::from(usual.max(1));
    let mut finding = log
        .finding(ABOUT.id, at_micros, sentence)
        .lasting(log.since_micros, start + HOUR_MICROS)
        .fact(
            "Newest hour",
            format!("{count} of {usual} = {share:.1} %; below {percent} % is found"),
        )
        .fact("Hours so far", log.missing_hours.to_string())
        .fact("Since", text_of(log.since_micros))
        .fact("On a day off", format!("{} in these hours; now {}", log.day_off_sum, log.had_sum));
    if !is_medium {
        finding = finding.against("The log faded as it does on a day off: it may be a holiday.");
    }
    Some(finding)
}
