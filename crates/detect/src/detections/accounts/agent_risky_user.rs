//! An agent acts for a user who is at risk.

use crate::class::Class;
use crate::detection::{About, Context, Detection, Timing};
use crate::facts::key_within;
use crate::finding::{Finding, Level};
use crate::keyed::{Keyed, State};
use crate::settings::Values;
use crate::sighting::Sighting;

use super::agent::{self, AGENTS_MAX};
use super::daily::Daily;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "agent-risky-user",
    title: "Agent signs in for a risky user",
    summary: "An agent signed in on behalf of a user whom the source itself sees at risk: whoever \
              holds the account now commands the agent.",
    risk_event_type: "riskyUserSignIn",
    techniques: &["T1078.004", "T1550.001"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::AGENT,
    inputs: &["agent/agentType", "userId", "riskState", "riskLevelAggregated"],
    learning: "",
    method: &[
        "Successes of an agent on behalf of a user are looked at, if the record has a risk level \
         or the state at risk, and the risk is not settled.",
        "The level is that of the record; a risk without a level is medium.",
        "All of an agent for one user on one UTC day are one finding.",
    ],
    against: &["The risk is of another sign-in, and false."],
    tuning: "Settle the user's risk: confirm it or dismiss it. Block agents of users at risk by \
             Conditional Access.",
    response: &[
        "Look at the user's risk first; it decides.",
        "If the user is compromised: revoke the agent's sessions too, and look at what it did.",
    ],
    parameters: &[],
    is_on: true,
    alerts: true,
};

#[derive(Debug)]
struct RiskyUser {
    /// By agent and user.
    pairs: Keyed<Daily>,
}

/// Makes the detection.
pub fn make(_: &Values<'_>) -> Box<dyn Detection> {
    Box::new(RiskyUser { pairs: Keyed::new(AGENTS_MAX) })
}

impl Detection for RiskyUser {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let key = key_within(agent::key_of(sighting), sighting.user);
        let is_risky = sighting.class.all(Class::SUCCESS.and(Class::SOURCE_RISK));
        if key == 0 || sighting.user == 0 || !is_risky {
            return;
        }
        let level = match sighting.risk.aggregated.max(sighting.risk.during) {
            1 => Level::Low,
            3 => Level::High,
            _ => Level::Medium,
        };
        let today = self.pairs.entry(key);
        if !today.count(sighting, level) {
            return;
        }
        let subject = agent::subject_of(sighting);
        let user = sighting.user_name();
        let sentence = format!(
            "The agent {} signed in from {} on behalf of {user}, who is at risk.",
            subject.name,
            sighting.place(),
        );
        let mut occurrence = [0; 16];
        occurrence[..8].copy_from_slice(&today.occurrence());
        occurrence[8..].copy_from_slice(&sighting.user.to_le_bytes());
        let finding = Finding::new(ABOUT.id, subject, today.level, sighting, &occurrence, sentence)
            .fact("User", user)
            .fact("Risk, as the source says", today.level.name())
            .fact("Sign-ins that day", today.count.to_string());
        context.found(today.rest(finding));
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.pairs
    }
}
