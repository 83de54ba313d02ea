use durward_detect::{Level, SubjectKind};
use serde_json::json;

use super::{agent, hourly, to};
use crate::story::{DAY, MINUTE, SignIn, Story, user, workload};

const ID: &str = "agent-unfamiliar-resource";

fn after_usual(days: i64, told: impl IntoIterator<Item = SignIn>) -> Story {
    let mut all = hourly(days, |at| agent("helper", at));
    all.extend(told);
    Story::new(&all)
}

#[test]
fn a_new_resource_is_low_and_several_are_medium() {
    let new = |n: i64| to(agent("helper", 10 * DAY + n * MINUTE), &format!("Vault {n}"));
    let found = after_usual(10, [new(0), new(0)]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert_eq!(found[0].subject.kind, SubjectKind::Agent);
    assert!(found[0].sentence.contains("helper signed in to Vault 0"));
    let found = after_usual(10, (0..3).map(new)).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Medium, 3));
}

#[test]
fn it_learns_first_and_failures_teach_and_tell_nothing() {
    let new = |at| to(agent("helper", at), "Vault");
    assert!(after_usual(6, [new(6 * DAY)]).findings(ID).is_empty());
    assert!(after_usual(10, [new(10 * DAY).code(53003)]).findings(ID).is_empty());
}

#[test]
fn plain_workloads_are_no_agents_and_agents_act_for_people_too() {
    let plain = |at| workload("helper", at).with("agent", json!({"agentType": "notAgentic"}));
    let mut told = hourly(10, plain);
    told.push(to(plain(10 * DAY), "Vault"));
    assert!(Story::new(&told).findings(ID).is_empty());
    let acting = |at| {
        user("ana", at).silent().app("Helper").with("agent", json!({"agentType": "agenticApp"}))
    };
    let mut told = hourly(10, acting);
    told.push(to(acting(10 * DAY), "Vault"));
    let found = Story::new(&told).findings(ID);
    assert_eq!(found.len(), 1);
    let expected = "The agent Helper signed in to Vault on behalf of ana@contoso.example, which it \
                    had never used.";
    assert_eq!(found[0].sentence, expected);
}
