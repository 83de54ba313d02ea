use durward_detect::Level;
use serde_json::json;

use crate::story::{HOUR, SignIn, Story, user};

const ID: &str = "agent-risky-user";

fn acting(name: &str, at: i64) -> SignIn {
    user(name, at).silent().app("Helper").with("agent", json!({"agentType": "agenticApp"}))
}

#[test]
fn acting_for_a_user_at_risk_is_found_once_a_day() {
    let told: Vec<_> =
        (0..4).map(|n| acting("ana", n * HOUR).with("riskLevelAggregated", "high")).collect();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 4));
    assert!(found[0].sentence.contains("Helper") && found[0].sentence.contains("ana@contoso"));
    let told = [acting("ana", 0).with("riskState", "atRisk")];
    assert_eq!(Story::new(&told).findings(ID)[0].level, Level::Medium);
}

#[test]
fn people_without_risk_settled_risk_and_people_without_agents_are_none() {
    let told = [
        acting("ana", 0),
        acting("ben", 0).with("riskLevelAggregated", "high").with("riskState", "dismissed"),
        acting("eva", 0).with("riskLevelAggregated", "high").code(53003),
        user("leo", 0).with("riskLevelAggregated", "high"),
    ];
    assert!(Story::new(&told).findings(ID).is_empty());
}
