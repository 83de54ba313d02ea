//! Rules of one's own and Sigma rules, over small logs.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod collection;
mod kept;
mod labels;
mod revised;
mod shapes;
mod shipped;
mod sigma;
mod stream;

use durward_detect::Finding;
use durward_detect::rules::{Compiled, Ground, Placeholders, Rule, run};
use durward_query::Engine;

use crate::story::{MONDAY_MICROS, Story};

/// A rule written in TOML.
pub(crate) fn rule(text: &str) -> Compiled {
    let rule: Rule = toml::from_str(text).unwrap();
    Compiled::new(rule, &Placeholders::default()).unwrap()
}

/// What a rule finds in a story between two moments after its beginning (µs).
pub(crate) fn found_between(story: &Story, rule: &Compiled, from: i64, to: i64) -> Vec<Finding> {
    let (engine, view) = (Engine::new(), story.store().view());
    let ground = Ground { engine: &engine, view: &view };
    run(ground, rule, MONDAY_MICROS + from, MONDAY_MICROS + to).unwrap()
}

/// What a rule finds in the hundred days after a story begins, and the day before.
pub(crate) fn found(story: &Story, rule: &Compiled) -> Vec<Finding> {
    found_between(story, rule, -crate::story::DAY, 100 * crate::story::DAY)
}
