//! An agent gets into a resource that it never used.

use durward_model::FieldId;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

use super::agent::{self, AGENTS_MAX, Habit};
use super::daily::Daily;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "agent-unfamiliar-resource",
    title: "Unfamiliar resource access by an agent",
    summary: "An agent signed in to a resource that it had never used: it was given another task, \
              or another's words.",
    risk_event_type: "unfamiliarResourceAccess",
    techniques: &["T1078.004", "T1550.001"],
    level: Level::Low,
    timing: Timing::Offline,
    wants: Class::AGENT,
    inputs: &["agent/agentType", "servicePrincipalId", "resourceId"],
    learning: "`learning` days and 20 successes of the agent",
    method: &[
        "The resources that an agent gets into are remembered.",
        "A success for another one, after the learning period, is low; `resources` new ones on one \
         UTC day are medium.",
        "All of an agent on one day are one finding.",
    ],
    against: &["The agent was given a new task, or a new connector."],
    tuning: "Raise `resources` for agents that explore by design.",
    response: &[
        "Ask the agent's owner or sponsor whether it should use that resource.",
        "If not: disable the agent, and look at what it read and at the prompts it was given.",
    ],
    parameters: &[
        Parameter {
            name: "learning",
            meaning: "An agent watched for so many days has usual resources",
            default: 7.0,
            unit: Unit::Days,
            range: (1.0, 60.0),
        },
        Parameter {
            name: "resources",
            meaning: "New resources on one day that make it medium",
            default: 3.0,
            unit: Unit::Count,
            range: (1.0, 60.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// What an agent does, and what was new today.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Agent {
    habit: Habit,
    today: Daily,
}

impl Touched for Agent {
    fn touched_micros(&self) -> i64 {
        self.habit.touched_micros()
    }
}

#[derive(Debug)]
struct UnfamiliarResource {
    learning_micros: i64,
    resources: u64,
    agents: Keyed<Agent>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(UnfamiliarResource {
        learning_micros: values.micros("learning"),
        resources: values.count("resources") as u64,
        agents: Keyed::new(AGENTS_MAX),
    })
}

impl Detection for UnfamiliarResource {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let key = agent::key_of(sighting);
        if key == 0 || !sighting.is(Class::SUCCESS) {
            return;
        }
        let agent = self.agents.entry(key);
        let is_new = !agent.habit.knows(sighting.resource.resource)
            && agent.habit.is_settled(sighting.at_micros, self.learning_micros);
        if is_new {
            // Whether this makes it medium depends on the count with it.
            let before = agent.today.count_on(sighting.at_micros);
            let is_many = before + 1 >= self.resources;
            let level = if is_many { Level::Medium } else { Level::Low };
            if agent.today.count(sighting, level) {
                context.found(tell(agent, sighting, self.resources));
            }
        }
        agent.habit.learn(sighting);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.agents
    }
}

fn tell(agent: &Agent, sighting: &Sighting<'_>, resources: u64) -> Finding {
    let subject = agent::subject_of(sighting);
    let resource = sighting.text(FieldId::ResourceDisplayName);
    let sentence = format!(
        "The agent {} signed in to {resource}{}, which it had never used.",
        subject.name,
        agent::on_behalf(sighting),
    );
    let (habit, today) = (&agent.habit, &agent.today);
    let day = today.occurrence();
    let counted = format!("{}; medium from {resources}", today.count);
    let finding = Finding::new(ABOUT.id, subject, today.level, sighting, &day, sentence)
        .fact("New resources that day", counted)
        .fact("Resources before", habit.resources().to_string())
        .fact("Successes before", habit.successes.to_string());
    today.rest(finding)
}
