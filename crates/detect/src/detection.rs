//! What a detection is: what it says about itself, and how it looks at sign-ins.

use crate::class::Class;
use crate::finding::{Finding, Level};
use crate::keyed::State;
use crate::lists::Lists;
use crate::profile::Profiles;
use crate::settings::Values;
use crate::sighting::Sighting;

/// What a parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Accounts, attempts, days with something.
    Count,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days.
    Days,
    /// Kilometres.
    Kilometres,
    /// Kilometres an hour.
    KilometresAnHour,
    /// Hundredths.
    Percent,
}

impl Unit {
    /// As shown after a number.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Count => "",
            Unit::Minutes => "min",
            Unit::Hours => "h",
            Unit::Days => "d",
            Unit::Kilometres => "km",
            Unit::KilometresAnHour => "km/h",
            Unit::Percent => "%",
        }
    }
}

/// A number that decides, to be changed in configuration or page.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in the configuration, in kebab case.
    pub name: &'static str,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// Its value unless told otherwise.
    pub default: f64,
    /// What it counts.
    pub unit: Unit,
    /// The least and the largest value that make sense.
    pub range: (f64, f64),
}

/// When a detection can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// With the sign-in itself.
    RealTime,
    /// From several sign-ins, or afterwards.
    Offline,
}

/// What a detection says about itself. Its page in the documentation, the page of detections and
/// the configuration's checks are made from this.
#[derive(Debug)]
pub struct About {
    /// Its identifier: kebab case, for ever.
    pub id: &'static str,
    /// Its name, in the field's words.
    pub title: &'static str,
    /// What it looks for, in one or two plain sentences.
    pub summary: &'static str,
    /// Graph's `riskEventType`; empty where a finding is no risk of a user or workload.
    pub risk_event_type: &'static str,
    /// MITRE ATT&CK techniques, the most telling first.
    pub techniques: &'static [&'static str],
    /// How sure it usually is.
    pub level: Level,
    /// When it can know.
    pub timing: Timing,
    /// It is shown every sign-in that has any of these.
    pub wants: Class,
    /// The fields it reads, by their names in the catalogue.
    pub inputs: &'static [&'static str],
    /// How long it must watch before it judges, in words; empty for not at all.
    pub learning: &'static str,
    /// How it decides, step by step.
    pub method: &'static [&'static str],
    /// What explains a finding that is no attack.
    pub against: &'static [&'static str],
    /// How to make it quieter or sharper.
    pub tuning: &'static str,
    /// What to look at, and to do, when it fires.
    pub response: &'static [&'static str],
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// Is it on unless told otherwise?
    pub is_on: bool,
    /// Does a finding of it make an alert unless told otherwise? Else it is only recorded.
    pub alerts: bool,
}

/// What a detection may look at beside the sign-in, and where it says what it has found.
#[derive(Debug)]
pub struct Context<'a> {
    /// What is usual, before this sign-in was learned.
    pub profiles: &'a Profiles,
    /// The administrator's lists.
    pub lists: &'a Lists,
    pub(crate) found: &'a mut Vec<Finding>,
}

impl Context<'_> {
    /// Says what was found. A finding with the identifier of an earlier one replaces it: a run
    /// that goes on is told again, with more evidence, and stays one finding.
    pub fn found(&mut self, finding: Finding) {
        self.found.push(finding);
    }
}

/// A detection. Sign-ins come in the order of their time, each once, in its latest revision.
/// Whatever comes late or changed is put in its place by going back (see [`crate::Fold`]), so a
/// detection never sees disorder and needs no rule for it.
pub trait Detection: Send {
    /// What it says about itself.
    fn about(&self) -> &'static About;

    /// Looks at a sign-in.
    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>);

    /// A moment of the grid of [`TICK_MICROS`] has passed; sign-ins before it were all shown. For
    /// what must be noticed because nothing happens.
    fn tick(&mut self, _at_micros: i64, _context: &mut Context<'_>) {}

    /// Everything it remembers.
    fn state(&mut self) -> &mut dyn State;
}

/// How far apart ticks are: ten minutes.
pub const TICK_MICROS: i64 = 600_000_000;

/// How a detection is made from its values.
pub type Make = fn(&Values<'_>) -> Box<dyn Detection>;
