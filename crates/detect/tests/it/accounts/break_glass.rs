use durward_detect::{Level, Lists};

use super::names;
use crate::story::{DAY, HOUR, MINUTE, Story, user};

const ID: &str = "break-glass";

fn lists() -> Lists {
    Lists { break_glass: names(&["emergency@contoso.example"]), ..Lists::default() }
}

#[test]
fn any_try_is_found_and_a_success_makes_it_high() {
    let told = [user("emergency", 0).code(50126), user("emergency", MINUTE).silent()];
    let story = Story::new(&told);
    let found = story.findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 2));
    assert!(found[0].sentence.contains("was used, from Vigo, ES"), "{}", found[0].sentence);
    let found = Story::new(&told[..1]).findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("without success"), "{}", found[0].sentence);
}

#[test]
fn other_accounts_and_an_empty_list_find_nothing() {
    assert!(Story::new(&[user("ana", 0)]).findings_listed(ID, lists()).is_empty());
    assert!(Story::new(&[user("emergency", 0)]).findings(ID).is_empty());
}

#[test]
fn a_day_of_use_is_one_finding_and_the_next_day_another() {
    let mut told: Vec<_> = (0..9).map(|n| user("emergency", n * HOUR)).collect();
    told.push(user("emergency", 9 * HOUR).code(53003));
    told.push(user("emergency", DAY));
    let found = Story::new(&told).findings_listed(ID, lists());
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].event_count, 8, "told at 1, 2, 4 and 8");
    assert_eq!(found[0].level, Level::High);
    assert_ne!(found[0].id, found[1].id);
}
