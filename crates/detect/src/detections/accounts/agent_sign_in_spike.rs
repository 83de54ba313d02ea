//! An agent signs in far more often than it ever did.

use std::collections::VecDeque;

use durward_model::time::HOUR_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{EVENTS_MAX, EventRef, Finding, Level};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Recent;

use super::agent::{self, AGENTS_MAX};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "agent-sign-in-spike",
    title: "Sign-in spike of an agent",
    summary: "An agent signed in within an hour far more often than in any hour of the last two \
              weeks.",
    risk_event_type: "signInSpike",
    techniques: &["T1078.004"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::AGENT,
    inputs: &["agent/agentType", "servicePrincipalId", "createdDateTime"],
    learning: "`learning` days of the agent",
    method: &[
        "Sign-ins of an agent are counted by the hour, with success or without.",
        "An hour is a spike when it has more than the mean of the last 14 days plus three standard \
         deviations, more than the largest of their hours, and more than `least`.",
        "Twice that is medium, else low.",
        "Spikes less than a day apart are one finding.",
    ],
    against: &["A larger task, or a backlog after an outage."],
    tuning: "Raise `least` for agents that many people use.",
    response: &[
        "Look which resources and users the sign-ins are for.",
        "Ask the agent's owner or sponsor; if they cannot explain it, disable the agent.",
    ],
    parameters: &[
        Parameter {
            name: "least",
            meaning: "Sign-ins within an hour that there must be more than",
            default: 50.0,
            unit: Unit::Count,
            range: (5.0, 1_000_000.0),
        },
        Parameter {
            name: "learning",
            meaning: "An agent watched for so many days has a usual number",
            default: 7.0,
            unit: Unit::Days,
            range: (1.0, 14.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Hours compared with: 14 days.
const HOURS_MAX: usize = 14 * 24;
/// Spikes less than this apart are one.
const SAME_MICROS: i64 = 24 * HOUR_MICROS;

/// The hours of an agent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Agent {
    last_micros: i64,
    /// Number of the open hour since 1970, and its count.
    hour: i64,
    open: u32,
    closed: VecDeque<u32>,
    /// More than this is a spike; 0 while that is not known.
    limit: u32,
    mean: f64,
    largest: u32,
    /// The count at which to look again.
    next: u32,
    events: Recent<EventRef>,
    began_micros: i64,
    spike_micros: i64,
    level: Level,
    told: u32,
}

impl Touched for Agent {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

#[derive(Debug)]
struct SignInSpike {
    least: u32,
    learning_hours: usize,
    agents: Keyed<Agent>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(SignInSpike {
        least: u32::try_from(values.count("least")).unwrap_or(u32::MAX),
        learning_hours: values.count("learning") * 24,
        agents: Keyed::new(AGENTS_MAX),
    })
}

impl Detection for SignInSpike {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let key = agent::key_of(sighting);
        if key == 0 {
            return;
        }
        let at = sighting.at_micros;
        let agent = self.agents.entry(key);
        let hour = at.div_euclid(HOUR_MICROS);
        if agent.last_micros == 0 {
            agent.hour = hour;
        } else if hour != agent.hour {
            agent.close_until(hour);
            agent.set_limit(self.least, self.learning_hours);
        }
        (agent.last_micros, agent.open) = (at, agent.open.saturating_add(1));
        agent.events.push(at, EventRef::of(sighting), HOUR_MICROS, EVENTS_MAX);
        if agent.limit > 0 && agent.open >= agent.next && agent.note_spike(at) {
            context.found(tell(agent, sighting));
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.agents
    }
}

impl Agent {
    /// Closes the open hour, and those without any sign-in up to an hour.
    fn close_until(&mut self, hour: i64) {
        let empty = usize::try_from(hour - self.hour - 1).unwrap_or(0).min(HOURS_MAX);
        // A spike counts up to its limit only, lest it make the next one look ordinary.
        let most = if self.limit > 0 { self.limit } else { u32::MAX };
        let counts = std::iter::once(self.open.min(most)).chain(std::iter::repeat_n(0, empty));
        self.closed.extend(counts);
        let excess = self.closed.len().saturating_sub(HOURS_MAX);
        self.closed.drain(..excess);
        (self.hour, self.open) = (hour, 0);
    }

    /// Works out the limit of the hour that begins.
    fn set_limit(&mut self, least: u32, learning_hours: usize) {
        self.limit = 0;
        if self.closed.len() < learning_hours.max(2) {
            return;
        }
        let count = self.closed.len() as f64;
        let mean = self.closed.iter().map(|&one| f64::from(one)).sum::<f64>() / count;
        let square = |&one: &u32| (f64::from(one) - mean).powi(2);
        let deviation = (self.closed.iter().map(square).sum::<f64>() / (count - 1.0)).sqrt();
        self.largest = self.closed.iter().copied().max().unwrap_or(0);
        self.mean = mean;
        self.limit = ((mean + 3.0 * deviation).ceil() as u32).max(self.largest).max(least);
        self.next = self.limit + 1;
    }

    /// Notes that the limit is passed; `true` when that is worth telling.
    fn note_spike(&mut self, at_micros: i64) -> bool {
        if self.began_micros == 0 || at_micros - self.spike_micros > SAME_MICROS {
            (self.began_micros, self.level, self.told) = (at_micros, Level::Low, 0);
        }
        self.spike_micros = at_micros;
        let far = self.limit.saturating_mul(2);
        let level = if self.open > far { Level::Medium } else { Level::Low };
        let is_news = level > self.level || self.open >= self.told.saturating_mul(2);
        self.level = self.level.max(level);
        if is_news {
            self.told = self.open;
        }
        let doubled = self.told.max(self.open).saturating_mul(2);
        self.next = if far >= self.open { doubled.min(far + 1) } else { doubled };
        is_news
    }
}

fn tell(agent: &Agent, sighting: &Sighting<'_>) -> Finding {
    let subject = agent::subject_of(sighting);
    let sentence = format!(
        "The agent {} signed in {} times within an hour, where {:.1} are usual.",
        subject.name, agent.open, agent.mean,
    );
    let limit = format!(
        "{} in the hour; more than {} is a spike (mean {:.1}, largest {} of {} hours)",
        agent.open,
        agent.limit,
        agent.mean,
        agent.largest,
        agent.closed.len(),
    );
    let occurrence = agent.began_micros.to_le_bytes();
    let events: Vec<EventRef> = agent.events.iter().map(|(_, event)| *event).collect();
    let risky = events.iter().map(|event| event.id).collect();
    Finding::new(ABOUT.id, subject, agent.level, sighting, &occurrence, sentence)
        .fact("Count", limit)
        .resting_on(events, u64::from(agent.open), risky)
}
