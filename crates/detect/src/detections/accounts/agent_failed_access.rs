//! An agent tries what it may not do.

use durward_model::FieldId;
use durward_model::time::HOUR_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Recent;

use super::agent::{self, AGENTS_MAX, Habit};
use super::daily::Daily;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "agent-failed-access",
    title: "Failed access attempts by an agent",
    summary: "Sign-ins of an agent fail one after the other: it tries resources it has no right \
              to, or somebody else tries as the agent.",
    risk_event_type: "failedAccessAttempt",
    techniques: &["T1078.004", "T1110"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::AGENT,
    inputs: &["agent/agentType", "servicePrincipalId", "resourceId", "status/errorCode"],
    learning: "",
    method: &[
        "Failures of an agent within an hour are counted; interruptions are no failures.",
        "`strange` failures for resources that it never got into are medium.",
        "`failures` in all are low: a resource or credential that it is used to fails.",
        "All of an agent on one UTC day are one finding.",
    ],
    against: &["A secret that has expired.", "A new agent whose rights were not granted yet."],
    tuning: "Raise `strange` for agents that try resources by design.",
    response: &[
        "Look which resources and error codes they are: no right, blocked by policy, wrong secret.",
        "Ask the agent's owner or sponsor; if they cannot explain it, disable the agent.",
    ],
    parameters: &[
        Parameter {
            name: "strange",
            meaning: "Failures within an hour for resources it never got into",
            default: 5.0,
            unit: Unit::Count,
            range: (1.0, 1000.0),
        },
        Parameter {
            name: "failures",
            meaning: "Failures within an hour, whatever the resource",
            default: 20.0,
            unit: Unit::Count,
            range: (2.0, 10_000.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Failures remembered of an agent.
const FAILURES_MAX: usize = 1000;

/// What an agent gets into, and what it does not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Agent {
    habit: Habit,
    /// Of the last hour: was the resource strange to it?
    failures: Recent<bool>,
    today: Daily,
}

impl Touched for Agent {
    fn touched_micros(&self) -> i64 {
        self.habit.touched_micros().max(self.failures.last_micros())
    }
}

#[derive(Debug)]
struct FailedAccess {
    strange: usize,
    failures: usize,
    agents: Keyed<Agent>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(FailedAccess {
        strange: values.count("strange"),
        failures: values.count("failures"),
        agents: Keyed::new(AGENTS_MAX),
    })
}

impl Detection for FailedAccess {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let key = agent::key_of(sighting);
        if key == 0 {
            return;
        }
        if sighting.is(Class::SUCCESS) {
            self.agents.entry(key).habit.learn(sighting);
        } else if sighting.is(Class::FAILED) {
            self.failed(key, sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.agents
    }
}

impl FailedAccess {
    fn failed(&mut self, key: u64, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let at = sighting.at_micros;
        let agent = self.agents.entry(key);
        let is_strange = !agent.habit.knows(sighting.resource.resource);
        agent.failures.push(at, is_strange, HOUR_MICROS, FAILURES_MAX);
        let strange = agent.failures.since(at - HOUR_MICROS).filter(|(_, one)| **one).count();
        let failures = agent.failures.len();
        let level = if strange >= self.strange {
            Level::Medium
        } else if failures >= self.failures {
            Level::Low
        } else {
            return;
        };
        if !agent.today.count(sighting, level) {
            return;
        }
        let subject = agent::subject_of(sighting);
        let sentence = format!(
            "The agent {} failed to sign in {failures} times within an hour, {strange} of them for \
             resources it never got into; the newest is {}{}.",
            subject.name,
            sighting.text(FieldId::ResourceDisplayName),
            agent::on_behalf(sighting),
        );
        let (level, day) = (agent.today.level, agent.today.occurrence());
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &day, sentence)
            .fact("For strange resources", format!("{strange}; {} are enough", self.strange))
            .fact("Failures in an hour", format!("{failures}; {} are enough", self.failures))
            .fact("Newest error code", sighting.outcome.code.to_string());
        context.found(agent.today.rest(finding));
    }
}
